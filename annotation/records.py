"""Plain frozen records that go into and come out of the store. No SQL, no behaviour.

Languages are BCP-47 tags, compared as written. Texts for people are dicts keyed by such a tag and fall back
to "en". Times are aware datetimes in UTC, durations are seconds. Ratings are integers on the scale of their criterion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from annotation.adjudication_records import (
    AdjudicatedOrderRecord,
    AdjudicatedSpansRecord,
    AdjudicationHistoryRecord,
    AdjudicationRecord,
)
from annotation.judge_records import JudgeScoreRecord
from annotation.participation_records import Consent, Crowd, Question
from annotation.preference_records import PreferenceHistoryRecord, PreferenceQuestion, PreferenceRecord, Ranks
from annotation.qualification_records import Qualification
from annotation.scales import FIVE, Answer, Scale
from annotation.span_records import SpanHistoryRecord, SpanRecord, Spans
from annotation.stopping import Look, Stopping
from annotation.study_records import CheckResult, RaterRecord
from annotation.vocabulary import AssignmentState, Degradation, ItemKind, Material, StudyState


@dataclass(frozen=True, slots=True)
class Criterion:
    """One question with words for its scale: `anchors[tag]` holds a text for each point, "" for one without words.

    Both ends have words. From 0 to 100 there are 2 to 11 texts, which stand evenly along the scale.
    """

    key: str
    question: Mapping[str, str]
    anchors: Mapping[str, Sequence[str]]
    version: str = "1"
    label: Mapping[str, str] = field(default_factory=dict)  # its name; needed for keys other than CRITERION_KEYS
    scale: Scale = FIVE


@dataclass(frozen=True, slots=True)
class NewStudy:
    """What an organiser says about a study before it exists."""

    slug: str  # lower-case letters, digits, hyphens; unique
    name: str
    task: str
    instructions: Mapping[str, str]
    criteria: Sequence[Criterion]
    raters_per_item: int = 3  # upper bound, per item and rated language; at least 1
    lease_minutes: int = 60  # how long an unanswered item stays reserved; at least 1
    state: StudyState = "open"
    items_per_rater: int | None = None  # upper bound, attention checks not counted
    planned_items: int | None = None  # per language, as planned
    target_difference: float | None = None  # to be shown; in points of 1 to 5, > 0 and <= 4, other scales by `of_five`
    check_every: int | None = None  # one attention check among so many items, at least 2; None: no checks
    repeat_after: int = 5  # least number of positions between an item and its repeat
    failed_share: float = 0.5  # a rater fails when more than this share of her checks failed; in [0, 1)
    seed: int | None = None  # 31 bits; None: a new one
    consent: Consent | None = None  # None: nothing is to be agreed to
    background: Sequence[Question] = ()
    crowd: Crowd | None = None  # None: raters come by themselves
    qualification: Qualification | None = None  # None: nothing to practise and no test
    materials: Sequence[Material] = ()  # what raters see beside the source text
    error_spans: bool = False  # whether raters mark errors in outputs, minor or major, before they rate them
    preferences: Sequence[PreferenceQuestion] = ()  # what answers are compared on
    quotas: Mapping[str, int] = field(default_factory=dict)  # rated language -> raters per item, where it differs
    balance_groups: bool = False  # whether each rater gets a share of every group of items, see `annotation.shares`
    stopping: Stopping | None = None  # None: every planned rating is asked for


@dataclass(frozen=True, slots=True)
class Study:
    """A stored study; criteria in the order they are shown."""

    id: int
    slug: str
    name: str
    task: str
    instructions: Mapping[str, str]
    criteria: tuple[Criterion, ...]
    raters_per_item: int
    lease_minutes: int
    state: StudyState
    created_at: datetime
    items_per_rater: int | None = None
    planned_items: int | None = None
    target_difference: float | None = None
    check_every: int | None = None
    repeat_after: int = 5
    failed_share: float = 0.5
    seed: int = 0
    consent: Consent | None = None
    background: tuple[Question, ...] = ()
    crowd: Crowd | None = None
    qualification: Qualification | None = None
    materials: tuple[Material, ...] = ()
    preferences: tuple[PreferenceQuestion, ...] = ()
    error_spans: bool = False
    quotas: Mapping[str, int] = field(default_factory=dict)
    balance_groups: bool = False
    stopping: Stopping | None = None
    looks: tuple[Look, ...] = ()  # that were taken, in order
    published_at: datetime | None = None  # when its results were opened to everybody first
    unpublished_at: datetime | None = None  # when they were taken back
    frozen_at: datetime | None = None  # None: a draft, or a collection like Explore's that stays open to outputs
    closed_at: datetime | None = None

    @property
    def scales(self) -> dict[str, Scale]:
        """The scale of every criterion by its key."""
        return {one.key: one.scale for one in self.criteria}

    def raters_for(self, language: str) -> int:
        """How many raters an item needs whose outputs are in this language."""
        return self.quotas.get(language, self.raters_per_item)

    @property
    def results_open(self) -> bool:
        """Whether everybody may see its results: closed, published, and not taken back."""
        return self.state == "closed" and self.published_at is not None and self.unpublished_at is None


@dataclass(frozen=True, slots=True)
class NewOutput:
    """One text of one system for one item, with everything needed to make it again."""

    item_key: str
    item_language: str
    source_text: str
    task: str  # what raters read as the task of this item; "": that of the study
    system: str  # never shown to raters
    language: str  # of the output
    text: str
    provenance: Mapping[str, Any] = field(default_factory=dict)  # JSON: model, prompt, seed, ...
    reference: str | None = None
    context: str | None = None  # of the document that the source text stands in
    group: str | None = None  # of the item, such as its domain or difficulty; the same in all its outputs


@dataclass(frozen=True, slots=True)
class Rater:
    """A pseudonymous rater. No name, no address; the token exists only with her."""

    id: int
    study_id: int
    pseudonym: str
    language: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of items for one rater. `total` falls when others fill items she has not seen."""

    done: int
    skipped: int
    total: int  # given to her plus still to get
    released: int = 0  # leased, not answered in time, returned to others


