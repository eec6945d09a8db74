"""Evaluation of strategies on labelled queries: item-level predictions, a table, and a record that can be repeated."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.calibration import batch
from core.errors import InvalidConfig, InvalidData
from core.metrics import accuracy, macro_f1
from core.models import ASSETS
from core.predictor import Predictor, Question
from core.records import Example, Query
from core.scoring import Request
from core.strategies import STRATEGIES

LIBRARIES = ("torch", "transformers", "sentence-transformers", "tokenizers", "numpy")
RANDOM_STRATEGIES = ("random", "balanced")  # the others give the same choice under every seed


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated. Answers are in the query's language."""

    strategies: tuple[str, ...]
    k: int
    seeds: tuple[int, ...]
    pool_languages: tuple[str, ...] | None  # None: every language but the query's

    def __post_init__(self) -> None:
        """Refuse unknown strategies and an empty list of seeds."""
        for name in self.strategies:
            if name not in STRATEGIES:
                raise InvalidConfig(f"There is no strategy {name!r}; choose from {', '.join(STRATEGIES)}.")
        if not self.seeds or self.k < 0:
            raise InvalidConfig(
                f"k is {self.k} and seeds are {list(self.seeds)}; k must be 0 or more, with at least one seed."
            )


def evaluate(
    predictor: Predictor,
    queries: Sequence[Example],
    config: EvaluationConfig,
    progress: Callable[[float, str], None] | None = None,
) -> pd.DataFrame:
    """One row per item, strategy and seed: item, language, strategy, seed, k, gold, prediction, log-probabilities, demonstrations.

    Raises ``InvalidData`` without queries. Strategies without chance run once, under the first seed.
    """
    if not queries:
        raise InvalidData("There is no query to evaluate; check --languages and the fold of the query file.")
    if not predictor.task.is_closed:
        raise InvalidConfig(f"Task {predictor.task.name!r} has free-text answers; evaluate a task with labels.")
    predictor.index.prepare(progress)
    predictor.index.vectors.raw([query.text for query in queries])
    runs = [
        (strategy, seed)
        for strategy in config.strategies
        for seed in (config.seeds if strategy in RANDOM_STRATEGIES else config.seeds[:1])
    ]
    rows: list[dict[str, Any]] = []
    for number, (strategy, seed) in enumerate(runs):

        def tell(share: float, number: int = number, strategy: str = strategy) -> None:
            if progress is not None:
                progress((number + share) / len(runs), strategy)

        rows += _run(predictor, queries, strategy, seed, config, tell)
    return pd.DataFrame(rows)


def _run(
    predictor: Predictor,
    queries: Sequence[Example],
    strategy: str,
    seed: int,
    config: EvaluationConfig,
    tell: Callable[[float], None],
) -> list[dict[str, Any]]:
    labels = predictor.task.labels
    requests, selections = [], []
    for example in queries:
        query = Query(example.text, example.language, example.item)
        question = Question(query, strategy, config.k, (), config.pool_languages, seed)
        selection = predictor.select(question)
        prompt = predictor.writer.prompt(query, selection.demonstrations, example.language)
        requests.append(Request(prompt.text, predictor.answerer.words(example.language)))
        selections.append(selection)
    scores = predictor.scorer.score(requests, tell)
    calibrated = _calibrated(scores, [example.language for example in queries])
    return [
        {
            "item": example.item,
            "id": example.id,
            "language": example.language,
            "strategy": strategy,
            "seed": seed,
            "k": config.k,
            "gold": example.label,
            "prediction": labels[int(values.argmax())],
            "prediction_batch": labels[int(adjusted.argmax())],
            "log_probs": json.dumps([round(float(value), 5) for value in values]),
            "demonstrations": json.dumps([entry.example.id for entry in selection.demonstrations]),
            "demonstration_languages": json.dumps([entry.example.language for entry in selection.demonstrations]),
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
    """Accuracy and macro-F1 by strategy and language, means over seeds; the row "mean" averages over languages.

    ``accuracy_batch`` and ``macro_f1_batch`` are those of the batch-calibrated predictions.
    """
    rows = []
    for (strategy, code, _), part in items.groupby(["strategy", "language", "seed"], sort=False):
        gold = part["gold"].tolist()
        figures: list[float] = []
        for column in ("prediction", "prediction_batch"):
            predicted = part[column].tolist()
            figures += [accuracy(gold, predicted), macro_f1(gold, predicted, labels)]
        rows.append((strategy, code, *figures, len(part)))
    measures = ["accuracy", "macro_f1", "accuracy_batch", "macro_f1_batch", "items"]
    table = pd.DataFrame(rows, columns=["strategy", "language", *measures])
    per_language = table.groupby(["strategy", "language"], sort=False).mean().reset_index()
    overall = per_language.groupby("strategy", sort=False)[measures].mean().reset_index()
    overall.insert(1, "language", "mean")
    return pd.concat([per_language, overall], ignore_index=True)


def record(predictor: Predictor, config: EvaluationConfig, table: pd.DataFrame, seconds: float) -> dict[str, Any]:
    """Everything needed to run it again, with the result."""
    return {
        "command": " ".join(["python", *sys.argv]),
        "commit": _commit(),
        "config": asdict(config),
        "task": predictor.task.name,
        "templates": {code: template.version for code, template in predictor.task.templates.items()},
        "model": {
            "name": predictor.model.config.name,
            "precision": predictor.model.config.precision,
            "fingerprint": predictor.model.fingerprint,
        },
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
    (output / "record.json").write_text(json.dumps(entry, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def refuse_overwrite(output: Path) -> None:
    """Raise ``InvalidConfig`` when ``output`` holds a record."""
    if (output / "record.json").exists():
        raise InvalidConfig(f"{output} already holds a record; name another --output, or move the old one away.")


def _commit() -> str:
    command = ["git", "-C", str(ASSETS.parent), "rev-parse", "--short=12", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()
