"""Unseen tasks: tasks that the model's training never held, beside those it did.

Every task is asked over a corpus of its own, so tasks share neither items nor labels nor chance level, and accuracies of two tasks say
little beside each other. What can be compared is the gain over a baseline on the same queries: the majority answer (the most frequent
label of the pool, whatever is asked), zero-shot, and random demonstrations. Gains are tested within a task and over all queries of the
seen and of the unseen tasks.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.config import Count, check
from core.data.pool import Pool, check_pool
from core.data.tasks import Task
from core.errors import InvalidConfig, InvalidData
from core.evaluation import ZERO_SHOT, EvaluationConfig, fitting
from core.experiments.runner import (
    COMPARED,
    Experiment,
    Results,
    Row,
    cell,
    comparison_rows,
    evaluation_passes,
    findings,
    mean_macro_f1,
    right_answers,
)
from core.experiments.unseen import Words, in_english
from core.inference.predictor import Predictor
from core.progress import Progress
from core.records import Example
from core.report.cells import POINTS, SHARE
from core.report.document import Figure
from core.selection.pool_index import PoolIndex
from core.statistics.comparisons import Comparison, compare_all, mean_interval
from core.workbench import Workbench

MAJORITY, RANDOM = "majority", "random"
BASELINES = (MAJORITY, ZERO_SHOT, RANDOM)
SEEN, UNSEEN = "seen", "unseen"
TRAINED_ON = ("topic", "sentiment", "translation")  # tasks of the tiny model's episodes, see core.embedded.episodes


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
        if not {*self.strategies} - {ZERO_SHOT, RANDOM}:
            raise InvalidConfig(
                f"The strategies are {', '.join(self.strategies) or 'empty'}; name one beside the baselines {ZERO_SHOT} and {RANDOM}, "
                "for example agl."
            )
        self.evaluation  # noqa: B018  (raises for what an evaluation refuses)

    @property
    def evaluation(self) -> EvaluationConfig:
        """The passes over one corpus as an evaluation names them, baselines first."""
        names = dict.fromkeys((ZERO_SHOT, RANDOM, *self.strategies))
        return EvaluationConfig(tuple(names), (self.k,), self.seeds, None, most=self.most)


def unseen_tasks(
    config: UnseenTasksConfig,
    workbench: Workbench,
    corpora: Sequence[TaskData],
    folder: Path,
    progress: Progress,
) -> Row:
    """Ask all corpora and compare; the record. Raises ``InvalidConfig`` where no task is unseen, or one has free-text answers."""
    trained = workbench.model.trained
    seen = {*config.seen, *([trained.task] if trained is not None else [])}
    _require_unseen(corpora, seen)
    predictors = {one.name: _predictor(config, workbench, one, folder) for one in corpora}
    fitting_queries = {one.name: fitting(predictors[one.name], one.queries, config.evaluation) for one in corpora}
    passes = {
        one.name: evaluation_passes(
            predictors[one.name], fitting_queries[one.name][0], config.evaluation, f"{one.name}/"
        )
        for one in corpora
    }

    def conclude(tables: dict[str, pd.DataFrame]) -> Results:
        items = {one.name: pd.concat([tables[p.name] for p in passes[one.name]], ignore_index=True) for one in corpora}
        return results(
            {one.name: _with_majority(items[one.name], one) for one in corpora},
            {one.name: one.task.labels for one in corpora},
            [one.name for one in corpora if one.task.name in seen],
        )

    queries = [query for several, _ in fitting_queries.values() for query in several]
    return Experiment(
        kind="unseen",
        title="Tasks that the model never saw",
        config=config,
        models=[workbench.model],
        data={"pool": [example for one in corpora for example in one.pool], "queries": queries},
        settings={"k": config.k, "words": config.words, "corpora": [one.name for one in corpora]},
        passes=[one for several in passes.values() for one in several],
        conclude=conclude,
        facts={
            "corpora": {one.name: _described(one, fitting_queries[one.name], one.task.name in seen) for one in corpora},
            "seeds": list(config.seeds),
            "items": len({query.item for query in queries}),
        },
    ).run(folder, progress)


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


def _predictor(config: UnseenTasksConfig, workbench: Workbench, one: TaskData, folder: Path) -> Predictor:
    """The model before one corpus and its pool, whose vectors are kept in the work folder."""
    pool = Pool(one.pool)
    check_pool(pool, one.task.labels)
    cache = folder / f"{workbench.model.fingerprint}-{one.name}.npz"
    index = PoolIndex(pool, workbench.vectors, workbench.encoder, cache)
    worded = in_english(one.task) if config.words == "english" else one.task
    return Predictor(worded, index, workbench.scorer, workbench.settings)


def _with_majority(items: pd.DataFrame, one: TaskData) -> pd.DataFrame:
    """The rows of all passes, and those of the majority answer: the most frequent label of the pool, of equals the first by name."""
    counts = Counter(example.label for example in one.pool)
    answer = min(counts, key=lambda label: (-counts[label], label))
    zero_shot = items[items["strategy"] == ZERO_SHOT]
    return pd.concat([items, zero_shot.assign(strategy=MAJORITY, prediction=answer)], ignore_index=True)


def _described(one: TaskData, fitting_queries: tuple[Sequence[Example], Counter[str]], seen: bool) -> Row:
    queries, left_out = fitting_queries
    return {
        "task": one.task.name,
        "seen": seen,
        "queries": len(queries),
        "pool": len(one.pool),
        "languages": sorted({query.language for query in queries}),
        "left out": dict(left_out),
    }


def results(items: Mapping[str, pd.DataFrame], labels: Mapping[str, Sequence[str]], seen: Sequence[str]) -> Results:
    """``items``: rows of ``evaluate`` by corpus, baselines included; ``labels`` by corpus; ``seen``: corpora whose task is known."""
    scores = {
        name: {str(strategy): right_answers(part) for strategy, part in table.groupby("strategy", sort=False)}
        for name, table in items.items()
    }
    groups = {SEEN: [n for n in items if n in seen], UNSEEN: [n for n in items if n not in seen]}
    strategies = [s for s in dict.fromkeys(s for one in scores.values() for s in one) if s not in BASELINES]
    systems: dict[str, pd.Series[float]] = {}
    pairs: dict[tuple[str, str], tuple[str, str, str]] = {}  # names in tests -> corpus or group, strategy, baseline
    scopes = {name: [name] for name in items} | {f"{group} tasks": names for group, names in groups.items() if names}
    for scope, names in scopes.items():
        for strategy in (*strategies, *BASELINES):
            systems[_name(strategy, scope)] = pd.concat([_apart(scores[n][strategy], n) for n in names])
        pairs |= {(_name(s, scope), _name(b, scope)): (scope, s, b) for s in strategies for b in BASELINES}
    tests = compare_all(systems, list(pairs))
    gains = [_gain(one, *pairs[one.first, one.second], groups) for one in tests]
    rows = _rows(items, scores, labels, groups)
    of_first = [row for row in gains if row["strategy"] == strategies[0]]
    title = f"Gain of {strategies[0]} over each baseline"
    return Results(
        findings(tests) + _caution(groups),
        {"accuracy by task": rows, "gains over baselines": gains, "tests of the gains": comparison_rows(tests)},
        {"accuracy": SHARE, "macro-F1": SHARE, "gain": POINTS} | COMPARED,
        {
            "accuracy by task": Figure(
                "Accuracy by task", "bar", "corpus", "accuracy", rows, series="strategy", unit=SHARE
            ),
            "gain in seen and unseen tasks": Figure(
                title, "bar", "over", "gain", of_first, series="where", unit=POINTS
            ),
        },
    )


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


def _gain(one: Comparison, scope: str, strategy: str, baseline: str, groups: Mapping[str, Sequence[str]]) -> Row:
    trained_on = scope in groups[SEEN] or scope == f"{SEEN} tasks"
    return {
        "where": scope,
        "task": SEEN if trained_on else UNSEEN,
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


def _name(strategy: str, scope: str) -> str:
    return f"{strategy} in {scope}"
