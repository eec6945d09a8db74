"""Unseen tasks: tasks that the model's training never held, beside those it did.

Every task is asked over a corpus of its own, so tasks share neither items nor labels nor chance level, and accuracies of two tasks say
little beside each other. What can be compared is the gain over a baseline on the same queries: the majority answer (the most frequent
label of the pool, whatever is asked), zero-shot, and random demonstrations. Gains are tested within a task and over all queries of the
seen and of the unseen tasks.

Tables and figures of the experiment with unseen tasks: what a strategy gains over the baselines of the same task.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.config import Count, check
from core.data.pool import Pool, check_pool
from core.data.tasks import Task
from core.errors import InvalidConfig, InvalidData
from core.evaluation import BARE, EvaluationConfig, evaluate, fitting, runs_of
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
from core.experiments.unseen import Words, english
from core.inference.predictor import Predictor
from core.records import Example
from core.run_record import model_facts
from core.selection.pool_index import PoolIndex
from core.statistics.comparisons import Comparison, compare_all, mean_interval
from core.training.run import data_key
from core.workbench import Workbench

MAJORITY = "majority"
BASELINES = (MAJORITY, BARE, "random")
SEEN, UNSEEN = "seen", "unseen"


def shown(
    items: Mapping[str, pd.DataFrame], labels: Mapping[str, Sequence[str]], seen: Sequence[str]
) -> dict[str, Any]:
    """``items``: rows of ``evaluate`` by corpus, baselines included; ``labels`` by corpus; ``seen``: corpora whose task is known."""
    scores = {
        name: {str(strategy): right(part) for strategy, part in table.groupby("strategy", sort=False)}
        for name, table in items.items()
    }
    groups = {SEEN: [n for n in items if n in seen], UNSEEN: [n for n in items if n not in seen]}
    strategies = [s for s in dict.fromkeys(s for one in scores.values() for s in one) if s not in BASELINES]
    systems: dict[str, pd.Series[float]] = {}
    pairs: dict[tuple[str, str], tuple[str, str, str]] = {}  # names in tests -> place, strategy, baseline
    places = {name: [name] for name in items} | {f"{group} tasks": names for group, names in groups.items() if names}
    for place, names in places.items():
        for strategy in (*strategies, *BASELINES):
            systems[_name(strategy, place)] = pd.concat([_apart(scores[n][strategy], n) for n in names])
        pairs |= {(_name(s, place), _name(b, place)): (place, s, b) for s in strategies for b in BASELINES}
    tests = compare_all(systems, list(pairs))
    gains = [_gain(one, *pairs[one.first, one.second], groups) for one in tests]
    return {
        "findings": [finding(one) for one in tests] + _caution(groups),
        "tables": {
            "accuracy by task": _rows(items, scores, labels, groups),
            "gains over baselines": gains,
            "tests of the gains": comparison_rows(tests),
        },
        "units": {
            "accuracy": SHARE,
            "macro-F1": SHARE,
            "gain": POINTS,
            "first minus second": POINTS,
            "p": P,
            "p (Holm)": P,
        },
        "figures": {
            "accuracy by task": {
                "kind": "bar",
                "title": "Accuracy by task",
                "x": "corpus",
                "y": "accuracy",
                "series": "strategy",
                "table": "accuracy by task",
                "units": SHARE,
            },
            "gain in seen and unseen tasks": {
                "kind": "bar",
                "title": f"Gain of {strategies[0]} over each baseline",
                "x": "over",
                "y": "gain",
                "series": "where",
                "rows": [row for row in gains if row["strategy"] == strategies[0]],
                "units": POINTS,
            },
        },
    }


def _rows(
    items: Mapping[str, pd.DataFrame],
    scores: "Mapping[str, Mapping[str, pd.Series[float]]]",
    labels: Mapping[str, Sequence[str]],
    groups: Mapping[str, Sequence[str]],
) -> list[Row]:
    return [
        {
            "corpus": name,
            "task": SEEN if name in groups[SEEN] else UNSEEN,
            "labels": len(labels[name]),
            "languages": int(part["language"].nunique()),
            "strategy": str(strategy),
            "accuracy": cell(mean_interval(scores[name][str(strategy)])),
            "macro-F1": round(mean_macro_f1(part, labels[name]), 4),
            "queries": int(part["id"].nunique()),
            "seeds": int(part["seed"].nunique()),
        }
        for name, table in items.items()
        for strategy, part in table.groupby("strategy", sort=False)
    ]


def _gain(one: Comparison, place: str, strategy: str, baseline: str, groups: Mapping[str, Sequence[str]]) -> Row:
    known = place in groups[SEEN] or place == f"{SEEN} tasks"
    return {
        "where": place,
        "task": SEEN if known else UNSEEN,
        "strategy": strategy,
        "over": baseline,
        "gain": cell(one.difference),
        "p (Holm)": round(one.p_holm, 5),
        "items": one.items,
    }


def _caution(groups: Mapping[str, Sequence[str]]) -> list[str]:
    if not groups[SEEN]:
        return ["No seen task was asked, so there is nothing to set the unseen ones beside."]
    return [
        "Seen and unseen tasks share no items, so their gains stand side by side and are not tested against each other."
    ]


def _apart(scores: "pd.Series[float]", corpus: str) -> "pd.Series[float]":
    """Scores under names of items that no other corpus has."""
    renamed = [(code, f"{corpus}/{item}") for code, item in scores.index]
    return scores.set_axis(pd.MultiIndex.from_tuples(renamed, names=["language", "item"]))


def _name(strategy: str, place: str) -> str:
    return f"{strategy} in {place}"


RANDOM = "random"
TRAINED_ON = (
    "topic",
    "sentiment",
    "translation",
)  # tasks of the embedded model's episodes, see core.embedded.episodes


@dataclass(frozen=True)
class TaskData:
    """One corpus as it is asked."""

    name: str
    task: Task
    queries: tuple[Example, ...]
    pool: tuple[Example, ...]


@dataclass(frozen=True)
class UnseenTasksConfig:
    """Which tasks the model knows, and how all are asked. Zero-shot and random demonstrations are always asked too."""

    seen: tuple[str, ...]  # tasks that the model was trained on, whether asked or not
    strategies: tuple[str, ...]
    k: Count
    seeds: tuple[int, ...]
    most: Count  # queries of each language
    words: Words = "english"  # of instruction and labels

    def __post_init__(self) -> None:
        """Refuse what leaves nothing to compare with the baselines."""
        check(self, "--")
        if not {*self.strategies} - {BARE, RANDOM}:
            raise InvalidConfig(
                f"The strategies are {', '.join(self.strategies) or 'empty'}; name one beside the baselines {BARE} and {RANDOM}, "
                "for example agl."
            )
        self.asked  # noqa: B018  (raises for what an evaluation refuses)

    @property
    def asked(self) -> EvaluationConfig:
        """The passes over one corpus as an evaluation names them, baselines first."""
        names = dict.fromkeys((BARE, RANDOM, *self.strategies))
        return EvaluationConfig(tuple(names), (self.k,), self.seeds, None, most=self.most)


def unseen_tasks(
    config: UnseenTasksConfig, bench: Workbench, corpora: Sequence[TaskData], folder: Path, tell: Tell
) -> dict[str, Any]:
    """Ask all corpora and compare; the record. Raises ``InvalidConfig`` where no task is unseen, or one has free-text answers."""
    began = time.perf_counter()
    trained = bench.model.trained
    seen = {*config.seen, *([trained.task] if trained is not None else [])}
    _require_unseen(corpora, seen)
    predictors = {one.name: _predictor(config, bench, one, folder) for one in corpora}
    asked = {one.name: fitting(predictors[one.name], one.queries, config.asked) for one in corpora}
    data = {one.name: data_key(asked[one.name][0], one.pool) for one in corpora}
    identity = {"model": model_facts(bench.model), "k": config.k, "words": config.words, "data": data}
    work = Work(folder, identity, tell)
    passes = [(one, run) for one in corpora for run in runs_of(config.asked)]
    work.expect([f"{one.name}/{run.name}" for one, run in passes])
    tables: dict[str, list[pd.DataFrame]] = {}
    for one, run in passes:
        single = EvaluationConfig((run.strategy,), (run.k,), (run.seed,), None)

        def make(told: Tell, name: str = one.name, single: EvaluationConfig = single) -> pd.DataFrame:
            return evaluate(predictors[name], asked[name][0], single, told)

        tables.setdefault(one.name, []).append(work.table(f"{one.name}/{run.name}", make))
    items = {one.name: _with_majority(pd.concat(tables[one.name], ignore_index=True), one) for one in corpora}
    every: dict[str, Sequence[Example]] = {
        "pool": [example for one in corpora for example in one.pool],
        "queries": [query for queries, _ in asked.values() for query in queries],
    }
    return {
        **facts("unseen", "Tasks that the model never saw", bench.model, asdict(config), every, 0),
        "corpora": {one.name: _described(one, asked[one.name], one.task.name in seen) for one in corpora},
        "seeds": list(config.seeds),
        "items": len({query.item for query in every["queries"]}),
        **shown(
            items, {one.name: one.task.labels for one in corpora}, [c.name for c in corpora if c.task.name in seen]
        ),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _require_unseen(corpora: Sequence[TaskData], seen: set[str]) -> None:
    for one in corpora:
        if not one.task.is_closed:
            raise InvalidConfig(
                f"Task {one.task.name!r} of {one.name} has free-text answers, which have no majority; name tasks with labels."
            )
        if not one.queries or not one.pool:
            raise InvalidData(
                f"{one.name} has {len(one.queries)} queries and {len(one.pool)} examples; name more languages."
            )
    if all(one.task.name in seen for one in corpora):
        raise InvalidConfig(
            f"All of {', '.join(one.name for one in corpora) or 'no tasks'} are seen ({', '.join(sorted(seen))}); add an unseen task to "
            "--tasks, or take one out of --seen-tasks."
        )


def _predictor(config: UnseenTasksConfig, bench: Workbench, one: TaskData, folder: Path) -> Predictor:
    """The model before one corpus and its pool, whose vectors are kept in the work folder."""
    pool = Pool(one.pool)
    check_pool(pool, one.task.labels)
    cache = folder / f"{bench.model.fingerprint}-{one.name}.npz"
    index = PoolIndex(pool, bench.vectors, bench.encoder, cache)
    spoken = english(one.task) if config.words == "english" else one.task
    return Predictor(spoken, index, bench.scorer, bench.settings)


def _with_majority(items: pd.DataFrame, one: TaskData) -> pd.DataFrame:
    """The rows of all passes, and those of the majority answer: the most frequent label of the pool, of equals the first by name."""
    counts = Counter(example.label for example in one.pool)
    answer = min(counts, key=lambda label: (-counts[label], label))
    bare = items[items["strategy"] == BARE]
    return pd.concat([items, bare.assign(strategy=MAJORITY, prediction=answer)], ignore_index=True)


def _described(one: TaskData, asked: tuple[Sequence[Example], Counter[str]], seen: bool) -> dict[str, Any]:
    queries, left_out = asked
    return {
        "task": one.task.name,
        "seen": seen,
        "queries": len(queries),
        "pool": len(one.pool),
        "languages": sorted({query.language for query in queries}),
        "left out": dict(left_out),
    }
