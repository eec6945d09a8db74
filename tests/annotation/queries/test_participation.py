"""Consent, background questions, crowd ids and codes, links for one rater each, and strangers who hold too much.

Tests of `annotation.participation_checks`, `annotation.participation_records`, `annotation.value_checks`.
"""

from dataclasses import replace

import pytest
from attention_toys import outputs
from rating_examples import new_study, submission

from annotation.errors import ConsentMissing, InvalidInvitation, InvalidRecord
from annotation.participation_records import Consent, Crowd, Question
from annotation.queries.assignments import STRANGERS_HOLD
from annotation.queries.invitations import MAX_USES
from annotation.records import Rater, Study
from annotation.store import RatingStore

CONSENT = Consent("2", {"en": "I take part of my own will.", "sw": "Nashiriki kwa hiari."})
QUESTIONS = (
    Question("age", {"en": "How old are you?"}, "number"),
    Question("read", {"en": "Do you read Swahili daily?"}, "choice", ({"en": "yes"}, {"en": "no"}), optional=False),
    Question("note", {"en": "Anything else?"}, "text"),
)
CROWD = Crowd("DONE-1", "OUT-2", "PROLIFIC_PID", "https://crowd.example/complete?cc={code}")


def opened(store: RatingStore, count: int = 3, **design: object) -> Study:
    draft = store.create_study(replace(new_study("crowd"), **design))  # type: ignore[arg-type]
    store.add_outputs(draft.id, outputs(count))
    return store.open_study(draft.id)


def join(store: RatingStore, study: Study, participant: str | None = None) -> tuple[Rater, str]:
    _, link = store.new_invitation(study.id, "sw")
    return store.accept_invitation(study.id, link, participant=participant)


def rate_all(store: RatingStore, rater: Rater) -> int:
    count = 0
    while (view := store.next_assignment(rater.id)) is not None:
        store.submit(submission(rater.id, view))
        count += 1
    return count


def test_nobody_rates_before_she_agreed_and_the_version_and_time_are_stored(store: RatingStore) -> None:
    study = opened(store, consent=CONSENT)
    assert study.consent == CONSENT
    rater, _ = join(store, study)
    with pytest.raises(ConsentMissing, match="agree"):
        store.next_assignment(rater.id)
    with pytest.raises(InvalidRecord, match="version"):
        store.agree(rater.id, "1")
    store.agree(rater.id, "2")
    assert rate_all(store, rater) == 3
    (record,) = store.raters(study.id)
    assert record.consent_version == "2" and record.consented_at is not None


def test_background_questions_are_checked_and_the_required_ones_come_first(store: RatingStore) -> None:
    study = opened(store, background=QUESTIONS)
    assert study.background == QUESTIONS
    rater, _ = join(store, study)
    with pytest.raises(ConsentMissing, match="questions"):
        store.next_assignment(rater.id)
    for wrong, what in (
        ({}, "has to be answered"),
        ({"read": 2}, "choose one of the 2"),
        ({"read": 0, "age": "old"}, "a number"),
        ({"read": 0, "colour": "red"}, "no question 'colour'"),
    ):
        with pytest.raises(InvalidRecord, match=what):
            store.answer_background(rater.id, wrong)
    store.answer_background(rater.id, {"read": 0, "age": None})
    assert store.raters(study.id)[0].background == {"read": 0}
    assert rate_all(store, rater) == 3


def test_one_person_of_a_crowd_is_one_rater_however_often_she_joins(store: RatingStore) -> None:
    study = opened(store, crowd=CROWD)
    with pytest.raises(InvalidInvitation, match="your id on the platform"):
        join(store, study)
    first, old_link = join(store, study, "5f3a")
    store.submit(submission(first.id, store.next_assignment(first.id)))  # type: ignore[arg-type]
    again, link = join(store, study, "5f3a")
    assert again == first and store.progress(again.id).done == 1
    assert store.rater_by_token(study.id, link) == first
    with pytest.raises(Exception, match="not valid"):
        store.rater_by_token(study.id, old_link)
    other, _ = join(store, study, "77bc")
    assert other != first
    assert [one.participant for one in store.raters(study.id)] == ["5f3a", "77bc"]


