"""Low resource: accuracy against the number of labelled items at hand, and against how well a language is provided for.

With n items, demonstrations come from one of three sources:

- ``others``: the n items in all languages but the query's (the rule of the rest of the framework). The query's language lends its
  sentences to the centring of vectors and nothing else.
- ``own``: the n items in the query's own language. A pool with ``cross_lingual`` off allows that; no translation of the query is in it.
- ``both``: the n items in the query's language beside all items in the others: what do n examples add to transfer?

The items of a smaller n are among those of a larger one, drawn anew by every seed. Without items, ``others`` and ``own`` are zero-shot;
with fewer items than k all are shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from core.config import Count, Natural, check
from core.data.pool import Pool
from core.data.tasks import Task
from core.errors import InvalidConfig, InvalidData
from core.evaluation import ZERO_SHOT, EvaluationConfig, at_most, evaluate
from core.evaluation.passes import Pass
from core.experiments.runner import (
    COMPARED,
    Experiment,
    Results,
    Row,
    cell,
    comparison_rows,
    findings,
    mean_macro_f1,
    right_answers,
)
from core.inference.predictor import Predictor
from core.languages import group_of
from core.progress import Progress
from core.records import Example
from core.report.cells import SHARE
from core.report.document import Figure
from core.seeds import random_of
from core.selection.pool_index import PoolIndex
from core.selection.strategies import STRATEGIES
from core.statistics.comparisons import compare_all, mean_interval
from core.workbench import Workbench

SOURCES = ("others", "own", "both")
NO_ITEMS = ("others", 0)  # zero-shot, which ``own`` starts from as well
Tables = Mapping[tuple[str, int], Sequence[pd.DataFrame]]  # by source and number of items, a table a seed


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
        """Refuse unknown sources and empty lists."""
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
class Draw:
    """A source and a number of items, drawn under a seed: one pass."""

    source: str
    size: int
    seed: int

    @property
    def name(self) -> str:
        """Of its pass."""
        return f"{self.source}-{self.size}-{self.seed}"

    @property
    def is_empty(self) -> bool:
        """Whether there is no demonstration to show."""
        return self.size == 0 and self.source != "both"


def low_resource(
    config: LowResourceConfig,
    workbench: Workbench,
    task: Task,
    pool: Sequence[Example],
    queries: Sequence[Example],
    folder: Path,
    progress: Progress,
) -> Row:
    """Evaluate every size and source; the record. Raises ``InvalidData`` where a size is larger than the pool."""
    subset = at_most(queries, config.most)
    items = _items(pool, [query.language for query in subset], max(config.sizes))
    draws = draws_of(config, len(items))

    def make(draw: Draw, progress: Progress) -> pd.DataFrame:
        workbench.index(
            task.name
        ).prepare()  # vectors of the whole pool, kept on disk, which smaller pools are parts of
        drawn = set(random_of("low resource", draw.seed).sample(items, len(items))[: draw.size])
        return _evaluated(config, draw, workbench, task, _pools(draw, drawn, pool, subset), progress)

    def conclude(made: dict[str, pd.DataFrame]) -> Results:
        tables: dict[tuple[str, int], list[pd.DataFrame]] = {}
        for draw in draws:
            tables.setdefault((draw.source, draw.size), []).append(made[draw.name])
        return _results(tables, task.labels)

    return Experiment(
        kind="lowresource",
        title="Accuracy against the number of labelled items",
        config=config,
        models=[workbench.model],
        data={"pool": pool, "queries": subset},
        settings={"strategy": config.strategy, "k": config.k, "task": task.name},
        passes=[Pass(draw.name, partial(make, draw)) for draw in draws],
        conclude=conclude,
        facts={"task": task.name, "seeds": list(config.seeds), "items": len({query.item for query in subset})},
    ).run(folder, progress)


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


def draws_of(config: LowResourceConfig, whole: int) -> list[Draw]:
    """Every source, size and seed; one seed does where no items are drawn (none, or all ``whole``) by a strategy without chance in it.

    Zero-shot is made once.
    """
    draws = []
    for source in config.sources:
        for size in config.sizes:
            fixed = size in (0, whole) and not STRATEGIES[config.strategy].seeded
            empty = size == 0 and source != "both"
            seeds = config.seeds[:1] if fixed or empty else config.seeds
            draws += [Draw("others" if empty else source, size, seed) for seed in seeds]
    return list(dict.fromkeys(draws))


def _pools(
    draw: Draw, items: set[str], pool: Sequence[Example], queries: Sequence[Example]
) -> list[tuple[Pool, list[Example]]]:
    """Pools with the queries that choose from each. ``others`` is one pool, the rest one a language."""
    if draw.is_empty or draw.source == "others":
        return [(Pool(tuple(e for e in pool if draw.is_empty or e.item in items)), list(queries))]
    pools = []
    for code in sorted({query.language for query in queries}):
        own = [e for e in pool if e.language == code and e.item in items]
        beside = [e for e in pool if e.language != code] if draw.source == "both" else []
        pools.append(
            (Pool((*own, *beside), cross_lingual=False), [query for query in queries if query.language == code])
        )
    return pools


def _evaluated(
    config: LowResourceConfig,
    draw: Draw,
    workbench: Workbench,
    task: Task,
    pools: Sequence[tuple[Pool, list[Example]]],
    progress: Progress,
) -> pd.DataFrame:
    tables, done = [], 0
    whole = sum(len(queries) for _, queries in pools)
    for pool, queries in pools:

        def report(share: float, stage: str, done: int = done, count: int = len(queries)) -> None:
            progress((done + share * count) / whole, stage)

        k = 0 if draw.is_empty else min(config.k, len(set(pool.groups.tolist())))
        one = EvaluationConfig((config.strategy if k else ZERO_SHOT,), (k,), (draw.seed,), None)
        index = PoolIndex(pool, workbench.vectors, workbench.encoder)
        predictor = Predictor(task, index, workbench.scorer, workbench.settings)
        tables.append(evaluate(predictor, queries, one, report))
        done += len(queries)
    return pd.concat(tables, ignore_index=True)


def _results(tables: Tables, labels: Sequence[str]) -> Results:
    """Curves over the number of items, by source, resource class and language; tests between sources and against no items."""
    whole = {key: pd.concat(several) for key, several in tables.items()}
    scores = {_name(key): right_answers(table) for key, table in whole.items()}
    rows: list[Row] = []
    classes: list[Row] = []
    languages: list[Row] = []
    for source, size in sorted(whole):
        values = scores[_name((source, size))]
        by_seed = [round(float(right_answers(part).mean()), 4) for part in tables[source, size]]
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
            share = {"accuracy": cell(mean_interval(part)), "languages": int(codes[part.index].nunique())}
            classes.append({"resources": str(resource), "source": source, "items in the pool": size, **share})
        for code, part in values.groupby(codes):
            share = {"accuracy": cell(mean_interval(part))}
            languages.append({"language": str(code), "source": source, "items in the pool": size, **share})
    tests = compare_all(scores, _pairs(list(whole)))
    return Results(
        findings(tests),
        {
            "accuracy by number of items": rows,
            "sources and sizes compared": comparison_rows(tests),
            "by resource class": sorted(classes, key=lambda row: row["resources"]),
            "by language": sorted(languages, key=lambda row: row["language"]),
        },
        dict.fromkeys(("accuracy", "macro-F1", "lowest seed", "highest seed"), SHARE) | COMPARED,
        _figures(rows, classes),
    )


def _figures(rows: Sequence[Row], classes: Sequence[Row]) -> dict[str, Figure]:
    """Curves over the number of items, a line a source; and for each source a line a resource class."""
    title = "Accuracy by labelled items"
    figures = {
        "accuracy by number of items": Figure(
            title, "line", "items in the pool", "accuracy", rows, series="source", unit=SHARE
        )
    }
    for source in dict.fromkeys(row["source"] for row in rows):
        part = [row for row in classes if row["source"] == source]
        name = f"{title} and resource class, {source}"
        figures[f"accuracy by resource class, {source}"] = Figure(
            name, "line", "items in the pool", "accuracy", part, series="resources", unit=SHARE
        )
    return figures


def _pairs(keys: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    """What is worth a test: sources against each other at the same size, and each size against the smallest of its source."""
    pairs = []
    for size in sorted({size for _, size in keys}):
        sources = [source for source, other in keys if other == size]
        pairs += [((a, size), (b, size)) for index, b in enumerate(sources) for a in sources[index + 1 :]]
    for source in dict.fromkeys(source for source, _ in keys):
        sizes = sorted(size for other, size in keys if other == source)
        first = NO_ITEMS if source == "own" and NO_ITEMS in keys else (source, sizes[0])
        pairs += [((source, size), first) for size in sizes if (source, size) != first]
    return [(_name(a), _name(b)) for a, b in dict.fromkeys(pairs)]


def _name(key: tuple[str, int]) -> str:
    return f"{key[0]}, {key[1]} items" if key != NO_ITEMS else "no items"
