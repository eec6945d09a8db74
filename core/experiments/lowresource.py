"""Low resource: accuracy against the number of labelled items at hand, and against how well a language is provided for.

With n items, demonstrations come from one of three places:

- ``others``: the n items in all languages but the query's (the rule of the rest of the framework). The query's language lends its
  sentences to the centring of vectors and nothing else.
- ``own``: the n items in the query's own language. A pool with ``cross_lingual`` off allows that; no translation of the query is in it.
- ``both``: the n items in the query's language beside all items in the others: what do n examples add to transfer?

The items of a smaller n are among those of a larger one, drawn anew by every seed. Without items, ``others`` and ``own`` are zero-shot;
with fewer items than k all are shown.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.bundle import Workbench
from core.errors import InvalidConfig, InvalidData
from core.evaluation import BARE, EvaluationConfig, at_most, evaluate
from core.experiments.lowresource_tables import shown
from core.experiments.result import facts
from core.experiments.work import Tell, Work
from core.index import PoolIndex
from core.loop.fit import data_key
from core.pool import Pool
from core.predictor import Predictor
from core.records import Example
from core.run_record import model_facts
from core.seeds import random_of
from core.tasks import Task

SOURCES = ("others", "own", "both")


@dataclass(frozen=True)
class LowResourceConfig:
    """How many items, from where."""

    sizes: tuple[int, ...]  # n
    sources: tuple[str, ...]  # see SOURCES
    strategy: str
    k: int
    seeds: tuple[int, ...]
    most: int  # queries of each language

    def __post_init__(self) -> None:
        """Refuse unknown sources and negative sizes."""
        for name in self.sources:
            if name not in SOURCES:
                raise InvalidConfig(f"There is no source {name!r}; choose from {', '.join(SOURCES)}.")
        if not self.sources or not self.sizes or min(self.sizes) < 0:
            raise InvalidConfig(
                f"The sizes are {', '.join(map(str, self.sizes)) or 'empty'} and the sources {', '.join(self.sources) or 'empty'}; give "
                "at least one size of 0 or more and one source."
            )
        if self.k < 1:
            raise InvalidConfig(f"k is {self.k}; with no demonstrations there is nothing to compare, give 1 or more.")
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
