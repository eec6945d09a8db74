"""The folder of an evaluation: what makes two evaluations the same one, and the record with everything needed to run it again.

``parts/`` holds the finished passes while it runs (``core.evaluation.passes``) and goes when the record is there. No record is written
over.
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
from core.errors import InvalidConfig, InvalidData
from core.evaluation.config import EvaluationConfig
from core.inference.predictor import Predictor
from core.records import Example
from core.run_record import command, commit, model_facts, require_writable, write_record, write_whole
from core.selection.strategies import STRATEGIES

ITEMS, RECORD, PARTS, QUERIES = "items.parquet", "record.json", "parts", "queries.jsonl"


def refuse_overwrite(output: Path) -> None:
    """Raise ``InvalidConfig`` when ``output`` holds a record, or predictions that no unfinished evaluation here explains.

    Raises ``OutputUnwritable`` where nothing can be written.
    """
    require_writable(output)
    if (output / RECORD).exists():
        raise InvalidConfig(f"{output} already holds a record; name another --output, or move the old one away.")
    if (output / ITEMS).exists() and not (output / PARTS).is_dir():
        raise InvalidConfig(f"{output} already holds {ITEMS} of another run; name another --output, or move it away.")


def forget(output: Path) -> None:
    """Remove what an evaluation left in ``output``, and nothing else."""
    for name in (RECORD, ITEMS, QUERIES):
        (output / name).unlink(missing_ok=True)
    shutil.rmtree(output / PARTS, ignore_errors=True)


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
        **encoder_facts(predictor),
        "settings": asdict(predictor.settings),
        "label_temperature": predictor.labels.temperature,
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
        "label_temperature": predictor.labels.temperature,
        "templates": {code: template.version for code, template in task.templates.items()} | {"words": words},
        **_framings(config),
        "queries": digest(queries),
        "pool": digest(predictor.index.pool.examples),
        "commit": commit(),
        **encoder_facts(predictor),
    }


def encoder_facts(predictor: Predictor) -> dict[str, str]:
    """Which sentence encoder neighbours and measures were made by, where it is not the bundled one."""
    name = getattr(predictor.index.encoder, "name", "bundled")
    return {} if name == "bundled" else {"encoder": name}


def digest(examples: Sequence[Example]) -> str:
    """Twelve hex digits that change with any example or their order."""
    sha256 = hashlib.sha256()
    for example in examples:
        sha256.update(json.dumps(asdict(example), ensure_ascii=False).encode())
    return sha256.hexdigest()[:12]


def save_queries(output: Path, queries: Sequence[Example]) -> None:
    """Write the texts of an evaluation beside its record, so that its items can be read and asked again elsewhere."""
    lines = "".join(json.dumps(asdict(query), ensure_ascii=False) + "\n" for query in queries)
    write_whole(output / QUERIES, lambda path: path.write_text(lines, encoding="utf-8"))


def saved_queries(folder: Path) -> list[Example]:
    """The texts that lie beside a record; none where there are none. Raises ``InvalidData`` for a damaged file."""
    path = folder / QUERIES
    try:
        return [Example(**json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise InvalidData(f"{path} cannot be read as queries: {error}.") from error


def save(output: Path, items: pd.DataFrame, entry: dict[str, Any], queries: Sequence[Example] = ()) -> None:
    """Write ``items.parquet``, the texts of ``queries`` where they are given, and last ``record.json`` into ``output``.

    The parts of the passes are then dropped.

    Raises ``InvalidConfig`` when the folder already holds the record of another run, ``OutputUnwritable`` on a full or read-only disk.
    """
    refuse_overwrite(output)
    write_whole(output / ITEMS, lambda path: items.to_parquet(path, index=False, compression="zstd"))
    if queries:
        save_queries(output, queries)
    write_record(output / RECORD, entry)
    shutil.rmtree(output / PARTS, ignore_errors=True)
