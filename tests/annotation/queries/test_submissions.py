"""Submitting, retrying, going back; and what is refused.

Tests of `annotation.records`, `annotation.validation`.
"""

from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_examples import UNHURRIED, Clock, filled, skip_of, submission

from annotation.blind_records import AssignmentView
from annotation.errors import (
    InvalidRating,
    NewerAnswers,
    StudyClosed,
    SubmissionConflict,
    UnknownAssignment,
)
from annotation.records import Rater, SkipSubmission, Study
from annotation.store import RatingStore
from annotation.validation import MAX_CHANGES, MAX_COMMENT, MAX_COMMENTS, check_values


def test_nothing_is_preselected(view: AssignmentView) -> None:
    assert view.values == {}
    assert view.comment is None
    assert view.state == "pending"


def test_what_was_submitted_is_stored_with_time_and_revision_one(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView, clock: Clock
) -> None:
    sent = submission(rater.id, view, lambda output, key: 1 + (output + len(key)) % 5)
    before = clock.now
    receipt = store.submit(replace(sent, comment="Jibu la B ni zuri."))
    assert (receipt.revision, receipt.repeated) == (1, False)
    assert before < receipt.saved_at <= clock.now
    assert receipt.saved_at.tzinfo is UTC
    records = store.ratings(study.id)
    assert {(record.output_id, record.criterion): record.value for record in records} == sent.values
    assert {(record.revision, record.rater, record.submission_id) for record in records} == {
        (1, rater.pseudonym, sent.submission_id)
    }
    (assignment,) = store.assignments(study.id)
    assert (assignment.state, assignment.seconds, assignment.comment) == ("done", 12.5, "Jibu la B ni zuri.")


def test_a_retry_gets_the_first_receipt_and_doubles_nothing(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView, clock: Clock
) -> None:
    sent = submission(rater.id, view)
    first = store.submit(sent)
    clock.forward(5)
    again = store.submit(replace(sent, submission_id=sent.submission_id.upper(), seconds=99.0))
    assert again == replace(first, repeated=True)
    assert len(store.ratings(study.id)) == len(store.history(study.id)) == 9
    assert store.assignments(study.id)[0].seconds == 12.5


def test_a_retry_is_answered_even_after_the_study_was_closed(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView
) -> None:
    sent = submission(rater.id, view)
    store.submit(sent)
    store.set_study_state(study.id, "closed")
    assert store.submit(sent).repeated
    with pytest.raises(StudyClosed):
        store.submit(submission(rater.id, view))


def test_an_id_used_for_other_content_is_refused_instead_of_dropping_it(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView
) -> None:
    sent = submission(rater.id, view, 4)
    store.submit(sent)
    stranger, _ = store.new_rater(study.id, "sw")
    skipped = SkipSubmission(sent.submission_id, rater.id, view.assignment_id, "other")
    for other in (replace(sent, values=filled(view, 5)), replace(sent, rater_id=stranger.id)):
        with pytest.raises(SubmissionConflict, match="nothing was changed"):
            store.submit(other)
    with pytest.raises(SubmissionConflict):
        store.skip(skipped)
    assert {record.value for record in store.ratings(study.id)} == {4}


def test_going_back_shows_what_was_given(store: RatingStore, study: Study, rater: Rater, view: AssignmentView) -> None:
    sent = replace(submission(rater.id, view, 2), comment="hm")
    store.submit(sent)
    store.next_assignment(rater.id)
    back = store.assignment(rater.id, 1)
    assert back == replace(view, values=sent.values, comment="hm", state="done", revision=1)


def test_a_page_that_showed_older_ratings_overwrites_nothing(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView
) -> None:
    """A second tab overwrote newer answers without a word."""
    store.submit(replace(submission(rater.id, view, 4), revision=0))
    with pytest.raises(NewerAnswers, match="version 1; this page showed 0"):
        store.submit(replace(submission(rater.id, view, 2), revision=0))
    assert {record.value for record in store.ratings(study.id)} == {4}
    assert (
        store.submit(replace(submission(rater.id, view, 4), revision=0)).revision == 1
    )  # the same ratings overwrite nothing
    assert store.submit(replace(submission(rater.id, view, 2), revision=1)).revision == 2
    assert {record.value for record in store.ratings(study.id)} == {2}


