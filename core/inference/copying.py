"""Copies instead of answers: small models repeat the source, or a demonstration's answer, where they should translate."""

from collections.abc import Sequence

from core.data.matching import normal_form
from core.records import CopySource

SIZE = 4  # characters of a gram
MOST = 0.8  # share of an answer's grams that one other text may have


def copied_from(text: str, source: str, answers: Sequence[str]) -> CopySource:
    """Whether ``text`` is largely the ``source``, or largely one of the demonstrations' ``answers``; "" for neither."""
    if not text:
        return ""
    if _share(text, source) > MOST:
        return "source"
    return "demonstration" if any(_share(text, answer) > MOST for answer in answers if answer) else ""


def _share(text: str, other: str) -> float:
    """Share of the character grams of ``text`` that ``other`` has, in [0, 1]; a text shorter than a gram: 1 if they are equal."""
    text, other = normal_form(text), normal_form(other)
    grams = {text[i : i + SIZE] for i in range(len(text) - SIZE + 1)}
    if not grams:
        return float(text == other)
    return sum(gram in other for gram in grams) / len(grams)
