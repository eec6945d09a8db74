"""Records on disk: a folder with ``record.json``, and for evaluations ``items.parquet`` beside it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import InvalidData
from core.report.schema import check, kind_of

NEEDED = ("item", "language", "strategy", "seed", "k")


@dataclass(frozen=True)
class Record:
    """One run as it was saved."""

    name: str  # where it lies, from the folder that was asked for
    entry: dict[str, Any]
    items: pd.DataFrame | None  # one row per item and run; None where there are none

    @property
    def kind(self) -> str:
        """Which renderer it asks for."""
        return kind_of(self.entry)


def record_folders(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Name and folder of every record in ``paths``, each itself a record or a folder that holds some, in the order of their names.

    Raises ``InvalidData`` for a path without any.
    """
    names: dict[Path, str] = {}
    for path in paths:
        folders = [path] if (path / "record.json").is_file() else sorted(p.parent for p in path.rglob("record.json"))
        if not folders:
            raise InvalidData(
                f"There is no record in {path}; name a folder with a record.json, as train.py evaluate --output writes."
            )
        for folder in folders:
            names.setdefault(folder, path.name if folder == path else folder.relative_to(path).as_posix())
    return [(name, folder) for folder, name in names.items()]


def read_record(folder: Path, name: str = "") -> Record:
    """Read and check one record. Raises ``InvalidData`` saying which file is not as it should be."""
    path = folder / "record.json"
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidData(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(entry, dict):
        raise InvalidData(f"{path} holds a {type(entry).__name__}; a record is an object with named fields.")
    check(entry, str(path))
    return Record(name or folder.name, entry, _items(folder / "items.parquet"))


def _items(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        items = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InvalidData(f"{path} cannot be read as Parquet: {error}.") from error
    missing = [column for column in NEEDED if column not in items.columns]
    if missing:
        raise InvalidData(f"{path} has no column {', '.join(missing)}; an evaluation has {', '.join(NEEDED)}.")
    return items.assign(item=items["item"].astype(str))