def test_a_comment_of_another_tab_is_not_overwritten_where_only_comments_differ(
    store: RatingStore, rater: Rater, view: AssignmentView
) -> None:
    """The ratings were the same, so the second tab's comment replaced the first one's without a word."""
    sent = replace(submission(rater.id, view, 4), revision=0)
    store.submit(replace(sent, comment="from the first tab"))
    second = replace(submission(rater.id, view, 4), comment="from the second tab", revision=0)
    with pytest.raises(NewerAnswers):
        store.submit(second)
    assert store.assignment(rater.id, 1).comment == "from the first tab"
    edited = store.submit(replace(submission(rater.id, view, 4), comment="edited", revision=1))
    assert edited.revision == 2  # a third tab, which showed version 1, is older now
    with pytest.raises(NewerAnswers):
        store.submit(replace(submission(rater.id, view, 4), comment="", revision=1))
    assert store.submit(replace(submission(rater.id, view, 4), comment=None, revision=1)).revision == 2


def test_a_change_keeps_the_old_value_when_and_by_which_submission(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView, clock: Clock
) -> None:
    first = submission(rater.id, view, 2)
    receipt = store.submit(first)
    clock.forward(10)
    changed = view.outputs[1].output_id, "relevance"
    second = replace(submission(rater.id, view, 2), values={**filled(view, 2), changed: 5})
    assert store.submit(second).revision == 2
    (record,) = [one for one in store.ratings(study.id) if one.value == 5]
    assert (record.revision, record.created_at) == (2, receipt.saved_at)
    assert record.updated_at > receipt.saved_at
    past = [one for one in store.history(study.id) if (one.system, one.criterion) == (record.system, "relevance")]
    assert [(one.old_value, one.value, one.revision, one.submission_id) for one in past] == [
        (None, 2, 1, first.submission_id),
        (2, 5, 2, second.submission_id),
    ]
    assert past[0].recorded_at == receipt.saved_at
    assert len(store.history(study.id)) == 9 + 1
    assert store.assignments(study.id)[0].seconds == 25.0


def test_saving_again_without_a_change_makes_no_revision(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView
) -> None:
    store.submit(submission(rater.id, view))
    receipt = store.submit(submission(rater.id, view))
    assert (receipt.revision, receipt.repeated) == (1, False)
    assert len(store.history(study.id)) == 9


def test_an_item_takes_a_hundred_presses_and_no_more(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView
) -> None:
    """Every version is kept, so that changes without end filled the disk."""
    for number in range(MAX_CHANGES):
        store.submit(submission(rater.id, view, 1 + number % 5))
    with pytest.raises(InvalidRating, match="saved 100 times"):
        store.submit(submission(rater.id, view, 1))
    assert {record.value for record in store.ratings(study.id)} == {1 + (MAX_CHANGES - 1) % 5}


