"""The work folder of an experiment: a finished pass is never made again, whatever ends the process.

A pass is one table. It is written beside its place and moved there in one step, so a file that is there is whole. ``work.json`` says
which settings, model and data the passes belong to; others are refused, so that one record never mixes two experiments.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import InvalidConfig

Tell = Callable[[float, str], None]  # share of the work that is done, in [0, 1], and what is being done


def silent(_share: float, _stage: str) -> None:
    """Tells nobody."""


class Work:
    """Finished passes in a folder, and how much is left."""

    def __init__(self, folder: Path, identity: dict[str, Any], tell: Tell = silent) -> None:
        """Take the folder for what ``identity`` names. Raises ``InvalidConfig`` when it holds passes of something else."""
        self.folder, self._tell = folder, tell
        self._left, self._made = 1, 0
        self._claim(json.loads(json.dumps(identity)))

    def expect(self, names: Sequence[str]) -> None:
        """Name all passes to come, so that progress is told as a share of those that are not finished yet."""
        self._left, self._made = max(1, sum(not self._path(name).is_file() for name in set(names))), 0

    def has(self, name: str) -> bool:
        """Whether a pass is finished."""
        return self._path(name).is_file()

    def table(self, name: str, make: Callable[[Tell], pd.DataFrame]) -> pd.DataFrame:
        """The table of a pass: read where it is finished, else made; ``make`` is given a way to tell its progress."""
        path = self._path(name)
        if not path.is_file():

            def tell(share: float, _stage: str = "") -> None:
                self._tell(min(1.0, (self._made + share) / self._left), name)

            tell(0.0)
            partial = path.with_suffix(".partial")
            path.parent.mkdir(parents=True, exist_ok=True)
            make(tell).to_parquet(partial, index=False)
            partial.replace(path)
            self._made += 1
            tell(0.0)
        return pd.read_parquet(path)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '-')}.parquet"

    def _claim(self, identity: dict[str, Any]) -> None:
        path = self.folder / "work.json"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(identity, indent=1), encoding="utf-8")
            partial.replace(path)
            return
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InvalidConfig(f"{path} is damaged ({error}); remove the folder, or name another --work.") from error
        if known != identity:
            name, there, here = _first_difference(known, identity)
            raise InvalidConfig(
                f"{self.folder} holds passes of another experiment: {name} is {there} there and {here} here; name another --work, or "
                "remove the folder."
            )


def _first_difference(there: Any, here: Any, name: str = "") -> tuple[str, Any, Any]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted({*there, *here}):
            if there.get(key) != here.get(key):
                return _first_difference(there.get(key), here.get(key), f"{name}.{key}" if name else key)
    return name or "content", there, here
