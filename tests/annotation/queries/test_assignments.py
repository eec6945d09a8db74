"""Orders, blinding, places and leases.

Tests of `annotation.orders`, `annotation.queries.progress`, `annotation.store`.
"""

from dataclasses import asdict, replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_examples import SYSTEMS, UNHURRIED, Clock, new_study, outputs_of, submission

from annotation.blind_records import AssignmentView
from annotation.errors import NoSlotLeft, StudyClosed, UnknownAssignment, UnknownRater
from annotation.orders import item_order, letter, system_order
from annotation.records import NewOutput, Progress, Study
from annotation.store import RatingStore


def rate_all(store: RatingStore, rater_id: int) -> list[AssignmentView]:
    seen = []
    while (view := store.next_assignment(rater_id)) is not None:
        seen.append(view)
        store.submit(submission(rater_id, view))
    return seen


@UNHURRIED
@given(st.lists(st.text(min_size=1), unique=True), st.integers(0, 2**31 - 1))
def test_an_order_is_a_permutation_that_depends_only_on_the_seed(keys: list[str], seed: int) -> None:
    order = item_order(keys, seed)
    assert sorted(order) == sorted(keys)
    assert item_order(reversed(keys), seed) == order


@UNHURRIED
@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.integers(0, 2**31 - 1))
def test_an_item_added_later_does_not_reshuffle_the_others(keys: list[str], seed: int) -> None:
    *old, _new = keys
    assert [key for key in item_order(keys, seed) if key in old] == item_order(old, seed)


def test_every_order_of_three_systems_comes_about_equally_often() -> None:
    """6 orders over 3000 items: 500 each; the standard deviation is sqrt(3000 * 1/6 * 5/6) = 20.4, so 5 of
    them are 102.
    """
    orders = [tuple(system_order(SYSTEMS, 7, f"item {index}")) for index in range(3000)]
    for order in permutations(SYSTEMS):
        assert abs(orders.count(order) - 500) < 102