def test_comments_of_one_rater_have_a_bound_and_her_ratings_are_taken_all_the_same(
    store: RatingStore, rater: Rater, view: AssignmentView
) -> None:
    for number in range(MAX_COMMENTS // MAX_COMMENT):
        comment = f"{number:02d}" + "x" * (MAX_COMMENT - 2)
        store.submit(replace(submission(rater.id, view), comment=comment))
    with pytest.raises(InvalidRating, match="all your comments with their earlier versions"):
        store.submit(replace(submission(rater.id, view), comment="another"))
    for _ in range(3):  # the page sends the comment with every change; the same one again adds nothing
        store.submit(replace(submission(rater.id, view, 5), comment=comment))
    assert set(store.assignment(rater.id, 1).values.values()) == {5}
    store.submit(replace(submission(rater.id, view, 5), comment=""))
    assert store.assignment(rater.id, 1).comment is None


def test_a_comment_stays_unless_another_or_an_empty_one_is_sent(
    store: RatingStore, rater: Rater, view: AssignmentView
) -> None:
    for sent, kept in ((None, None), ("a", "a"), (None, "a"), ("b", "b"), ("", None)):
        store.submit(replace(submission(rater.id, view), comment=sent))
        assert store.assignment(rater.id, 1).comment == kept


@pytest.mark.parametrize("value", [None, 0, 6, -1, 3.5, 4.0, "4", True, float("nan"), [4], 2**80])
def test_values_that_are_not_integers_from_one_to_five_are_refused_and_nothing_is_stored(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView, value: object
) -> None:
    values = {**filled(view), (view.outputs[1].output_id, "fluency"): value}
    with pytest.raises(InvalidRating, match="fluency of answer B"):
        store.submit(replace(submission(rater.id, view), values=values))  # type: ignore[arg-type]
    assert store.ratings(study.id) == []
    assert store.progress(rater.id).done == 0


REQUIRED = {(1, "fluency"): "fluency of answer A", (1, "relevance"): "relevance of answer A"}
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


@UNHURRIED
@given(st.dictionaries(st.sampled_from([*REQUIRED, (2, "fluency"), "x"]), st.integers(1, 5) | ANYTHING) | ANYTHING)
def test_values_pass_only_if_they_are_exactly_the_required_integers(values: object) -> None:
    fine = isinstance(values, dict) and set(values) == set(REQUIRED)
    fine = fine and all(type(value) is int and 1 <= value <= 5 for value in values.values())  # type: ignore[attr-defined]
    if fine:
        check_values(values, REQUIRED)
    else:
        with pytest.raises(InvalidRating):
            check_values(values, REQUIRED)


def test_what_is_missing_is_said_by_name(store: RatingStore, rater: Rater, view: AssignmentView) -> None:
    values = filled(view)
    del values[view.outputs[2].output_id, "correctness"]
    with pytest.raises(InvalidRating, match="not rated yet: correctness of answer C"):
        store.submit(replace(submission(rater.id, view), values=values))


def test_a_value_for_something_that_was_not_asked_is_refused(
    store: RatingStore, rater: Rater, view: AssignmentView
) -> None:
    with pytest.raises(InvalidRating, match="does not ask for"):
        store.submit(replace(submission(rater.id, view), values={**filled(view), (9999, "fluency"): 3}))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"submission_id": "1"}, "UUID"),
        ({"submission_id": None}, "UUID"),
        ({"values": None}, "mapping"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"seconds": "4"}, "seconds"),
        ({"comment": "x" * 4001}, "4001 characters"),
        ({"comment": "\ud800"}, "surrogate"),
        ({"comment": 4}, "give a string"),
    ],
)
def test_other_malformed_submissions_are_refused(
    store: RatingStore,
    study: Study,
    rater: Rater,
    view: AssignmentView,
    changes: dict[str, object],
    match: str,
) -> None:
    with pytest.raises(InvalidRating, match=match):
        store.submit(replace(submission(rater.id, view), **changes))  # type: ignore[arg-type]
    assert store.ratings(study.id) == []


def test_one_rater_cannot_reach_the_assignment_of_another(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView
) -> None:
    stranger, _ = store.new_rater(study.id, "sw")
    with pytest.raises(UnknownAssignment):
        store.submit(submission(stranger.id, view))
    with pytest.raises(UnknownAssignment):
        store.skip(skip_of(stranger.id, view))
    with pytest.raises(UnknownAssignment):
        store.assignment(stranger.id, view.position)


@pytest.mark.parametrize("assignment_id", [0, None, True, 2**80, "1"])
def test_an_assignment_that_cannot_be_is_unknown(
    store: RatingStore, rater: Rater, view: AssignmentView, assignment_id: int
) -> None:
    with pytest.raises(UnknownAssignment):
        store.submit(replace(submission(rater.id, view), assignment_id=assignment_id))
