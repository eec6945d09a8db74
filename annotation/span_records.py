"""Plain frozen records of error spans: parts of an output that a rater marked as a minor or a major error. No SQL, no behaviour.

As in ESA (Kocmi et al. 2024, arXiv 2406.11580): errors are marked before a score from 0 to 100 is given, which is a criterion of
its own. Offsets count code points of the output's text, which is in NFC; `end` is behind the last one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from annotation.vocabulary import ItemKind

Severity = Literal["minor", "major"]
SEVERITIES: tuple[Severity, ...] = ("minor", "major")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One marked error: code points `start` to `end`, at least one."""

    start: int
    end: int
    severity: Severity


Spans = tuple[Span, ...]  # of one output, by their start; they do not overlap; () where nothing is wrong


@dataclass(frozen=True, slots=True)
class SpanChange:
    """One change of the errors of an answer by its rater, as she may see it."""

    letter: str
    old_spans: Spans
    spans: Spans
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One marked error of one rater, or (start, end and severity None) that she marked none in this output."""

    study: str
    item_key: str
    item_language: str
    system: str
    language: str
    rater: str
    start: int | None
    end: int | None
    severity: Severity | None
    marked_text: str | None
    output_id: int
    revision: int  # 1 = never changed
    submission_id: str
    created_at: datetime
    updated_at: datetime
    item_kind: ItemKind = "normal"


@dataclass(frozen=True, slots=True)
class SpanHistoryRecord:
    """All errors of one output as one rater marked them at one time; `spans` are [start, end, severity]."""

    study: str
    item_key: str
    system: str
    language: str
    rater: str
    spans: tuple[tuple[int, int, str], ...]
    revision: int
    submission_id: str
    recorded_at: datetime
    item_kind: ItemKind = "normal"
