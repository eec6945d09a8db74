"""Numbers as an organiser types them, checked on the server in the words of the page."""

import math
import re
from typing import Any

import langcodes

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


def quotas_of(texts: Texts, written: str) -> dict[str, int]:
    """Raters per item by language, written as "sw: 5, ar: 2"; empty for none. Raises InvalidRecord."""
    quotas: dict[str, int] = {}
    for part in filter(None, (one.strip() for one in re.split(r"[,;،\n]", written))):
        tag, _, number = (one.strip() for one in part.partition(":"))
        if not langcodes.tag_is_valid(tag) or not number.isdecimal() or not 1 <= int(number) <= MOST or tag in quotas:
            raise InvalidRecord(texts("study.quotas_wrong", value=part[:60]))
        quotas[tag] = int(number)
    return quotas


def _formatted(value: Any) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)[:40]
