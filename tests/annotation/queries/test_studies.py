"""Studies, outputs and raters: made once, never silently changed, found only with the right token.

Tests of `annotation.study_records`.
"""

import logging
from dataclasses import replace

import pytest
from rating_examples import new_study, outputs_of

from annotation.criteria import DEFAULT_CRITERIA, text_for
from annotation.errors import InvalidRecord, StudyClosed, UnknownRater, UnknownStudy
from annotation.records import Criterion, NewOutput, Study
from annotation.store import RatingStore
from annotation.study_records import AddReport
from annotation.vocabulary import CRITERION_KEYS


def test_a_study_is_made_once_and_found_again_by_its_slug(store: RatingStore) -> None:
    first = store.ensure_study(new_study())
    assert store.ensure_study(new_study()) == first
    assert store.studies() == [first]
    assert store.study("topics") == first
    assert first.criteria == DEFAULT_CRITERIA
    assert first.created_at.tzinfo is not None


def test_a_study_whose_definition_changed_is_kept_as_raters_saw_it_and_this_is_logged(
    store: RatingStore, caplog: pytest.LogCaptureFixture
) -> None:
    first = store.ensure_study(new_study())
    with caplog.at_level(logging.WARNING, logger="annotation"):
        again = store.ensure_study(replace(new_study(), raters_per_item=5, criteria=DEFAULT_CRITERIA[:2]))
    assert again == first
    assert "kept as stored" in caplog.text
    assert "raters_per_item, criteria" in caplog.text


def test_the_default_criteria_are_the_three_of_the_method_with_five_anchors_each() -> None:
    assert tuple(one.key for one in DEFAULT_CRITERIA) == CRITERION_KEYS
    assert all(len(set(one.anchors["en"])) == 5 for one in DEFAULT_CRITERIA)


@pytest.mark.parametrize(
    ("tag", "text"),
    [("pt-BR", "brasileiro"), ("pt-PT", "português"), ("sw", "english"), ("en-GB", "english")],
)
def test_a_text_falls_back_to_the_wider_tag_and_then_to_english(tag: str, text: str) -> None:
    assert text_for({"en": "english", "pt": "português", "pt-BR": "brasileiro"}, tag) == text


def test_without_english_the_first_language_given_is_better_than_none() -> None:
    assert text_for({"sw": "kiswahili"}, "fr") == "kiswahili"
    with pytest.raises(KeyError):
        text_for({}, "fr")


FLUENCY = DEFAULT_CRITERIA[0]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"slug": "Two Words"}, "lower-case"),
        ({"slug": "a" * 81}, "up to 80"),
        ({"name": " "}, "name is empty"),
        ({"instructions": {}}, "no language"),
        ({"raters_per_item": 0}, "at least 1"),
        ({"raters_per_item": True}, "at least 1"),
        ({"lease_minutes": 1.5}, "at least 1"),
        ({"state": "paused"}, "draft, open, closed"),
        ({"criteria": ()}, "no criterion"),
        ({"criteria": (FLUENCY, FLUENCY)}, "each may occur once"),
        ({"criteria": (replace(FLUENCY, key="beauty"),)}, "no label.*fluency, relevance, correctness"),
        ({"criteria": (replace(FLUENCY, key="Beauty!"),)}, "lower-case letters"),
        ({"criteria": tuple(replace(FLUENCY, key=f"c{n}", label={"en": "C"}) for n in range(7))}, "up to 6"),
        ({"items_per_rater": 0}, "at least 1"),
        ({"check_every": 1}, "at least 2"),
        ({"failed_share": 1.0}, "below 1"),
        ({"target_difference": 0}, "above 0"),
        ({"criteria": (Criterion("fluency", {"en": "?"}, {"en": ("a", "b")}),)}, "needs 5 anchors"),
        ({"criteria": (Criterion("fluency", {"en": "?"}, {"sw": tuple("abcde")}),)}, "same languages"),
    ],
)
def test_a_study_that_could_not_be_shown_or_stored_is_refused(
    store: RatingStore, changes: dict[str, object], match: str
) -> None:
    with pytest.raises(InvalidRecord, match=match):
        store.ensure_study(replace(new_study(), **changes))  # type: ignore[arg-type]
    assert store.studies() == []


def test_adding_outputs_twice_adds_them_once(store: RatingStore, study: Study) -> None:
    both = [*outputs_of("i1"), *outputs_of("new")]
    assert store.add_outputs(study.id, both) == AddReport(added=3, already_there=3)
    assert store.add_outputs(study.id, [both[5], both[5]]) == AddReport(added=0, already_there=2)


def test_what_was_added_last_can_be_taken_back_until_a_rater_was_given_it(store: RatingStore, study: Study) -> None:
    before = store.outputs(study.id)
    report = store.add_outputs(study.id, [*outputs_of("new"), *outputs_of("newer")])
    assert len(report.output_ids) == report.added == 6
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    assigned = {output.item_key for output in store.outputs(study.id) if output.source_text == view.source_text}
    ids = [output.output_id for output in store.outputs(study.id)]
    count = store.take_back_outputs(study.id, ids)
    left = store.outputs(study.id)
    assert {output.item_key for output in left} == assigned and count == len(ids) - len(left)
    assert store.next_assignment(rater.id) is not None  # what she was given is still there
    assert store.take_back_outputs(study.id, ids) == 0
    assert store.add_outputs(study.id, outputs_of("new")).added == 3  # and can be sent again
    assert len(before) == 9


