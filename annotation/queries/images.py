"""Rows as a journal holds them: images of what SQLite stored, read back as the values of the tables' columns."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON

from annotation.database.base import Base, UtcDateTime

Image = dict[str, Any]  # one row as SQLite stores it, by column
Images = Mapping[str, list[Image]]  # those of one change, by table


def row_of(row_type: type[Base], image: Image, **instead: Any) -> Any:
    """A new row of the image without its number; `instead` are columns with other values."""
    values = {name: stored_value(row_type, name, value) for name, value in image.items() if name != "id"}
    return row_type(**(values | instead))


def stored_value(row_type: type[Base], name: str, value: Any) -> Any:
    """A stored value as the ORM takes it."""
    kind = row_type.__table__.columns[name].type
    if value is None:
        return None
    if isinstance(kind, UtcDateTime):
        return time_of(value)
    return json.loads(value) if isinstance(kind, JSON) else value


def time_of(text: str) -> datetime:
    """A stored time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
