"""Drafts, what is missing before a study opens, and that nothing changes once it is open."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rating_examples import Clock, new_study, outputs_of, submission

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import InvalidInvitation, InvalidRecord, StudyClosed, StudyFrozen, StudyNotReady, UnknownStudy
from annotation.records import Criterion, Study
from annotation.store import RatingStore

POLITENESS = Criterion(
    "politeness",
    {"en": "How polite is it?"},
    {"en": ("rude", "curt", "plain", "kind", "courteous")},
    "2",
    {"en": "Politeness"},
)


@pytest.fixture
def draft(store: RatingStore) -> Study:
    made = store.create_study(replace(new_study("designed"), seed=11))
    store.add_outputs(made.id, [output for item in ("i1", "i2") for output in outputs_of(item)])
    return made


@pytest.fixture
def opened(store: RatingStore, draft: Study) -> Study:
    return store.open_study(draft.id)


def test_a_new_study_is_a_draft_with_a_slug_of_its_own(store: RatingStore, draft: Study) -> None:
    assert (draft.state, draft.frozen_at, draft.seed) == ("draft", None, 11)
    with pytest.raises(InvalidRecord, match="called 'designed' already"):
        store.create_study(new_study("designed"))


def test_a_draft_is_redesigned_and_keeps_its_outputs_and_seed(store: RatingStore, draft: Study) -> None:
    wanted = replace(
        new_study("renamed"),
        criteria=(DEFAULT_CRITERIA[2], POLITENESS),
        items_per_rater=20,
        planned_items=60,
        target_difference=0.4,
        check_every=6,
        repeat_after=3,
        failed_share=0.3,
    )
    revised = store.revise_study(draft.id, wanted)
    assert revised == store.study("renamed")
    assert [one.key for one in revised.criteria] == ["correctness", "politeness"]
    assert (revised.items_per_rater, revised.planned_items, revised.target_difference) == (20, 60, 0.4)
    assert (revised.check_every, revised.repeat_after, revised.failed_share, revised.seed) == (6, 3, 0.3, 11)
    assert store.stock(draft.id).items == {"sw": 2}


def test_a_criterion_of_ones_own_is_shown_by_its_label(store: RatingStore, draft: Study) -> None:
    store.revise_study(draft.id, replace(new_study("designed"), criteria=(POLITENESS,)))
    store.open_study(draft.id)
    _, link = store.new_invitation(draft.id, "sw")
    rater, _ = store.accept_invitation(draft.id, link)
    view = store.next_assignment(rater.id)
    assert view is not None
    assert [(one.key, one.label) for one in view.criteria] == [("politeness", "Politeness")]
    store.submit(submission(rater.id, view))
    assert {record.criterion for record in store.ratings(draft.id)} == {"politeness"}


def test_opening_freezes_and_says_when(store: RatingStore, opened: Study, clock: Clock) -> None:
    assert opened.state == "open"
    assert opened.frozen_at is not None
    assert opened.frozen_at.date() == clock.now.date()


CHANGES: dict[str, Callable[[RatingStore, Study], object]] = {
    "add outputs": lambda store, study: store.add_outputs(study.id, outputs_of("i3")),
    "add the same outputs": lambda store, study: store.add_outputs(study.id, outputs_of("i1")),
    "remove outputs": lambda store, study: store.remove_outputs(study.id),
    "revise": lambda store, study: store.revise_study(study.id, new_study("designed")),
    "make checks": lambda store, study: store.make_checks(study.id),
    "delete": lambda store, study: store.delete_draft(study.id),
    "open again": lambda store, study: store.open_study(study.id),
    "back to draft": lambda store, study: store.set_study_state(study.id, "draft"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_change_of_an_open_study_is_refused_with_one_sentence(
    store: RatingStore, opened: Study, change: Callable[[RatingStore, Study], object]
) -> None:
    before = (store.study("designed"), store.outputs(opened.id, checks=True))
    with pytest.raises(StudyFrozen) as refusal:
        change(store, opened)
    assert re.fullmatch(r"study 'designed' is frozen since 2026-11-20 12:00 UTC, [^.]*\.", str(refusal.value))
    assert (store.study("designed"), store.outputs(opened.id, checks=True)) == before
    store.set_study_state(opened.id, "closed")
    with pytest.raises(StudyFrozen):  # closing does not thaw it
        change(store, opened)


def test_a_draft_that_raters_saw_is_not_changed_either(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    store.next_assignment(rater.id)
    store.set_study_state(study.id, "draft")
    with pytest.raises(StudyFrozen, match="raters have seen its items"):
        store.revise_study(study.id, new_study())


@pytest.mark.parametrize(
    ("items", "check_every", "match"),
    [
        ([], None, "it has no outputs"),
        (outputs_of("i1") + outputs_of("i2", systems=("agl", "knn")), None, "1 items lack.*'i2' in sw.*zero-shot"),
        (outputs_of("i1") + outputs_of("i2"), 5, "attention checks are planned and not made for sw"),
    ],
)
def test_what_is_missing_is_said_and_the_study_stays_a_draft(
    store: RatingStore, items: list, check_every: int | None, match: str
) -> None:
    made = store.create_study(replace(new_study("early"), check_every=check_every))
    store.add_outputs(made.id, items)
    with pytest.raises(StudyNotReady, match=match):
        store.open_study(made.id)
    assert store.study("early").state == "draft"


def test_a_study_opened_for_good_takes_raters_by_invitation_only(store: RatingStore, opened: Study) -> None:
    with pytest.raises(InvalidInvitation, match="by invitation"):
        store.new_rater(opened.id, "sw")


def test_closing_ends_ratings_and_opening_again_goes_on(store: RatingStore, opened: Study) -> None:
    _, link = store.new_invitation(opened.id, "sw")
    rater, _ = store.accept_invitation(opened.id, link)
    view = store.next_assignment(rater.id)
    assert view is not None
    closed = store.set_study_state(opened.id, "closed")
    assert closed.closed_at is not None
    with pytest.raises(StudyClosed, match="is closed"):
        store.submit(submission(rater.id, view))
    assert store.set_study_state(opened.id, "open").closed_at is None
    store.submit(submission(rater.id, view))


def test_a_withdrawn_study_stays_withdrawn_and_keeps_its_ratings(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view))
    assert store.set_study_state(study.id, "withdrawn").state == "withdrawn"
    for state in ("open", "draft", "closed"):
        with pytest.raises(StudyClosed, match="for good"):
            store.set_study_state(study.id, state)  # type: ignore[arg-type]
    assert len(store.ratings(study.id)) == 9


def test_a_draft_can_be_emptied_and_deleted(store: RatingStore, draft: Study) -> None:
    store.revise_study(draft.id, replace(new_study("designed"), check_every=2))
    store.make_checks(draft.id)
    assert store.remove_outputs(draft.id) == 3 * 2 + 3 * (2 + 2)
    assert store.stock(draft.id).items == {}
    store.delete_draft(draft.id)
    with pytest.raises(UnknownStudy):
        store.study("designed")
