"""Low resource: accuracy against the number of labelled items at hand, and against how well a language is provided for.

With n items, demonstrations come from one of three places:

- ``others``: the n items in all languages but the query's (the rule of the rest of the framework). The query's language lends its
  sentences to the centring of vectors and nothing else.
- ``own``: the n items in the query's own language. A pool with ``cross_lingual`` off allows that; no translation of the query is in it.
- ``both``: the n items in the query's language beside all items in the others: what do n examples add to transfer?

The items of a smaller n are among those of a larger one, drawn anew by every seed. Without items, ``others`` and ``own`` are zero-shot;
with fewer items than k all are shown.

Tables and figures of the low-resource experiment.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.config import Count, Natural, check
from core.data.pool import Pool
from core.data.tasks import Task
from core.errors import InvalidConfig, InvalidData
from core.evaluation import BARE, EvaluationConfig, at_most, evaluate
from core.experiments.runner import (
    POINTS,
    SHARE,
    P,
    Row,
    Tell,
    Work,
    cell,
    comparison_rows,
    facts,
    finding,
    mean_macro_f1,
    right,
)
from core.inference.predictor import Predictor
from core.languages import group_of
from core.records import Example
from core.run_record import model_facts
from core.seeds import random_of
from core.selection.pool_index import PoolIndex
from core.statistics.comparisons import compare_all, mean_interval
from core.training.run import data_key
from core.workbench import Workbench

Tables = Mapping[tuple[str, int], Sequence[pd.DataFrame]]  # by source and number of items, a table a seed


def shown(tables: Tables, labels: Sequence[str]) -> dict[str, Any]:
    """Curves over the number of items, by source, resource class and language; tests between sources and against no items."""
    whole = {key: pd.concat(several) for key, several in tables.items()}
    scores = {_name(key): right(table) for key, table in whole.items()}
    rows: list[Row] = []
    classes: list[Row] = []
    languages: list[Row] = []
    for source, size in sorted(whole, key=lambda key: (key[0], key[1])):
        values = scores[_name((source, size))]
        by_seed = [round(float(right(part).mean()), 4) for part in tables[source, size]]
        rows.append(
            {
                "source": source,
                "items in the pool": size,
                "accuracy": cell(mean_interval(values)),
                "macro-F1": round(mean_macro_f1(whole[source, size], labels), 4),
                "seeds": len(by_seed),
                "lowest seed": min(by_seed),
                "highest seed": max(by_seed),
            }
        )
        codes = pd.Series(values.index.get_level_values("language"), index=values.index)
        for resource, part in values.groupby(codes.map(lambda code: group_of(str(code), "resource"))):
            classes.append(
                {
                    "resources": str(resource),
                    "source": source,
                    "items in the pool": size,
                    "accuracy": cell(mean_interval(part)),
                    "languages": int(part.index.get_level_values("language").nunique()),
                }
            )
        for code, part in values.groupby(codes):
            found = cell(mean_interval(part))
            languages.append({"language": str(code), "source": source, "items in the pool": size, "accuracy": found})
    tests = compare_all(scores, _pairs(list(whole)))
    line = {"kind": "line", "x": "items in the pool", "y": "accuracy", "units": SHARE}
    return {
        "findings": [finding(one) for one in tests],
        "tables": {
            "accuracy by number of items": rows,
            "sources and sizes compared": comparison_rows(tests),
            "by resource class": sorted(classes, key=lambda row: row["resources"]),
            "by language": sorted(languages, key=lambda row: row["language"]),
        },
        "units": dict.fromkeys(("accuracy", "macro-F1", "lowest seed", "highest seed"), SHARE)
        | {"first minus second": POINTS, "p": P, "p (Holm)": P},
        "figures": {
            "accuracy by number of items": line
            | {"title": "Accuracy by labelled items", "series": "source", "table": "accuracy by number of items"},
            **{
                f"accuracy by resource class, {source}": line
                | {
                    "title": f"Accuracy by labelled items and resource class, {source}",
                    "series": "resources",
                    "rows": [row for row in classes if row["source"] == source],
                }
                for source in dict.fromkeys(source for source, _ in whole)
            },
        },
    }


def _pairs(keys: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    """What is worth a test: sources against each other at the same size, and each size against the smallest of its source.

    ``others`` with no items is zero-shot, which ``own`` starts from as well.
    """
    found = []
    sizes = sorted({size for _, size in keys})
    for size in sizes:
        here = [source for source, other in keys if other == size]
        found += [((a, size), (b, size)) for place, b in enumerate(here) for a in here[place + 1 :]]
    for source in dict.fromkeys(source for source, _ in keys):
        mine = sorted(size for other, size in keys if other == source)
        first = ("others", 0) if source == "own" and ("others", 0) in keys else (source, mine[0])
        found += [((source, size), first) for size in mine if (source, size) != first]
    return [(_name(a), _name(b)) for a, b in dict.fromkeys(found)]


def _name(key: tuple[str, int]) -> str:
    return f"{key[0]}, {key[1]} items" if key != ("others", 0) else "no items"


SOURCES = ("others", "own", "both")


@dataclass(frozen=True)
class LowResourceConfig:
    """How many items, from where."""

    sizes: tuple[Natural, ...]  # n
    sources: tuple[str, ...]  # see SOURCES
    strategy: str
    k: Count
    seeds: tuple[int, ...]
    most: Count  # queries of each language

    def __post_init__(self) -> None:
        """Refuse unknown sources and negative sizes."""
        check(self, "--")
        for name in self.sources:
            if name not in SOURCES:
                raise InvalidConfig(f"There is no source {name!r}; choose from {', '.join(SOURCES)}.")
        if not self.sources or not self.sizes:
            raise InvalidConfig(
                f"The sizes are {', '.join(map(str, self.sizes)) or 'empty'} and the sources {', '.join(self.sources) or 'empty'}; give "
                "at least one size of 0 or more and one source."
            )
        EvaluationConfig((self.strategy,), (self.k,), self.seeds, None, most=self.most)  # raises for what it refuses


@dataclass(frozen=True)
class Pass:
    """One table: a source and a size under a seed."""

    source: str
    size: int
    seed: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.source}-{self.size}-{self.seed}"

    @property
    def bare(self) -> bool:
        """Whether there is nothing to show."""
        return self.size == 0 and self.source != "both"


def low_resource(
    config: LowResourceConfig,
    bench: Workbench,
    task: Task,
    pool: Sequence[Example],
    queries: Sequence[Example],
    folder: Path,
    tell: Tell,
) -> dict[str, Any]:
    """Evaluate every size and source; the record. Raises ``InvalidData`` where a size is larger than the pool."""
    began = time.perf_counter()
    asked = at_most(queries, config.most)
    items = _items(pool, [query.language for query in asked], max(config.sizes))
    identity = {"model": model_facts(bench.model), "strategy": config.strategy, "k": config.k, "task": task.name}
    work = Work(folder, identity | {"data": data_key(asked, pool)}, tell)
    passes = _passes(config, len(items))
    work.expect([one.name for one in passes])
    bench.index(task.name).prepare()  # vectors of the whole pool, kept on disk, which all smaller pools are parts of
    tables: dict[tuple[str, int], list[pd.DataFrame]] = {}
    for one in passes:
        kept = set(random_of("low resource", one.seed).sample(items, len(items))[: one.size])

        def make(told: Tell, one: Pass = one, kept: set[str] = kept) -> pd.DataFrame:
            return _evaluated(config, one, bench, task, _pools(one, kept, pool, asked), told)

        tables.setdefault((one.source, one.size), []).append(work.table(one.name, make))
    return {
        **facts(
            "lowresource",
            "Accuracy against the number of labelled items",
            bench.model,
            asdict(config),
            {"pool": pool, "queries": asked},
            0,
        ),
        "task": task.name,
        "seeds": list(config.seeds),
        "items": len({query.item for query in asked}),
        **shown(tables, task.labels),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _items(pool: Sequence[Example], codes: Sequence[str], largest: int) -> list[str]:
    """Items that the pool has in every language of the queries."""
    if not codes:
        raise InvalidData("There is no query; check --languages and the fold of the query file.")
    sides: dict[str, set[str]] = {code: set() for code in codes}
    for example in pool:
        if example.language in sides:
            sides[example.language].add(example.item)
    shared = sorted(set.intersection(*sides.values()))
    if largest > len(shared):
        fewest = min(sides, key=lambda code: len(sides[code]))
        raise InvalidData(
            f"{largest} items were asked for, but the pool has {len(shared)} that are there in all {len(sides)} languages of the queries "
            f"({fewest} alone has {len(sides[fewest])}); lower --sizes, or give a larger pool."
        )
    return shared


def _passes(config: LowResourceConfig, whole: int) -> list[Pass]:
    """Every source, size and seed; where no draw is made (nothing, or everything) one seed does. Zero-shot is made once."""
    found = []
    for source in config.sources:
        for size in config.sizes:
            fixed = size in (0, whole) and config.strategy not in ("random", "balanced")
            bare = size == 0 and source != "both"
            seeds = config.seeds[:1] if fixed or bare else config.seeds
            found += [Pass("others" if bare else source, size, seed) for seed in seeds]
    return list(dict.fromkeys(found))


def _pools(
    one: Pass, kept: set[str], pool: Sequence[Example], asked: Sequence[Example]
) -> list[tuple[Pool, list[Example]]]:
    """Pools with the queries that choose from each. ``others`` is one pool, the rest one a language."""
    if one.bare or one.source == "others":
        return [(Pool(tuple(e for e in pool if one.bare or e.item in kept)), list(asked))]
    found = []
    for code in sorted({query.language for query in asked}):
        own = [e for e in pool if e.language == code and e.item in kept]
        beside = [e for e in pool if e.language != code] if one.source == "both" else []
        queries = [query for query in asked if query.language == code]
        found.append((Pool((*own, *beside), cross_lingual=False), queries))
    return found


def _evaluated(
    config: LowResourceConfig,
    one: Pass,
    bench: Workbench,
    task: Task,
    pools: Sequence[tuple[Pool, list[Example]]],
    tell: Tell,
) -> pd.DataFrame:
    tables, done = [], 0
    whole = sum(len(queries) for _, queries in pools)
    for pool, queries in pools:

        def told(share: float, stage: str, done: int = done, count: int = len(queries)) -> None:
            tell((done + share * count) / whole, stage)

        k = 0 if one.bare else min(config.k, len(set(pool.groups.tolist())))
        asked = EvaluationConfig((config.strategy if k else BARE,), (k,), (one.seed,), None)
        predictor = Predictor(task, PoolIndex(pool, bench.vectors, bench.encoder), bench.scorer, bench.settings)
        tables.append(evaluate(predictor, queries, asked, told))
        done += len(queries)
    return pd.concat(tables, ignore_index=True)
