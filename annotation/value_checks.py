"""Checks of single values that come from outside, before any SQL. Pure."""

import math
import re
from collections.abc import Mapping

from annotation.errors import InvalidRecord

KEY = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
MAX_KEY = 200  # characters; PostgreSQL cannot index much longer ones


def is_id(value: object) -> bool:
    """True for what can be a row number: an int (no bool) from 1 to 2**31 - 1; no database overflows."""
    return type(value) is int and 1 <= value < 2**31


def check_text(value: object, what: str, *, empty: bool = False) -> None:
    """Refuses what one of our databases cannot hold: not str, NUL, lone surrogates; and empty, unless
    allowed.
    """
    if not isinstance(value, str):
        raise InvalidRecord(f"{what} is {value!r} of type {type(value).__name__}; give a string.")
    if not empty and not value.strip():
        raise InvalidRecord(f"{what} is empty; give a text.")
    if "\x00" in value:
        raise InvalidRecord(f"{what} holds a NUL character, which PostgreSQL cannot store; remove it.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRecord(f"{what} holds half a surrogate pair at {error.start}; decode the text properly.") from None


def is_number(value: object) -> bool:
    """True for a finite int or float, not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_texts(texts: Mapping[str, str], what: str) -> None:
    """Raises InvalidRecord unless there is a text in at least one language, and each can be stored."""
    if not texts:
        raise InvalidRecord(f"{what} are given in no language; give at least {{'en': '...'}}.")
    for language, text in texts.items():
        check_text(language, f"a language tag of {what}")
        check_text(text, f"{what} in {language}")
