"""Evaluation of strategies on labelled queries: item-level predictions, a table, and a record that can be repeated."""

import json
import platform
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.calibration import batch
from core.errors import InvalidConfig, InvalidData
from core.framing import combined, requests_of
from core.metrics import accuracy, macro_f1
from core.perturbation import SHOWN_LABELS, show_labels
from core.predictor import Predictor, Question
from core.records import Example, Query
from core.run_record import command, commit, model_facts, write_record
from core.strategies import STRATEGIES

LIBRARIES = ("torch", "transformers", "sentence-transformers", "tokenizers", "numpy")
BARE = "zero-shot"  # what every strategy is at k = 0


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated. Answers are in the query's language."""

    strategies: tuple[str, ...]
    k: tuple[int, ...]  # numbers of demonstrations; every strategy is run for each
    seeds: tuple[int, ...]
    pool_languages: tuple[str, ...] | None  # None: every language but the query's
    shown_labels: str = "gold"  # labels that demonstrations show, see core.perturbation
    most: int | None = None  # queries of a language, see at_most; None: all

    def __post_init__(self) -> None:
        """Refuse unknown strategies and labels, impossible numbers, and an empty list of seeds."""
        for name in self.strategies:
            if name not in STRATEGIES:
                raise InvalidConfig(f"There is no strategy {name!r}; choose from {', '.join(STRATEGIES)}.")
        if not self.strategies:
            raise InvalidConfig(f"No strategy was named; choose from {', '.join(STRATEGIES)}.")
        if not self.seeds or not self.k or min(self.k) < 0:
            raise InvalidConfig(
                f"k is {', '.join(map(str, self.k)) or 'empty'} and seeds are {list(self.seeds)}; give at least one k of 0 or more "
                "and at least one seed."
            )
        if self.shown_labels not in SHOWN_LABELS:
            raise InvalidConfig(f"The labels shown are {self.shown_labels!r}; choose one of {', '.join(SHOWN_LABELS)}.")
        if self.most is not None and self.most < 1:
            raise InvalidConfig(f"At most {self.most} queries of a language were asked for; it must be 1 or more.")


@dataclass(frozen=True)
class Run:
    """One pass over all queries."""

    strategy: str
    k: int
    seed: int


def runs_of(config: EvaluationConfig) -> list[Run]:
    """The passes to make, each once.

    Without demonstrations all strategies are zero-shot, with k = 0, but for those that frame the query. What has no chance in it
    runs under the first seed alone; under other labels than their own, demonstrations always have some.
    """
    found = []
    for k in config.k:
        for strategy in config.strategies:
            if not STRATEGIES[strategy].needs_k or (k == 0 and not STRATEGIES[strategy].framed):
                found.append(Run(BARE, 0, config.seeds[0]))
                continue
            chance = k > 0 and (STRATEGIES[strategy].seeded or config.shown_labels != "gold")
            found += [Run(strategy, k, seed) for seed in (config.seeds if chance else config.seeds[:1])]
    return list(dict.fromkeys(found))


def evaluate(
    predictor: Predictor,
    queries: Sequence[Example],
    config: EvaluationConfig,
    progress: Callable[[float, str], None] | None = None,
) -> pd.DataFrame:
    """One row per item and run: item, language, strategy, seed, k, gold, prediction, log-probabilities, demonstrations.

    Raises ``InvalidData`` without queries, ``PoolTooSmall`` when the pool has fewer items than the largest k.
    """
    if not queries:
        raise InvalidData("There is no query to evaluate; check --languages and the fold of the query file.")
    if not predictor.task.is_closed:
        raise InvalidConfig(f"Task {predictor.task.name!r} has free-text answers; evaluate a task with labels.")
    queries = at_most(queries, config.most)
    runs = runs_of(config)
    _require(predictor, queries, config, max(run.k for run in runs))
    predictor.index.prepare(progress)
    predictor.index.vectors.raw([query.text for query in queries])
    tables = []
    for number, run in enumerate(runs):

        def tell(share: float, number: int = number, run: Run = run) -> None:
            if progress is not None:
                progress((number + share) / len(runs), f"{run.strategy}, k = {run.k}")

        tables.append(pd.DataFrame(_rows(predictor, queries, run, config, tell)))
    return pd.concat(tables, ignore_index=True)


def at_most(queries: Sequence[Example], most: int | None) -> list[Example]:
    """At most ``most`` queries of each language, in their order.

    The draw depends on the language alone, so languages bring different items: a mean over languages then rests on more items.
    """
    if most is None:
        return list(queries)
    kept: set[int] = set()
    for code in {query.language for query in queries}:
        places = [place for place, query in enumerate(queries) if query.language == code]
        kept.update(random.Random(f"most/{code}").sample(places, min(most, len(places))))
    return [query for place, query in enumerate(queries) if place in kept]


def _require(predictor: Predictor, queries: Sequence[Example], config: EvaluationConfig, k: int) -> None:
    """Raise ``PoolTooSmall`` now rather than after the runs with fewer demonstrations; asks for one query a language."""
    pool = predictor.index.pool
    for example in {query.language: query for query in queries}.values():
        query = Query(example.text, example.language, example.item)
        pool.require(pool.usable(query, config.pool_languages), k, query)


