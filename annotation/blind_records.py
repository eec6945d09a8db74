"""Plain frozen records of what a rater sees of an item: letters instead of systems. No SQL, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from annotation.preference_records import Ranks
from annotation.scales import FIVE, Answer, Scale
from annotation.span_records import Spans
from annotation.vocabulary import AssignmentState


@dataclass(frozen=True, slots=True)
class BlindOutput:
    """An output as a rater sees it: a letter instead of a system."""

    output_id: int
    letter: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class BlindChange:
    """One change of a rating by its rater, as she may see it."""

    letter: str
    criterion: str
    old_value: Answer
    value: Answer
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class CriterionView:
    """A criterion in the rater's language (or English)."""

    key: str
    question: str
    anchors: tuple[str, ...]  # as in `Criterion`
    label: str | None = None  # its name; None for the default keys, whose names the interface knows
    scale: Scale = FIVE


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """All a rater may know about one item: no system, model or strategy anywhere in it."""

    assignment_id: int
    position: int  # in her order, from 1
    item_key: str  # of the original, where this is an attention check
    language: str  # of the source text
    source_text: str
    task: str
    outputs: tuple[BlindOutput, ...]
    criteria: tuple[CriterionView, ...]
    values: Mapping[tuple[int, str], Answer]  # (output_id, criterion key) -> what was given so far
    comment: str | None
    state: AssignmentState
    skip_reason: str | None  # set while state is "skipped"
    revision: int = 0  # counts accepted changes of the values and the comment
    reference: str | None = None  # this and the next where the design shows them
    context: str | None = None
    name: str = ""  # by which her page knows the item, whichever writer gave it; "" where its position is enough
    preferences: Mapping[str, Ranks] = field(default_factory=dict)  # question key -> what was given so far
    spans: Mapping[int, Spans] = field(default_factory=dict)  # output_id -> errors marked so far


@dataclass(frozen=True, slots=True)
class Lettered:
    """An assignment by number, and its outputs by the letters that the rater sees."""

    assignment_id: int
    outputs: Mapping[str, int]  # letter -> output_id
