"""Invitation links: counted, ended, taken back; forged ones lead nowhere."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from at_once import at_once
from rating_examples import Clock, new_study, outputs_of

from annotation.errors import AnnotationError, InvalidInvitation, InvalidRecord, StudyClosed, UnknownRater
from annotation.records import Study
from annotation.store import RatingStore


@pytest.fixture
def opened(store: RatingStore) -> Study:
    made = store.create_study(new_study("invited"))
    store.add_outputs(made.id, outputs_of("i1"))
    return store.open_study(made.id)


def test_a_link_makes_a_rater_of_its_language_who_is_found_again_from_any_device(
    store: RatingStore, opened: Study
) -> None:
    invitation, link = store.new_invitation(opened.id, "sw")
    rater, personal = store.accept_invitation(opened.id, link, "native")
    assert (rater.language, rater.study_id) == ("sw", opened.id)
    assert personal != link
    assert store.rater_of_token(personal) == store.rater_by_token(opened.id, personal) == rater
    view = store.next_assignment(rater.id)
    assert store.next_assignment(store.rater_of_token(personal).id) == view
    (listed,) = store.invitations(opened.id)
    assert listed == replace(invitation, uses=1)
    assert [(one.rater, one.proficiency) for one in store.raters(opened.id)] == [(rater.pseudonym, "native")]


def test_a_link_is_good_for_so_many_raters_also_when_they_come_at_once(store: RatingStore, opened: Study) -> None:
    _, link = store.new_invitation(opened.id, "sw", max_uses=3)

    def come() -> str:
        try:
            return store.accept_invitation(opened.id, link)[0].pseudonym
        except InvalidInvitation as error:
            return str(error)

    found = at_once([come for _ in range(10)])
    assert sum(one.startswith("rater-") for one in found) == 3
    assert {one for one in found if not one.startswith("rater-")} == {
        "this invitation was used as often as it may be; if you have started already, open your personal link "
        "instead, or ask the organiser for a new one."
    }
    assert store.invitations(opened.id)[0].uses == len(store.raters(opened.id)) == 3


def test_a_link_ends_at_its_time(store: RatingStore, opened: Study, clock: Clock) -> None:
    _, link = store.new_invitation(opened.id, "sw", expires_at=clock.now + timedelta(hours=1))
    clock.forward(59)
    rater, personal = store.accept_invitation(opened.id, link)
    clock.forward(2)
    with pytest.raises(InvalidInvitation, match="ended on 2026-11-20 at 13:00 UTC"):
        store.accept_invitation(opened.id, link)
    assert store.rater_of_token(personal) == rater  # who came goes on


def test_a_link_taken_back_lets_nobody_new_in(store: RatingStore, opened: Study) -> None:
    invitation, link = store.new_invitation(opened.id, "sw")
    _rater, personal = store.accept_invitation(opened.id, link)
    assert store.revoke_invitation(opened.id, invitation.id).revoked_at is not None
    with pytest.raises(InvalidInvitation, match="was withdrawn"):
        store.accept_invitation(opened.id, link)
    assert store.next_assignment(store.rater_of_token(personal).id) is not None
    other = store.create_study(new_study("other"))
    with pytest.raises(InvalidInvitation):
        store.revoke_invitation(other.id, invitation.id)


@pytest.mark.parametrize("token", ["", "guess", "\ud800", None, 7, ["x"], "' OR 1=1 --"])
def test_a_forged_link_is_refused_without_being_repeated(store: RatingStore, opened: Study, token: str) -> None:
    store.new_invitation(opened.id, "sw")
    with pytest.raises(InvalidInvitation, match="exactly as it was sent"):
        store.accept_invitation(opened.id, token)
    with pytest.raises(UnknownRater):
        store.rater_of_token(token)
    assert store.raters(opened.id) == []


def test_links_and_personal_tokens_are_not_taken_for_each_other(store: RatingStore, opened: Study) -> None:
    other = store.create_study(new_study("other"))
    store.add_outputs(other.id, outputs_of("i1"))
    store.open_study(other.id)
    _, link = store.new_invitation(opened.id, "sw")
    _, personal = store.accept_invitation(opened.id, link)
    for study, token in ((opened, personal), (other, link), (other, personal)):
        with pytest.raises(InvalidInvitation):
            store.accept_invitation(study.id, token)
    with pytest.raises(UnknownRater):
        store.rater_of_token(link)


def test_a_link_before_the_study_opens_waits(store: RatingStore) -> None:
    made = store.create_study(new_study("soon"))
    store.add_outputs(made.id, outputs_of("i1"))
    _, link = store.new_invitation(made.id, "sw")
    with pytest.raises(StudyClosed, match="is draft"):
        store.accept_invitation(made.id, link)
    store.open_study(made.id)
    store.accept_invitation(made.id, link)
    assert store.invitations(made.id)[0].uses == 1


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("fr",), "nothing to rate in 'fr'; it has sw"),
        (("sw", 0), "at least 1"),
        (("sw", True), "at least 1"),
        (("sw", None, datetime(2026, 1, 1, tzinfo=UTC)), "is past"),
        (("",), "is empty"),
    ],
)
def test_an_invitation_that_could_not_be_used_is_not_made(
    store: RatingStore, opened: Study, arguments: tuple, match: str
) -> None:
    with pytest.raises(InvalidRecord, match=match):
        store.new_invitation(opened.id, *arguments)
    assert store.invitations(opened.id) == []


def test_a_proficiency_that_nobody_offers_is_refused_and_costs_no_use(store: RatingStore, opened: Study) -> None:
    _, link = store.new_invitation(opened.id, "sw", max_uses=1)
    with pytest.raises(InvalidRecord, match="native, fluent, good, basic"):
        store.accept_invitation(opened.id, link, "perfect")
    store.accept_invitation(opened.id, link)


def test_no_link_can_be_read_from_the_database(store: RatingStore, opened: Study, path: Path) -> None:
    _, link = store.new_invitation(opened.id, "sw")
    _, personal = store.accept_invitation(opened.id, link)
    with closing(sqlite3.connect(path)) as connection:
        dump = "\n".join(connection.iterdump())
    assert link not in dump
    assert personal not in dump
    store.set_study_state(opened.id, "closed")
    with pytest.raises(AnnotationError):
        store.new_invitation(opened.id, "sw")
