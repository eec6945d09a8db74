"""Closed-loop runs as their folders show them: names, states, log lines, what happened to the pool."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import build
from core.errors import InvalidConfig, InvalidData
from core.models.loading import ASSETS
from core.models.trained_run import MANIFEST, finished_runs
from core.training.config import FitConfig
from core.training.published import COMPARISON
from core.training.run_log import RunLog
from core.workbench import POOL_OF_TASK, bundled_examples

SHIPPED = ASSETS / "runs"  # finished runs that come with the app, read and never written
SETTINGS = "settings.json"  # in a run's folder: what it was started with
PLAIN = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True)
class Run:
    """A run as its folder shows it."""

    name: str
    state: str  # running, finished or unfinished
    lines: tuple[dict[str, Any], ...]  # of the log
    changes: tuple[dict[str, Any], ...]  # of the living pool, see core.training.pool.Change, texts filled in
    entry: dict[str, Any] | None  # run.json
    config: FitConfig | None  # None where the folder does not say
    compared: tuple[str, ...] = ()  # findings on queries that no run learnt from, see core.training.published

    @property
    def is_tuned(self) -> bool:
        """Whether its answers were tuned after its choice, see ``core.training.tuning``."""
        return self.entry is not None and "tuned" in self.entry

    @property
    def tuned_by(self) -> str:
        """What learnt its answers: an adapter (lora) or a soft prompt (prompt); "" where they were not tuned."""
        return str(self.entry["tuned"].get("method", "lora")) if self.entry is not None and self.is_tuned else ""

    @property
    def total(self) -> int:
        """Iterations asked for, of a run whose answers were tuned the steps of that; 0 when unknown."""
        if self.entry is not None and self.is_tuned:
            return int(self.entry["tuned"]["steps"])
        return self.config.optim.iterations if self.config else 0


def run_folder(folder: Path, name: str, shipped: Path | None = None) -> Path:
    """The folder of a run by its name: one of a person's own, else a shipped one. Raises ``InvalidConfig`` for a name that is not plain.

    ``shipped``: where those lie that come with the app; default ``SHIPPED``.
    """
    if not PLAIN.fullmatch(name):
        raise InvalidConfig(
            f"{name[:40]!r} cannot name a run; use 1 to 40 of the letters A to Z and a to z, digits, - and _."
        )
    with_app = (SHIPPED if shipped is None else shipped) / name
    return with_app if (with_app / MANIFEST).is_file() and not (folder / name).exists() else folder / name


def run_folders(folder: Path) -> list[Path]:
    """Every run below ``folder``, the one that changed last first."""
    runs = [path for path in folder.glob("*") if PLAIN.fullmatch(path.name) and (path / SETTINGS).is_file()]
    runs += [path for path in finished_runs(folder) if PLAIN.fullmatch(path.name) and path not in runs]
    return sorted(runs, key=lambda run: max(path.stat().st_mtime for path in run.iterdir()), reverse=True)


def read_run(name: str, folder: Path, running: bool, changes: Sequence[dict[str, Any]] | None = None) -> Run:
    """Read a run; ``changes`` of its pool where they are known better than the folder does.

    Raises ``InvalidData`` for a folder that is not there, or damaged.
    """
    if not folder.is_dir():
        raise InvalidData(f"There is no run {name!r} any more; choose another one from the list.")
    entry = read_json(folder / MANIFEST)
    settings = entry or read_json(folder / SETTINGS)
    config = build(FitConfig, settings["config"], str(folder)) if settings else None
    state = "running" if running else "finished" if entry is not None else "unfinished"
    lines = tuple(RunLog(folder / "log.jsonl").lines())
    pool = list(changes) if changes is not None else _saved_changes(folder, entry)
    compared = (read_json(folder / COMPARISON) or {}).get("findings", [])
    return Run(name, state, lines, tuple(_with_texts(pool, config)), entry, config, tuple(compared))


def _saved_changes(folder: Path, entry: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The pool's changes up to the end of a finished run, or to the newest checkpoint."""
    if entry is not None:
        return list(entry["changes"])
    saved = sorted((folder / "checkpoints").glob("step-*/state.json"))
    state = read_json(saved[-1]) if saved else None
    return list(state["pool"]["changes"]) if state else []


def _with_texts(changes: list[dict[str, Any]], config: FitConfig | None) -> list[dict[str, Any]]:
    """A change of a bundled example knows only its id; the sentence says more."""
    if config is None or all(change["text"] for change in changes):
        return changes
    texts = {example.id: example.text for example in bundled_examples(POOL_OF_TASK[config.task])}
    return [change | {"text": change["text"] or texts.get(change["example"], "")} for change in changes]


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of a file; None when there is none. Raises ``InvalidData`` for a damaged one."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InvalidData(f"{path} cannot be read ({error}); remove the run's folder.") from error
    return content
