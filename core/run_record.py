"""The record of a run: the command, the commit, and a JSON file that reads well; files that appear whole or not at all."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import OutputUnwritable
from core.models.engine import Engine
from core.models.loading import ASSETS


def command() -> str:
    """The command line of this process, as it would be typed."""
    return shlex.join(["python", *sys.argv])


def commit() -> str:
    """Twelve hex digits of the commit the sources were checked out from, "unknown" outside a git checkout."""
    command = ["git", "-C", str(ASSETS.parent), "rev-parse", "--short=12", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return result.stdout.strip()


def model_facts(model: Engine) -> dict[str, str]:
    """Which model was run."""
    return model.facts


def write_record(path: Path, entry: dict[str, Any]) -> None:
    """Write ``entry`` as JSON, one line a field, and one line a row where a field is a list of rows. Raises ``OutputUnwritable``."""
    text = _readable(entry)
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then move it there in one step; folders are made. Raises ``OutputUnwritable``."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def require_writable(folder: Path) -> None:
    """Find out before hours of work whether ``folder`` can be written to; nothing is left there. Raises ``OutputUnwritable``."""
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"\0" * 4096)
            file.flush()
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(path: Path, error: OSError) -> OutputUnwritable:
    why = error.strerror or str(error)
    return OutputUnwritable(f"{path} cannot be written ({why}); free some space or name another folder.")


def _readable(entry: dict[str, Any]) -> str:
    lines = []
    for key, value in entry.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            text = "[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in value) + "\n ]"
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
