"""Passes of an evaluation or an experiment: named tables that are made once, kept on disk, and shared over processes.

A pass is written beside its file and moved there in one step, so a file that is there is whole and a killed run goes on where it stopped.
``identity.json`` says which settings, model and data the passes belong to; others are refused, so that no record ever mixes two runs.
Over several processes (``accelerate launch``) each makes every n-th pass and all of them get all tables: no pass is divided, so the
tables are those of one process (scores within the scorer's rounding, 1e-4 nats), and the processes need no disk in common.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import InvalidConfig
from core.evaluation.processes import ALONE, Processes
from core.progress import Progress, silent
from core.run_record import write_whole

IDENTITY, OLD_IDENTITY = "identity.json", "work.json"  # experiments before version 0.2 wrote the second
OTHER_OUTPUT = "name another --output, or pass --overwrite"
OTHER_WORK = "name another --work, or remove the folder"


@dataclass(frozen=True)
class Pass:
    """One table, by the name of its file without ending, and how it is made."""

    name: str
    make: Callable[[Progress], pd.DataFrame]


class Passes:
    """The finished passes of one run."""

    def __init__(
        self,
        folder: Path | None,
        identity: Mapping[str, Any],
        progress: Progress = silent,
        otherwise: str = OTHER_WORK,
        processes: Processes = ALONE,
    ) -> None:
        """``folder`` None: nothing is kept. ``identity``: whatever makes two runs the same one. ``otherwise``: what else can be done where
        another run was begun in ``folder``, which raises ``InvalidConfig``. ``progress``: over the passes that are not finished yet.
        """
        self.folder, self.processes = folder, processes
        self.seconds: dict[str, float] = {}  # of each pass, by name
        self.resumed: list[str] = []  # names of the passes taken from disk
        self._identity = json.loads(json.dumps(identity))
        self._progress, self._otherwise = progress, otherwise
        self._check()

    @property
    def facts(self) -> dict[str, Any]:
        """For the record: wall seconds of every pass, and which of them an earlier run made."""
        passes = [{"pass": name, "seconds": round(value, 2)} for name, value in self.seconds.items()]
        return {"passes": passes, "resumed": self.resumed}

    def tables(self, passes: Sequence[Pass]) -> list[pd.DataFrame]:
        """The tables of all passes in their order: read where they are finished, else made by the process whose turn it is."""
        index, count = self.processes.index, self.processes.count
        own = passes[index::count]
        unfinished = max(1, sum(not self._is_finished(one.name) for one in own))
        results: list[tuple[str, pd.DataFrame, float, bool]] = []
        made = 0
        for one in own:
            if (result := self._read(one.name)) is None:
                result = (one.name, *self._make(one, made, unfinished), False)
                made += 1
            results.append(result)
        every = {result[0]: result for result in self.processes.gathered(results)}
        for one in passes:
            _, _, seconds, resumed = every[one.name]
            self.seconds[one.name] = seconds
            self.resumed += [one.name] if resumed else []
        return [every[one.name][1] for one in passes]

    def _make(self, one: Pass, made: int, unfinished: int) -> tuple[pd.DataFrame, float]:
        def progress(share: float, stage: str = "") -> None:
            self._progress(min(1.0, (made + share) / unfinished), stage or one.name)

        progress(0.0)
        began = time.perf_counter()
        table = one.make(progress)
        seconds = time.perf_counter() - began
        self._save(one.name, table, seconds)
        progress(1.0)
        return table, seconds

    def _is_finished(self, name: str) -> bool:
        return self.folder is not None and self._path(name).is_file()

    def _read(self, name: str) -> tuple[str, pd.DataFrame, float, bool] | None:
        if not self._is_finished(name):
            return None
        table = pd.read_parquet(self._path(name))
        seconds = float(table.attrs.get("seconds", 0.0))
        table.attrs = {}
        return name, table, seconds, True

    def _save(self, name: str, table: pd.DataFrame, seconds: float) -> None:
        if self.folder is None:
            return
        if not (self.folder / IDENTITY).is_file():  # nothing is left behind by a run that never got anywhere
            text = json.dumps(self._identity, ensure_ascii=False, indent=1)
            write_whole(self.folder / IDENTITY, lambda path: path.write_text(text, encoding="utf-8"))
        stored = table.copy()
        stored.attrs = {"seconds": seconds}
        write_whole(self._path(name), lambda path: stored.to_parquet(path, index=False))

    def _path(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{name.replace(' ', '-')}.parquet"

    def _check(self) -> None:
        """Refuse a folder with passes of another run."""
        paths = [self.folder / name for name in (IDENTITY, OLD_IDENTITY)] if self.folder is not None else []
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            return
        try:
            begun = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidConfig(f"{path} is damaged ({error}); {self._otherwise}.") from error
        if begun != self._identity:
            name, there, here = _first_difference(begun, self._identity)
            raise InvalidConfig(
                f"{self.folder} holds passes of another run: {name} is {_short(there)} there and {_short(here)} here; repeat its command "
                f"to go on with it, {self._otherwise}."
            )


def _first_difference(there: Any, here: Any, name: str = "") -> tuple[str, Any, Any]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted({*there, *here}):
            if there.get(key) != here.get(key):
                return _first_difference(there.get(key), here.get(key), f"{name}.{key}" if name else key)
    return name or "content", there, here


def _short(value: Any) -> str:
    """A value in a sentence: long lists are cut."""
    text = "missing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