@dataclass(frozen=True, slots=True)
class Submission:
    """All values of one assignment at once. `comment=None` leaves the stored comment, "" clears it."""

    submission_id: str  # UUID made by the client, the same on every retry
    rater_id: int
    assignment_id: int
    values: Mapping[tuple[int, str], Answer]  # (output_id, criterion key) -> a point of its scale, all of them
    comment: str | None = None
    seconds: float = 0.0  # time spent on this visit, added to the assignment's total
    revision: int | None = None  # of the values that her page showed; None: newer ones are overwritten
    preferences: Mapping[str, Ranks] = field(default_factory=dict)  # question key -> ranks, all that the study asks for
    spans: Mapping[int, Spans] = field(
        default_factory=dict
    )  # output_id -> errors, () for none; where the study asks for them


@dataclass(frozen=True, slots=True)
class SkipSubmission:
    """A rater passes on one item, with a reason of `SKIP_REASONS`."""

    submission_id: str
    rater_id: int
    assignment_id: int
    reason: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of a commit. `revision` counts accepted changes of the assignment's values or comment; 0 for a skip."""

    saved_at: datetime
    revision: int
    repeated: bool
    backed_up: bool = True  # False: in the database, but its second copy, the journal, could not be written


@dataclass(frozen=True, slots=True)
class RatingRecord:
    """One current answer, identified by item_key, system, language, criterion and rater."""

    study: str
    item_key: str
    item_language: str
    system: str
    language: str
    criterion: str
    criterion_version: str
    rater: str
    value: int | None  # None: "not applicable", which is no missing answer: that has no record
    revision: int  # 1 = never changed
    submission_id: str
    created_at: datetime
    updated_at: datetime
    output_id: int
    item_kind: ItemKind = "normal"
    not_applicable: bool = False  # True exactly where `value` is None

    @property
    def point(self) -> int:
        """The value of an answer that is one. Raises ValueError for "not applicable"."""
        if self.value is None:
            raise ValueError(f"{self.rater} answered 'not applicable' on {self.criterion} of {self.item_key}")
        return self.value


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One accepted answer, in order of acceptance; values are None for "not applicable", `old_value` for the first too."""

    study: str
    item_key: str
    system: str
    language: str
    criterion: str
    rater: str
    old_value: int | None
    value: int | None
    revision: int  # 1 = the first one
    submission_id: str
    recorded_at: datetime
    item_kind: ItemKind = "normal"
    not_applicable: bool = False  # True exactly where `value` is None


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """One stored output with its item and provenance. For organisers, never for raters."""

    output_id: int
    study: str
    item_key: str
    item_language: str
    source_text: str
    task: str
    reference: str | None
    system: str
    language: str
    text: str
    provenance: Mapping[str, Any]
    item_kind: ItemKind = "normal"
    original_item: str | None = None  # key of the item that an attention check was made from
    original_output_id: int | None = None
    degradation: Degradation | None = None  # what was done to the text on purpose
    context: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class AssignmentRecord:
    """Who was given what, in which order, and how it ended."""

    assignment_id: int
    study: str
    item_key: str
    language: str  # of the rated outputs
    rater: str
    position: int
    output_ids: tuple[int, ...]  # in the order shown
    systems: tuple[str, ...]  # the same order
    state: AssignmentState
    skip_reason: str | None
    comment: str | None
    first_shown_at: datetime
    seconds: float
    item_kind: ItemKind = "normal"


@dataclass(frozen=True, slots=True)
class StudyData:
    """All of a study at one moment, read in one transaction; without attention checks unless they were asked for."""

    ratings: tuple[RatingRecord, ...]
    history: tuple[HistoryRecord, ...]
    outputs: tuple[OutputRecord, ...]
    assignments: tuple[AssignmentRecord, ...]
    raters: tuple[RaterRecord, ...] = ()  # all of them; `failed` tells who failed her attention checks
    checks: tuple[CheckResult, ...] = ()  # every answered attention check, scored
    adjudications: tuple[AdjudicationRecord, ...] = ()  # beside the ratings, never among them
    adjudication_history: tuple[AdjudicationHistoryRecord, ...] = ()
    adjudicated_orders: tuple[AdjudicatedOrderRecord, ...] = ()  # earlier versions too
    adjudicated_spans: tuple[AdjudicatedSpansRecord, ...] = ()  # likewise
    preferences: tuple[PreferenceRecord, ...] = ()
    preference_history: tuple[PreferenceHistoryRecord, ...] = ()
    judge_scores: tuple[JudgeScoreRecord, ...] = ()  # of models, likewise
    error_spans: tuple[SpanRecord, ...] = ()
    span_history: tuple[SpanHistoryRecord, ...] = ()

    @property
    def decisions(self) -> tuple[AdjudicationRecord | AdjudicatedOrderRecord | AdjudicatedSpansRecord, ...]:
        """Everything that adjudicators decided: values, orders and marked errors."""
        return (*self.adjudications, *self.adjudicated_orders, *self.adjudicated_spans)
