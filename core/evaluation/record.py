"""The record of an evaluation: everything needed to run it again, with the result."""

import hashlib
import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from core.evaluation.config import EvaluationConfig
from core.evaluation.store import ITEMS, PARTS, RECORD, refuse_overwrite
from core.framings import framing_words
from core.predictor import Predictor
from core.records import Example
from core.run_record import command, commit, model_facts, write_record
from core.strategies import STRATEGIES
from core.tasks import Task

LIBRARIES = ("torch", "transformers", "sentence-transformers", "tokenizers", "numpy")


def record(
    predictor: Predictor,
    config: EvaluationConfig,
    table: pd.DataFrame,
    seconds: float,
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything needed to run it again, with the result. ``facts``: what the caller knows besides, such as where data came from."""
    answered = [config.answers] if config.answers else sorted(set(table["language"]) - {"mean"})
    return {
        "command": command(),
        "commit": commit(),
        "config": asdict(config),
        "task": predictor.task.name,
        "templates": {code: template.version for code, template in predictor.task.templates.items()},
        "fallback_languages": fallback_languages(predictor.task, answered),
        **_framings(config),
        "model": model_facts(predictor.model),
        "settings": asdict(predictor.settings),
        "scoring": predictor.scorer.method if predictor.task.is_closed else "generation",
        "pool": {"examples": len(predictor.index.pool), "languages": list(predictor.index.pool.languages)},
        **(facts or {}),
        "libraries": {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
        "seconds": round(seconds, 1),
        "results": json.loads(table.round(4).to_json(orient="records")),
    }


def _framings(config: EvaluationConfig) -> dict[str, dict[str, str]]:
    """Versions of the words of prompting systems, by language, where one of them is evaluated."""
    framed = any(STRATEGIES[name].framed for name in config.strategies)
    return {"framings": framing_words().versions} if framed else {}


def fallback_languages(task: Task, codes: Sequence[str]) -> list[str]:
    """The languages among ``codes`` that are asked or answered in English for want of a template or of label words."""
    return sorted(set(codes) - set(task.languages))


def identity(predictor: Predictor, config: EvaluationConfig, queries: Sequence[Example]) -> dict[str, Any]:
    """What makes two evaluations the same one, as JSON."""
    task = predictor.task
    words = {code: verbaliser.version for code, verbaliser in task.verbalisers.items()}
    return {
        "task": task.name,
        "config": asdict(config),
        "model": model_facts(predictor.model),
        "settings": asdict(predictor.settings),
        "templates": {code: template.version for code, template in task.templates.items()} | {"words": words},
        **_framings(config),
        "queries": digest(queries),
        "pool": digest(predictor.index.pool.examples),
        "commit": commit(),
    }


def digest(examples: Sequence[Example]) -> str:
    """Twelve hex digits that change with any example or their order."""
    found = hashlib.sha256()
    for example in examples:
        found.update(json.dumps(asdict(example), ensure_ascii=False).encode())
    return found.hexdigest()[:12]


def save(output: Path, items: pd.DataFrame, entry: dict[str, Any]) -> None:
    """Write ``items.parquet`` and, last, ``record.json`` into ``output``; the parts of the passes are then dropped.

    Raises ``InvalidConfig`` when the folder already holds the record of another run.
    """
    refuse_overwrite(output)
    output.mkdir(parents=True, exist_ok=True)
    items.to_parquet(output / ITEMS, index=False, compression="zstd")
    write_record(output / RECORD, entry)
    shutil.rmtree(output / PARTS, ignore_errors=True)