def test_codes_are_told_only_after_the_last_item_is_saved_or_to_those_screened_out(store: RatingStore) -> None:
    study = opened(store, crowd=CROWD)
    rater, _ = join(store, study, "5f3a")
    for _ in range(3):
        assert store.completion(rater.id) is None
        view = store.next_assignment(rater.id)
        assert view is not None and store.completion(rater.id) is None
        store.submit(submission(rater.id, view))
    done = store.completion(rater.id)
    assert done is not None
    assert (done.code, done.redirect, done.screened_out) == (
        "DONE-1",
        "https://crowd.example/complete?cc=DONE-1",
        False,
    )
    out, _ = join(store, study, "77bc")
    store.screen_out(out.id)
    ended = store.completion(out.id)
    assert ended is not None and (ended.code, ended.screened_out) == ("OUT-2", True)
    assert store.next_assignment(out.id) is None


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"crowd": replace(CROWD, redirect="javascript:alert(1)")}, "https://"),
        ({"crowd": replace(CROWD, parameter="a b")}, "parameter"),
        ({"crowd": replace(CROWD, completion_code=" ")}, "completion code"),
        ({"consent": Consent("", {"en": "x"})}, "version of the consent"),
        ({"background": (replace(QUESTIONS[1], options=()),)}, "0 options"),
        ({"background": (QUESTIONS[0], QUESTIONS[0])}, "another key"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_a_sentence(
    store: RatingStore, wrong: dict[str, object], what: str
) -> None:
    with pytest.raises(InvalidRecord, match=what):
        store.create_study(replace(new_study("crowd"), **wrong))  # type: ignore[arg-type]


def test_many_links_are_for_one_rater_each_and_tell_who_used_which(store: RatingStore) -> None:
    study = opened(store)
    links = store.new_links(study.id, "sw", 5)
    assert len({token for _, token in links}) == 5
    invitation, token = links[3]
    rater, _ = store.accept_invitation(study.id, token)
    with pytest.raises(InvalidInvitation, match="as often as it may be"):
        store.accept_invitation(study.id, token)
    assert {one.rater: one.invitation for one in store.raters(study.id)} == {rater.pseudonym: invitation.id}
    with pytest.raises(InvalidRecord, match="whole number"):
        store.new_links(study.id, "sw", 0)


def test_an_invitation_is_bounded_unless_somebody_says_otherwise(store: RatingStore) -> None:
    study = opened(store)
    assert store.new_invitation(study.id, "sw")[0].max_uses == MAX_USES
    assert store.new_invitation(study.id, "sw", None)[0].max_uses is None


def test_strangers_cannot_lease_all_of_an_open_collection(store: RatingStore) -> None:
    """200 anonymous visitors took an item each and left nothing to anybody for an hour."""
    study = store.ensure_study(replace(new_study("open"), raters_per_item=3))
    store.add_outputs(study.id, outputs(12))  # 36 slots
    proven, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(proven.id)
    assert view is not None
    store.submit(submission(proven.id, view))
    strangers = [store.new_rater(study.id, "sw")[0] for _ in range(60)]
    views = [store.next_assignment(one.id) for one in strangers]
    assert None not in views  # an honest newcomer gets an item too
    (progress,) = store.language_progress(study.id)
    assert progress.held == STRANGERS_HOLD
    view = store.next_assignment(proven.id)
    assert view is not None
    store.submit(submission(proven.id, view))
    last = views[-1]
    assert last is not None
    assert store.next_assignment(strangers[-1].id) == last  # hers, although it holds no slot
    assert store.progress(strangers[-1].id).released == 0
    store.submit(submission(strangers[-1].id, last))
    assert store.progress(strangers[-1].id).done == 1


def test_removal_takes_the_platform_id_and_the_answers_with_it(store: RatingStore) -> None:
    study = opened(store, crowd=CROWD, background=QUESTIONS)
    rater, _ = join(store, study, "5f3a")
    store.answer_background(rater.id, {"read": 1, "note": "I am Asha"})
    store.remove_rater(study.id, rater.pseudonym)
    (record,) = store.raters(study.id)
    assert record.participant is None and record.background is None
    assert join(store, study, "5f3a")[0] != rater
