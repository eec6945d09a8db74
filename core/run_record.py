"""The record of a run: the command, the commit, and a JSON file that reads well."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.models.engine import Engine
from core.models.loading import ASSETS


def command() -> str:
    """The command line of this process, as it would be typed."""
    return " ".join(["python", *sys.argv])


def commit() -> str:
    """Twelve hex digits of the commit the sources were checked out from, "unknown" outside a git checkout."""
    asked = ["git", "-C", str(ASSETS.parent), "rev-parse", "--short=12", "HEAD"]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()


def model_facts(model: Engine) -> dict[str, str]:
    """Which model was run."""
    return model.facts


def write_record(path: Path, entry: dict[str, Any]) -> None:
    """Write ``entry`` as JSON, one line a field, and one line a row where a field is a list of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_readable(entry), encoding="utf-8")


def _readable(entry: dict[str, Any]) -> str:
    lines = []
    for key, value in entry.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            text = "[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in value) + "\n ]"
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