def _rows(
    predictor: Predictor,
    queries: Sequence[Example],
    run: Run,
    config: EvaluationConfig,
    tell: Callable[[float], None],
) -> list[dict[str, Any]]:
    labels = predictor.task.labels
    requests, selections = [], []
    for example in queries:
        query = Query(example.text, example.language, example.item)
        selection = predictor.select(Question(query, run.strategy, run.k, (), config.pool_languages, run.seed))
        shown = show_labels(selection.demonstrations, config.shown_labels, labels, run.seed, example.id)
        selections.append(replace(selection, demonstrations=shown))
        requests.append(requests_of(predictor.writer, query, selections[-1], example.language))
    each = iter(predictor.scorer.score([request for several in requests for request in several], tell))
    scores = [combined([next(each) for _ in several]) for several in requests]
    calibrated = _calibrated(scores, [example.language for example in queries])
    return [
        {
            "item": example.item,
            "id": example.id,
            "language": example.language,
            "strategy": run.strategy,
            "seed": run.seed,
            "k": run.k,
            "shown_labels": config.shown_labels,
            "gold": example.label,
            "prediction": labels[int(values.argmax())],
            "prediction_batch": labels[int(adjusted.argmax())],
            "log_probs": json.dumps([round(float(value), 5) for value in values]),
            "demonstrations": json.dumps([entry.example.id for entry in selection.demonstrations]),
            "demonstration_languages": json.dumps([entry.example.language for entry in selection.demonstrations]),
            "demonstration_labels": json.dumps([entry.example.label for entry in selection.demonstrations]),
        }
        for example, selection, values, adjusted in zip(queries, selections, scores, calibrated, strict=True)
    ]


def _calibrated(scores: Sequence[np.ndarray], languages: Sequence[str]) -> list[np.ndarray]:
    """Batch calibration within each language; a language with a single query stays as it is."""
    found: list[np.ndarray] = list(scores)
    for code in set(languages):
        places = [place for place, other in enumerate(languages) if other == code]
        if len(places) < 2:
            continue
        for place, row in zip(places, batch(np.stack([scores[place] for place in places])), strict=True):
            found[place] = row
    return found


def summary(items: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Accuracy and macro-F1 by strategy, k and language, means over seeds; the row "mean" averages over languages.

    ``accuracy_batch`` and ``macro_f1_batch`` are those of the batch-calibrated predictions.
    """
    rows = []
    for (strategy, k, code, _), part in items.groupby(["strategy", "k", "language", "seed"], sort=False):
        gold = part["gold"].tolist()
        figures: list[float] = []
        for column in ("prediction", "prediction_batch"):
            predicted = part[column].tolist()
            figures += [accuracy(gold, predicted), macro_f1(gold, predicted, labels)]
        rows.append((strategy, k, code, *figures, len(part)))
    measures = ["accuracy", "macro_f1", "accuracy_batch", "macro_f1_batch", "items"]
    table = pd.DataFrame(rows, columns=["strategy", "k", "language", *measures])
    per_language = table.groupby(["strategy", "k", "language"], sort=False).mean().reset_index()
    overall = per_language.groupby(["strategy", "k"], sort=False)[measures].mean().reset_index()
    overall.insert(2, "language", "mean")
    return pd.concat([per_language, overall], ignore_index=True)


def tables_by_k(table: pd.DataFrame, measure: str) -> dict[int, pd.DataFrame]:
    """A column of the summary as one table a k: languages down, strategies across, zero-shot beside every k."""
    bare = table["k"] == 0
    found = {}
    for k in sorted(set(table["k"]) - {0}) or [0]:
        part = table[bare | (table["k"] == k)]
        strategies, languages = (list(dict.fromkeys(part[column])) for column in ("strategy", "language"))
        ordered = sorted(strategies, key=lambda name: name != BARE)
        found[int(k)] = part.pivot(index="language", columns="strategy", values=measure).loc[languages, ordered]
    return found


def record(predictor: Predictor, config: EvaluationConfig, table: pd.DataFrame, seconds: float) -> dict[str, Any]:
    """Everything needed to run it again, with the result."""
    return {
        "command": command(),
        "commit": commit(),
        "config": asdict(config),
        "task": predictor.task.name,
        "templates": {code: template.version for code, template in predictor.task.templates.items()},
        "model": model_facts(predictor.model),
        "settings": asdict(predictor.settings),
        "scoring": predictor.scorer.method,
        "pool": {"examples": len(predictor.index.pool), "languages": list(predictor.index.pool.languages)},
        "libraries": {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
        "seconds": round(seconds, 1),
        "results": json.loads(table.round(4).to_json(orient="records")),
    }


def save(output: Path, items: pd.DataFrame, entry: dict[str, Any]) -> None:
    """Write ``items.parquet`` and, last, ``record.json`` into ``output``.

    Raises ``InvalidConfig`` when the folder already holds the record of another run.
    """
    refuse_overwrite(output)
    output.mkdir(parents=True, exist_ok=True)
    items.to_parquet(output / "items.parquet", index=False)
    write_record(output / "record.json", entry)


def refuse_overwrite(output: Path) -> None:
    """Raise ``InvalidConfig`` when ``output`` holds a record."""
    if (output / "record.json").exists():
        raise InvalidConfig(f"{output} already holds a record; name another --output, or move the old one away.")
