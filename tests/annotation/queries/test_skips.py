"""Skipping: coded reasons, counted, reversible, and the place goes back to others.

Tests of `annotation.queries.merge`.
"""

from dataclasses import replace

import pytest
from rating_examples import new_study, outputs_of, skip_of, submission

from annotation.blind_records import AssignmentView
from annotation.errors import InvalidSkip, NoSlotLeft
from annotation.records import Progress, Rater, Study
from annotation.store import RatingStore
from annotation.vocabulary import SKIP_REASONS


@pytest.mark.parametrize("reason", SKIP_REASONS)
def test_a_skip_is_stored_with_its_reason_and_counted(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView, reason: str
) -> None:
    sent = skip_of(rater.id, view, reason, "kwa sababu")
    receipt = store.skip(sent)
    assert (receipt.revision, receipt.repeated) == (0, False)
    assert store.skip(sent) == replace(receipt, repeated=True)
    (record,) = store.assignments(study.id)
    assert (record.state, record.skip_reason, record.comment) == ("skipped", reason, "kwa sababu")
    assert store.progress(rater.id) == Progress(done=0, skipped=1, total=3)
    assert store.assignment(rater.id, 1).skip_reason == reason


@pytest.mark.parametrize("reason", ["", "bored", None, 3])
def test_a_skip_without_a_known_reason_is_refused(
    store: RatingStore, rater: Rater, view: AssignmentView, reason: str
) -> None:
    with pytest.raises(InvalidSkip, match="not_my_language"):
        store.skip(skip_of(rater.id, view, reason))


def test_a_skipped_item_is_not_given_again_but_can_be_rated_by_going_back(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView
) -> None:
    store.skip(skip_of(rater.id, view, "lacks_knowledge"))
    following = store.next_assignment(rater.id)
    assert following is not None
    assert following.item_key != view.item_key
    store.submit(submission(rater.id, store.assignment(rater.id, 1)))
    back = store.assignment(rater.id, 1)
    assert (back.state, back.skip_reason) == ("done", None)
    assert store.progress(rater.id) == Progress(done=1, skipped=0, total=3)


def test_a_skip_returns_the_place_and_a_skipped_item_that_filled_up_cannot_be_rated(
    store: RatingStore,
) -> None:
    study = store.ensure_study(new_study("one", raters_per_item=1))
    store.add_outputs(study.id, outputs_of("i1"))
    first, second = (store.new_rater(study.id, "sw")[0] for _ in range(2))
    view = store.next_assignment(first.id)
    assert view is not None
    assert store.next_assignment(second.id) is None
    store.skip(skip_of(first.id, view))
    given = store.next_assignment(second.id)
    assert given is not None
    store.submit(submission(second.id, given))
    with pytest.raises(NoSlotLeft):
        store.submit(submission(first.id, view))
    assert {record.rater for record in store.ratings(study.id)} == {second.pseudonym}


def test_what_is_rated_cannot_be_skipped_away(
    store: RatingStore, study: Study, rater: Rater, view: AssignmentView
) -> None:
    store.submit(submission(rater.id, view))
    with pytest.raises(InvalidSkip, match="rated already"):
        store.skip(skip_of(rater.id, view))
    assert len(store.ratings(study.id)) == 9
