"""Plain frozen records of adjudication: one named person decides what raters disagree on. No SQL, no behaviour; none of it is a rating."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from annotation.blind_records import AssignmentView
from annotation.preference_records import Ranks
from annotation.scales import Answer
from annotation.span_records import Spans


@dataclass(frozen=True, slots=True)
class Adjudicator:
    """Who adjudicates, by the name or role that the organiser gave; her link exists only with her."""

    id: int
    study_id: int
    name: str
    created_at: datetime
    cases: int = 0  # items that were chosen for her, one for each language of outputs
    decided: int = 0


@dataclass(frozen=True, slots=True)
class CaseView:
    """All that an adjudicator sees of an item: its outputs by letter, what raters gave and wrote, nobody's name."""

    view: AssignmentView  # `values` are her own so far, `comment` is her reason
    ratings: Mapping[tuple[int, str], Sequence[Answer]]  # (output_id, criterion key) -> raters' values, lowest first
    comments: Sequence[str]  # in an order that follows from the texts alone
    orders: Mapping[str, Sequence[Ranks]] = field(default_factory=dict)  # question -> raters' ranks, sorted likewise
    marks: Mapping[int, Sequence[Spans]] = field(default_factory=dict)  # output_id -> what each rater marked


@dataclass(frozen=True, slots=True)
class Decision:
    """All she decides of one case at once. `reason=None` leaves the stored reason, "" clears it."""

    submission_id: str  # UUID made by the client, the same on every retry
    adjudicator_id: int
    case_id: int
    values: Mapping[tuple[int, str], Answer]  # (output_id, criterion key) -> a point of its scale, all of them
    reason: str | None = None
    revision: int | None = None  # of the values that her page showed; None: newer ones are overwritten
    preferences: Mapping[str, Ranks] = field(default_factory=dict)  # question key -> ranks, all that the study asks for
    spans: Mapping[int, Spans] = field(default_factory=dict)  # output_id -> errors, where the study asks for them


@dataclass(frozen=True, slots=True)
class AdjudicationRecord:
    """One adjudicated value, identified by item_key, system, language, criterion and adjudicator."""

    study: str
    item_key: str
    system: str
    language: str
    criterion: str
    adjudicator: str
    value: int | None  # None: "not applicable"
    not_applicable: bool  # True exactly where `value` is None
    decision_reason: str | None  # of the whole item
    revision: int
    submission_id: str
    created_at: datetime
    updated_at: datetime
    output_id: int


@dataclass(frozen=True, slots=True)
class AdjudicationHistoryRecord:
    """One accepted value of an adjudicator, in order of acceptance."""

    study: str
    item_key: str
    system: str
    language: str
    criterion: str
    adjudicator: str
    old_value: int | None
    value: int | None
    not_applicable: bool
    decision_reason: str | None  # as written with this value; None where it was left as it was
    revision: int  # 1 = the first one
    submission_id: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class AdjudicatedOrderRecord:
    """One accepted order of the answers to an item, in order of acceptance; what stands has no later revision."""

    study: str
    item_key: str
    language: str
    question: str
    adjudicator: str
    systems: tuple[str, ...]  # in the order displayed
    output_ids: tuple[int, ...]  # the same order, as in the next
    ranks: tuple[int, ...]
    revision: int  # 1 = the first one
    is_current: bool
    submission_id: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class AdjudicatedSpansRecord:
    """All errors of one output as an adjudicator marked them at one time; `spans` are [start, end, severity]."""

    study: str
    item_key: str
    system: str
    language: str
    adjudicator: str
    output_id: int
    spans: tuple[tuple[int, int, str], ...]
    revision: int
    is_current: bool
    submission_id: str
    recorded_at: datetime
