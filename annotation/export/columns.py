"""How the fields of the exported records look outside: one table of columns, used to write, to read back and
to explain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, TypeVar

from annotation.adjudication_records import (
    AdjudicatedOrderRecord,
    AdjudicatedSpansRecord,
    AdjudicationHistoryRecord,
    AdjudicationRecord,
)
from annotation.judge_records import JudgeScoreRecord
from annotation.preference_records import PreferenceHistoryRecord, PreferenceRecord
from annotation.records import AssignmentRecord, HistoryRecord, OutputRecord, RatingRecord
from annotation.span_records import SpanHistoryRecord, SpanRecord
from annotation.study_records import CheckResult, RaterRecord

Kind = Literal["text", "integer", "number", "flag", "time", "json", "integers", "texts", "numbers"]
Record = TypeVar(
    "Record",
    RatingRecord,
    HistoryRecord,
    PreferenceRecord,
    PreferenceHistoryRecord,
    SpanRecord,
    SpanHistoryRecord,
    OutputRecord,
    AssignmentRecord,
    RaterRecord,
    CheckResult,
    AdjudicationRecord,
    AdjudicationHistoryRecord,
    AdjudicatedOrderRecord,
    AdjudicatedSpansRecord,
    JudgeScoreRecord,
)
RecordType = (
    type[RatingRecord]
    | type[HistoryRecord]
    | type[PreferenceRecord]
    | type[PreferenceHistoryRecord]
    | type[SpanRecord]
    | type[SpanHistoryRecord]
    | type[OutputRecord]
    | type[AssignmentRecord]
    | type[RaterRecord]
    | type[CheckResult]
    | type[AdjudicationRecord]
    | type[AdjudicationHistoryRecord]
    | type[AdjudicatedOrderRecord]
    | type[AdjudicatedSpansRecord]
    | type[JudgeScoreRecord]
)


@dataclass(frozen=True, slots=True)
class Column:
    """One exported column; `meaning` goes into the codebook."""

    kind: Kind
    meaning: str
    nullable: bool = False


COLUMNS: dict[str, Column] = {
    "study": Column("text", "slug of the study"),
    "item_key": Column("text", "the item; the same for all systems and languages"),
    "item_language": Column("text", "language of the source text, BCP-47"),
    "source_text": Column("text", "what the systems were given"),
    "task": Column("text", "what the systems were asked to do"),
    "reference": Column(
        "text", "reference answer, where there is one; raters saw it where materials of the study say so", nullable=True
    ),
    "context": Column("text", "of the document that the source text stands in; raters saw it likewise", nullable=True),
    "group": Column("text", "of the item, such as its domain or difficulty", nullable=True),
    "system": Column("text", "the system; raters never saw it"),
    "systems": Column("texts", "the systems in the order shown, as A, B, ..."),
    "language": Column("text", "language of the rated text (in raters: that she came for), BCP-47"),
    "text": Column("text", "the output as rated"),
    "provenance": Column("json", "how the output was made: model, adapter, prompt, demonstrations, strategy, seed"),
    "output_id": Column("integer", "number of the output in the database"),
    "output_ids": Column("integers", "numbers of the outputs in the order shown"),
    "assignment_id": Column("integer", "number of the assignment in the database"),
    "criterion": Column("text", "key of the criterion; questions and anchors stand under 'criteria'"),
    "criterion_version": Column("text", "version of the question and anchors"),
    "rater": Column("text", "pseudonym of the rater"),
    "adjudicator": Column("text", "name or role of whoever decided; no rater, and no rating of hers is in any mean"),
    "value": Column(
        "integer",
        "rating, from the lowest (worst) to the highest point of its criterion's scale; empty where not_applicable is true. A "
        "missing answer has no row",
        nullable=True,
    ),
    "old_value": Column(
        "integer",
        "the rating that this one replaced; empty for the first (revision 1), and for 'not applicable'",
        nullable=True,
    ),
    "question": Column("text", "key of what answers were compared on; the words stand under 'preferences'"),
    "question_version": Column("text", "version of these words"),
    "ranks": Column(
        "integers",
        "rank that the rater gave to each system, in the order of 'systems': 1 the best, equal ranks are ties; only their "
        "order counts, so 1, 3, 3 says the same as 1, 2, 2",
    ),
    "old_ranks": Column("integers", "the ranks that these replaced; empty for the first (revision 1)", nullable=True),
    "start": Column(
        "integer",
        "first character of a marked error, counted in Unicode code points of the output's text (as Python counts) from 0; empty, as "
        "the next three, where the rater marked none in this output",
        nullable=True,
    ),
    "end": Column("integer", "the character behind the last one", nullable=True),
    "severity": Column("text", "minor or major", nullable=True),
    "marked_text": Column("text", "the characters from start to end", nullable=True),
    "spans": Column("json", "all errors of the output as marked at that time: lists of start, end, severity"),
    "preferences_given": Column(
        "integer", "orders of answers given, attention checks not counted; of a removed rater: before the removal"
    ),
    "not_applicable": Column(
        "flag", "whether the rater answered 'not applicable', which is no rating and no missing answer"
    ),
    "is_current": Column("flag", "whether this is the version that stands; earlier ones are told too"),
    "revision": Column("integer", "1 for the first value, one more for each change"),
    "submission_id": Column("text", "UUID made by the rater's page for one press of the button"),
    "created_at": Column("time", "when the first value was accepted, UTC"),
    "updated_at": Column("time", "when the present value was accepted, UTC"),
    "recorded_at": Column("time", "when this value was accepted, UTC"),
    "first_shown_at": Column("time", "when the item was first given to the rater, UTC"),
    "position": Column("integer", "position of the item in the rater's own order, from 1"),
    "state": Column("text", "pending (given, not answered), done or skipped"),
    "skip_reason": Column("text", "coded reason while the item is skipped", nullable=True),
    "comment": Column("text", "what the rater wrote", nullable=True),
    "seconds": Column(
        "number", "time spent as reported by the page, summed over visits (and over her items), in seconds"
    ),
    "item_kind": Column("text", "normal, or an attention check: degraded (one output spoiled on purpose) or repeat"),
    "original_item": Column("text", "key of the item that an attention check was made from", nullable=True),
    "original_output_id": Column("integer", "number of the output that this one copies", nullable=True),
    "degradation": Column("text", "how the text was spoiled: shuffled, truncated or foreign", nullable=True),
    "judge": Column("text", "the model that graded, which is a system of record and no rater"),
    "model": Column("text", "its name or address"),
    "fingerprint": Column("text", "of its weights; other weights are another judge"),
    "prompt_version": Column("text", "version of the prompt that it was asked by (core/inference/grading.py)"),
    "judged_value": Column(
        "integer", "its most probable point; empty where the prompt was too long for it", nullable=True
    ),
    "expected_value": Column("number", "the mean of the points under their probabilities", nullable=True),
    "probabilities": Column("numbers", "of every point of the scale, lowest first, normalised over the scale"),
    "prompt_sha256": Column("text", "hash of the whole prompt"),
    "scored_at": Column("time", "when the model was asked, UTC"),
    "decision_reason": Column("text", "why an adjudicator decided so, in her words; of the whole item", nullable=True),
    "passed": Column("flag", "whether the attention check was passed"),
    "reason": Column("text", "what the attention check expected and what was seen"),
    "proficiency": Column("text", "native, fluent, good or basic, as the rater said of herself", nullable=True),
    "joined_at": Column("time", "when the rater came, UTC"),
    "items_done": Column(
        "integer", "items rated, attention checks not counted; of a removed rater: before the removal"
    ),
    "items_skipped": Column("integer", "items skipped, counted likewise"),
    "ratings_given": Column("integer", "ratings given, counted likewise"),
    "checks_answered": Column("integer", "attention checks answered"),
    "checks_failed": Column("integer", "of these, failed"),
    "failed": Column("flag", "more than the planned share of her checks failed; empty without any", nullable=True),
    "excluded_at": Column("time", "when the organiser left her out of results, UTC; her data stays", nullable=True),
    "exclusion_reason": Column("text", "why, in the organiser's words", nullable=True),
    "invitation": Column("integer", "number of the invitation that the rater came by", nullable=True),
    "participant": Column("text", "the rater's id on a crowd platform", nullable=True),
    "consent_version": Column("text", "version of the consent text that the rater agreed to", nullable=True),
    "consented_at": Column("time", "when she agreed, UTC", nullable=True),
    "background": Column(
        "json", "her answers to the background questions, by key; of a choice the option's index", nullable=True
    ),
    "screened_out_at": Column("time", "when her part was ended early, UTC", nullable=True),
    "test_tries": Column("integer", "tries of the qualification test; empty where there is none", nullable=True),
    "test_share": Column("number", "expected ratings of it that were right, in her best try, 0..1", nullable=True),
    "test_passed": Column("flag", "whether she passed it; empty where that is not decided", nullable=True),
    "removed_at": Column(
        "time", "when her data was deleted on request, UTC; then no other table holds her", nullable=True
    ),
}


def names(kind: RecordType) -> list[str]:
    """The columns of a record type, in order."""
    return [field.name for field in fields(kind)]


def to_row(record: Record) -> dict[str, Any]:
    """Values that JSON can hold: times as ISO 8601 text, tuples as lists."""
    return {name: _out(getattr(record, name)) for name in names(type(record))}


def _out(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
