"""Numbers as an organiser types them, checked on the server in the words of the page."""

import math
from typing import Any

from annotation.errors import InvalidRecord
from app.texts import Texts

MOST = 1_000_000


def whole(texts: Texts, name: str, value: Any, *, least: int = 1, optional: bool = False) -> int | None:
    """A whole number of at least ``least``; None for an empty field or 0 where the number is ``optional``.

    ``name``: of the field, for the message. Raises InvalidRecord.
    """
    if optional and (value is None or value == 0):
        return None
    plain = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not plain or value != int(value) or not least <= value <= MOST:
        key = "study.number_optional" if optional else "study.number"
        raise InvalidRecord(
            texts(key, field=texts(f"study.{name}"), value=_formatted(value), least=least, most=f"{MOST:,}")
        )
    return int(value)


def share(texts: Texts, name: str, value: Any, most: float) -> float:
    """A number from 0 to ``most``. Raises InvalidRecord."""
    plain = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not plain or not 0 <= value <= most:
        raise InvalidRecord(
            texts("study.number_between", field=texts(f"study.{name}"), value=_formatted(value), most=f"{most:g}")
        )
    return float(value)


def _formatted(value: Any) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)[:40]
