"""The record of an evaluation: everything needed to run it again, with the result.

An evaluation's folder: finished passes while it runs, so that a killed one goes on, and no record that is ever written over.

``parts/`` holds a Parquet file a pass and ``identity.json``, which says what the evaluation is; it goes when the record is there.
"""

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

from core.data.prompting_systems import framing_words
from core.data.tasks import Task
from core.errors import InvalidConfig
from core.evaluation.config import EvaluationConfig, Run
from core.inference.predictor import Predictor
from core.records import Example
from core.run_record import command, commit, model_facts, write_record
from core.selection.strategies import STRATEGIES

ITEMS, RECORD, PARTS = "items.parquet", "record.json", "parts"


def refuse_overwrite(output: Path) -> None:
    """Raise ``InvalidConfig`` when ``output`` holds a record, or predictions that no unfinished evaluation here explains."""
    if (output / RECORD).exists():
        raise InvalidConfig(f"{output} already holds a record; name another --output, or move the old one away.")
    if (output / ITEMS).exists() and not (output / PARTS).is_dir():
        raise InvalidConfig(f"{output} already holds {ITEMS} of another run; name another --output, or move it away.")


def forget(output: Path) -> None:
    """Remove what an evaluation left in ``output``, and nothing else."""
    for name in (RECORD, ITEMS):
        (output / name).unlink(missing_ok=True)
    shutil.rmtree(output / PARTS, ignore_errors=True)


class Parts:
    """The finished passes of one evaluation."""

    def __init__(self, output: Path, identity: dict[str, Any]) -> None:
        """``identity``: whatever makes two evaluations the same one. Raises ``InvalidConfig`` where another was begun here."""
        self.folder = output / PARTS
        self.seconds: dict[str, float] = {}  # of each pass, by name
        self.resumed: list[str] = []  # names of the passes taken from disk
        self._identity = json.loads(json.dumps(identity))
        path = self.folder / "identity.json"
        if path.is_file():
            self._check(output, json.loads(path.read_text(encoding="utf-8")), self._identity)

    @staticmethod
    def _check(output: Path, begun: dict[str, Any], meant: dict[str, Any]) -> None:
        other = sorted(key for key in {*begun, *meant} if begun.get(key) != meant.get(key))
        if other:
            raise InvalidConfig(
                f"{output} holds an unfinished evaluation with other {', '.join(other)}; repeat its command to go on with it, "
                "name another --output, or pass --overwrite."
            )

    @property
    def facts(self) -> dict[str, Any]:
        """For the record: wall seconds of every pass, and which of them an earlier process made."""
        passes = [{"pass": name, "seconds": round(value, 2)} for name, value in self.seconds.items()]
        return {"passes": passes, "resumed": self.resumed}

    def read(self, run: Run) -> pd.DataFrame | None:
        """The rows of a finished pass, None where it has yet to run."""
        path = self.folder / f"{run.name}.parquet"
        if not path.is_file():
            return None
        rows = pd.read_parquet(path)
        self.seconds[run.name] = float(rows.attrs["seconds"])
        self.resumed.append(run.name)
        rows.attrs = {}
        return rows

    def keep(self, run: Run, rows: pd.DataFrame, seconds: float) -> None:
        """Write the rows of a pass in one step."""
        if not self.folder.is_dir():  # nothing is left behind by an evaluation that never got anywhere
            self.folder.mkdir(parents=True)
            _replace(self.folder / "identity.json", json.dumps(self._identity, ensure_ascii=False, indent=1))
        path = self.folder / f"{run.name}.parquet"
        self.seconds[run.name] = seconds
        stored = rows.copy()
        stored.attrs = {"seconds": seconds}
        stored.to_parquet(path.with_suffix(".partial"), index=False)
        path.with_suffix(".partial").replace(path)


def _replace(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


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