@pytest.mark.parametrize(("index", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ")])
def test_letters_go_on_after_z(index: int, name: str) -> None:
    assert letter(index) == name


def test_a_rater_gets_every_item_once_with_all_its_systems(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    seen = rate_all(store, rater.id)
    assert sorted(view.item_key for view in seen) == ["i1", "i2", "i3"]
    assert [view.position for view in seen] == [1, 2, 3]
    assert all([output.letter for output in view.outputs] == ["A", "B", "C"] for view in seen)
    assert store.progress(rater.id) == Progress(done=3, skipped=0, total=3)


def test_a_view_says_nothing_about_systems(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    shown = repr(asdict(replace(view, values={})))
    assert not [word for word in (*SYSTEMS, "tiny", "strategy", "provenance", "seed") if word in shown]


def test_the_order_shown_is_stored_and_shown_again(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    first = store.next_assignment(rater.id)
    assert first is not None
    assert store.next_assignment(rater.id) == first  # a reload is not a new item
    assert store.assignment(rater.id, 1) == first
    (record,) = store.assignments(study.id)
    assert record.output_ids == tuple(output.output_id for output in first.outputs)
    of = {output.output_id: output.system for output in store.outputs(study.id)}
    assert record.systems == tuple(of[output] for output in record.output_ids)
    with store._engines.reader.connect() as connection:
        seed = connection.exec_driver_sql("SELECT seed FROM rater").scalar()
    assert isinstance(seed, int)
    assert record.systems == tuple(system_order(SYSTEMS, seed, first.item_key))


def test_raters_differ_in_their_orders(store: RatingStore) -> None:
    study = store.ensure_study(new_study(raters_per_item=20))
    for index in range(6):
        store.add_outputs(study.id, outputs_of(f"item {index}"))
    raters = [store.new_rater(study.id, "sw")[0] for _ in range(8)]
    items = {tuple(view.item_key for view in rate_all(store, rater.id)) for rater in raters}
    assert len(items) > 1  # the chance of 8 equal orders is (1/720)^7
    assert len({record.systems for record in store.assignments(study.id)}) > 1


def test_an_item_is_given_to_k_raters_and_then_to_nobody_else(store: RatingStore) -> None:
    study = store.ensure_study(new_study(raters_per_item=2))
    store.add_outputs(study.id, outputs_of("i1"))
    raters = [store.new_rater(study.id, "sw")[0] for _ in range(3)]
    assert [len(rate_all(store, rater.id)) for rater in raters] == [1, 1, 0]
    assert store.progress(raters[2].id) == Progress(0, 0, 0)


def test_an_item_left_open_returns_after_the_lease_and_not_before(store: RatingStore, clock: Clock) -> None:
    study = store.ensure_study(new_study(raters_per_item=1, lease_minutes=30))
    store.add_outputs(study.id, outputs_of("i1"))
    slow, quick = (store.new_rater(study.id, "sw")[0] for _ in range(2))
    left_open = store.next_assignment(slow.id)
    assert left_open is not None
    clock.forward(29)
    assert store.next_assignment(quick.id) is None
    clock.forward(2)
    assert store.progress(quick.id).total == 1
    taken = store.next_assignment(quick.id)
    assert taken is not None
    with pytest.raises(NoSlotLeft, match="nothing was stored"):
        store.submit(submission(slow.id, left_open))
    assert store.next_assignment(slow.id) is None
    assert store.progress(slow.id) == Progress(done=0, skipped=0, total=1, released=1)
    store.submit(submission(quick.id, taken))
    assert {rating.rater for rating in store.ratings(study.id)} == {quick.pseudonym}


def test_a_late_submission_is_kept_when_nobody_took_the_place(store: RatingStore, clock: Clock) -> None:
    study = store.ensure_study(new_study(raters_per_item=1, lease_minutes=30))
    store.add_outputs(study.id, outputs_of("i1"))
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    clock.forward(60 * 24)
    store.submit(submission(rater.id, view))
    assert len(store.ratings(study.id)) == 9
    clock.forward(60 * 24)  # what is rated is never released
    assert store.next_assignment(store.new_rater(study.id, "sw")[0].id) is None


def test_looking_at_an_item_again_renews_its_lease(store: RatingStore, clock: Clock) -> None:
    study = store.ensure_study(new_study(raters_per_item=1, lease_minutes=30))
    store.add_outputs(study.id, outputs_of("i1"))
    careful, other = (store.new_rater(study.id, "sw")[0] for _ in range(2))
    for _ in range(4):
        assert store.next_assignment(careful.id) is not None
        clock.forward(20)
        assert store.next_assignment(other.id) is None


def test_raters_of_two_languages_rate_the_outputs_in_their_own_and_do_not_use_up_each_others_places(
    store: RatingStore,
) -> None:
    study = store.ensure_study(new_study(raters_per_item=1))
    store.add_outputs(study.id, [*outputs_of("i1", "sw"), *outputs_of("i1", "fr")])
    swahili, french = (store.new_rater(study.id, language)[0] for language in ("sw", "fr"))
    for rater in (swahili, french):
        (view,) = rate_all(store, rater.id)
        assert {output.language for output in view.outputs} == {rater.language}
        assert len(view.outputs) == 3
    assert rate_all(store, store.new_rater(study.id, "de")[0].id) == []


def test_a_translation_out_of_the_raters_language_is_rated_by_her_if_it_has_one_target_only(
    store: RatingStore,
) -> None:
    study = store.ensure_study(new_study())
    store.add_outputs(study.id, [*outputs_of("one", "en"), *outputs_of("two", "en"), *outputs_of("two", "fr")])
    (view,) = rate_all(store, store.new_rater(study.id, "sw")[0].id)
    assert (view.item_key, {output.language for output in view.outputs}) == ("one", {"en"})


def test_criteria_are_shown_in_the_raters_language_if_there_is_one(store: RatingStore) -> None:
    english = new_study().criteria[0]
    questions = {**english.question, "sw": "Je, imeandikwa vizuri?"}
    anchors = {**english.anchors, "sw": ("moja", "mbili", "tatu", "nne", "tano")}
    study = store.ensure_study(replace(new_study(), criteria=(replace(english, question=questions, anchors=anchors),)))
    store.add_outputs(study.id, [*outputs_of("i1", "sw"), *outputs_of("i1", "de")])
    for language, question, last in (
        ("sw", "Je, imeandikwa vizuri?", "tano"),
        ("de", english.question["en"], english.anchors["en"][4]),
    ):
        view = store.next_assignment(store.new_rater(study.id, language)[0].id)
        assert view is not None
        assert (view.criteria[0].question, view.criteria[0].anchors[4]) == (question, last)


def test_an_item_added_during_the_study_reaches_raters_who_were_done(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    rate_all(store, rater.id)
    store.add_outputs(study.id, outputs_of("i4"))
    view = store.next_assignment(rater.id)
    assert view is not None
    assert (view.item_key, view.position, store.progress(rater.id).total) == ("i4", 4, 4)


def test_a_system_added_later_does_not_change_what_a_rater_was_given(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    before = store.next_assignment(rater.id)
    assert before is not None
    late: list[NewOutput] = outputs_of(before.item_key, systems=("late",))
    store.add_outputs(study.id, late)
    assert store.next_assignment(rater.id) == before
    store.submit(submission(rater.id, before))


@pytest.mark.parametrize("state", ["draft", "closed"])
def test_a_study_that_is_not_open_gives_out_no_items(store: RatingStore, study: Study, state: str) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    store.set_study_state(study.id, state)  # type: ignore[arg-type]
    with pytest.raises(StudyClosed, match=f"is {state}"):
        store.next_assignment(rater.id)


@pytest.mark.parametrize("position", [0, 2, -1, 2**80, None, "1"])
def test_a_place_that_was_never_given_is_unknown(store: RatingStore, study: Study, position: int) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    store.next_assignment(rater.id)
    with pytest.raises(UnknownAssignment):
        store.assignment(rater.id, position)


@pytest.mark.parametrize("rater_id", [0, 99, None, True, 2**80])
def test_an_unknown_rater_gets_nothing(store: RatingStore, study: Study, rater_id: int) -> None:
    store.new_rater(study.id, "sw")
    for ask in (store.next_assignment, store.progress):
        with pytest.raises(UnknownRater):
            ask(rater_id)
