"""Checks of the error spans that a page sends: within their text, apart from each other, minor or major. Pure."""

from collections.abc import Mapping
from itertools import pairwise

from annotation.errors import InvalidRating
from annotation.span_records import SEVERITIES, Span, Spans

MAX_SPANS = 200  # in one output


def check_spans(sent: object, texts: Mapping[int, str], letters: Mapping[int, str], required: bool) -> dict[int, Spans]:
    """The spans of each output by their start. Raises InvalidRating.

    `sent`: output_id -> [(start, end, severity), ...], one list for every output of `texts`, or nothing where the study asks for
    none. Offsets count code points, as Python's do and a JavaScript string's do not.
    """
    if not isinstance(sent, Mapping):
        raise InvalidRating(f"the marked errors came as {type(sent).__name__}; reload the page.")
    if set(sent) != (set(texts) if required else set()):
        raise InvalidRating("the marked errors did not come for the answers of this item; reload the page.")
    return {output: _of_output(rows, texts[output], letters[output]) for output, rows in sent.items()}


def _of_output(rows: object, text: str, letter: str) -> Spans:
    if not isinstance(rows, list | tuple) or len(rows) > MAX_SPANS:
        raise InvalidRating(f"the errors of answer {letter} are no list of at most {MAX_SPANS}; reload the page.")
    spans = sorted((_span(row, len(text), letter) for row in rows), key=lambda one: one.start)
    for before, after in pairwise(spans):
        if after.start < before.end:
            raise InvalidRating(f"two errors of answer {letter} overlap at {after.start}; remove one.")
    return tuple(spans)


def _span(row: object, length: int, letter: str) -> Span:
    if isinstance(row, Span):
        row = (row.start, row.end, row.severity)
    if isinstance(row, list | tuple) and len(row) == 3:
        start, end, severity = row
        whole = type(start) is int and type(end) is int
        if whole and 0 <= start < end <= length and severity in SEVERITIES:
            return Span(start, end, severity)
    raise InvalidRating(
        f"an error of answer {letter} came as {row!r}; allowed are start, end within its {length} characters, and one of "
        f"{', '.join(SEVERITIES)}."
    )