def test_outputs_of_another_study_are_not_taken_back(store: RatingStore, study: Study) -> None:
    other = store.ensure_study(replace(new_study(), slug="other"))
    ids = [output.output_id for output in store.outputs(study.id)]
    assert store.take_back_outputs(other.id, ids) == 0
    assert len(store.outputs(study.id)) == len(ids)


def test_outputs_come_back_with_their_provenance(store: RatingStore, study: Study) -> None:
    odd = NewOutput("i9", "ar", "‏مرحبا\n\t'\"", "Reply.", "s|1", "yo", "", {"k": [1, 2.5, None, {"é": "日本"}]}, "ref")
    store.add_outputs(study.id, [odd])
    found = store.outputs(study.id)[-1]
    names = ("item_key", "item_language", "source_text", "task", "system", "language", "text", "reference")
    assert [getattr(found, name) for name in names] == [getattr(odd, name) for name in names]
    assert found.provenance == odd.provenance


def test_a_stored_output_is_never_replaced_and_the_difference_is_reported(store: RatingStore, study: Study) -> None:
    changed = replace(outputs_of("i1")[0], text="something else")
    report = store.add_outputs(study.id, [changed])
    assert report == AddReport(0, 1, conflicting=(("i1", "agl", "sw"),))
    assert "something else" not in {output.text for output in store.outputs(study.id)}


@pytest.mark.parametrize("changes", [{"source_text": "other"}, {"task": "other"}, {"item_language": "en"}])
def test_one_item_key_for_two_items_is_refused_and_nothing_is_added(
    store: RatingStore, study: Study, changes: dict[str, str]
) -> None:
    before = store.outputs(study.id)
    wrong = replace(outputs_of("i1", systems=("new-system",))[0], **changes)  # type: ignore[arg-type]
    with pytest.raises(InvalidRecord, match="use another item key"):
        store.add_outputs(study.id, [*outputs_of("fine"), wrong])
    assert store.outputs(study.id) == before


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"item_key": ""}, "item_key of an output is empty"),
        ({"system": "s" * 201}, "allowed are 200"),
        ({"text": None}, "give a string"),
        ({"text": "a\x00b"}, "NUL"),
        ({"text": "\ud800"}, "surrogate"),
        ({"provenance": {"x": float("nan")}}, "not JSON"),
        ({"provenance": {"x": object()}}, "not JSON"),
        ({"provenance": {1: "x"}}, "strings as keys"),
        ({"provenance": {"x": "\x00"}}, "NUL"),
        ({"provenance": ["x"]}, "give a dict"),
    ],
)
def test_outputs_that_a_database_would_change_or_refuse_are_refused_first(
    store: RatingStore, study: Study, changes: dict[str, object], match: str
) -> None:
    with pytest.raises(InvalidRecord, match=match):
        store.add_outputs(study.id, [replace(outputs_of("i7")[0], **changes)])  # type: ignore[arg-type]


def test_a_closed_study_takes_no_outputs_and_no_raters(store: RatingStore, study: Study) -> None:
    assert store.set_study_state(study.id, "closed").state == "closed"
    with pytest.raises(StudyClosed, match="takes no more outputs"):
        store.add_outputs(study.id, outputs_of("late"))
    with pytest.raises(StudyClosed, match="takes no more raters"):
        store.new_rater(study.id, "sw")


@pytest.mark.parametrize("study_id", [0, -1, 99, 2**70, True, None, "1"])
def test_an_unknown_study_is_named_as_such(store: RatingStore, study: Study, study_id: int) -> None:
    with pytest.raises(UnknownStudy):
        store.ratings(study_id)


def test_a_slug_nobody_used_is_unknown(store: RatingStore) -> None:
    with pytest.raises(UnknownStudy, match="'nope'"):
        store.study("nope")


def test_a_rater_is_found_by_her_token_in_her_study_only(store: RatingStore, study: Study) -> None:
    rater, token = store.new_rater(study.id, "sw")
    other = store.ensure_study(new_study("other"))
    assert store.rater_by_token(study.id, token) == rater
    with pytest.raises(UnknownRater) as caught:
        store.rater_by_token(other.id, token)
    assert token not in str(caught.value)


def test_tokens_are_long_and_random_and_stored_only_as_a_hash(store: RatingStore, study: Study) -> None:
    made = [store.new_rater(study.id, "sw") for _ in range(20)]
    tokens = {token for _, token in made}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 32  # 192 bits in base 64
    assert len({rater.pseudonym for rater, _ in made}) == 20
    with store._engines.reader.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert not [token for token in tokens if token in dump]


@pytest.mark.parametrize("token", ["", "guess", "\ud800", None, 7, "' OR 1=1 --"])
def test_any_other_token_is_refused(store: RatingStore, study: Study, token: str) -> None:
    store.new_rater(study.id, "sw")
    with pytest.raises(UnknownRater):
        store.rater_by_token(study.id, token)


def test_a_rater_whose_data_was_deleted_is_unknown(store: RatingStore, study: Study) -> None:
    rater, token = store.new_rater(study.id, "sw")
    with store._engines.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE rater SET tombstoned_at = '2026-11-20 12:00:00.000000'")
    with pytest.raises(UnknownRater):
        store.rater_by_token(study.id, token)
    with pytest.raises(UnknownRater):
        store.next_assignment(rater.id)
