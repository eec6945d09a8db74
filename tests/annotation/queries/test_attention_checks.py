"""Attention checks: made from a seed, spread over each rater's way, judged each time anew, never among scores.

Tests of `annotation.attention_checks`, `annotation.queries.outputs`, `annotation.queries.results`.
"""

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from attention_toys import opened, outputs, text_of
from hypothesis import given
from hypothesis import strategies as st
from rating_examples import SYSTEMS, UNHURRIED, new_study, submission

from annotation.attention_checks import degrade, has_failed, is_check_position, score_degraded, score_repeat, units
from annotation.errors import StudyNotReady
from annotation.rater_flags import signs
from annotation.records import Rater, Study
from annotation.store import RatingStore


def newcomer(store: RatingStore, study: Study) -> Rater:
    _, link = store.new_invitation(study.id, "sw")
    return store.accept_invitation(study.id, link)[0]


def rate_all(store: RatingStore, rater_id: int, careful: bool = True) -> None:
    """A careful rater knows her mind (one value per text) and sees what was spoiled; a careless one gives 4 to all."""
    while (view := store.next_assignment(rater_id)) is not None:
        texts = {output.output_id: output.text for output in view.outputs}

        def value(output: int, _key: str, texts: dict[int, str] = texts) -> int:
            text = texts[output]
            own = any(text == text_of(view.item_key, system) for system in SYSTEMS)
            return 3 + len(text) % 2 if own else 1

        store.submit(submission(rater_id, view, value if careful else 4))


@UNHURRIED
@given(st.integers(0, 2**31 - 1), st.integers(2, 9))
def test_each_block_has_one_check_that_is_neither_first_nor_beside_another(seed: int, every: int) -> None:
    places = [position for position in range(1, 6 * (every + 1) + 1) if is_check_position(position, seed, every)]
    assert len(places) == 6
    assert places[0] > 1
    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(places))
    assert not any(is_check_position(position, seed, None) for position in range(1, 20))


@pytest.mark.parametrize(
    ("text", "language", "parts"),
    [("a b  c", "sw", ["a", "b", "c"]), ("我 们好", "zh-Hans", ["我", "们", "好"]), ("ไทย", "th", list("ไทย"))],
)
def test_a_language_without_spaces_is_cut_by_characters(text: str, language: str, parts: list[str]) -> None:
    assert units(text, language) == parts


@UNHURRIED
@given(st.lists(st.text("abc", min_size=1), min_size=4, max_size=12), st.integers(0, 2**31 - 1))
def test_shuffling_keeps_the_words_and_moves_every_one(words: list[str], seed: int) -> None:
    shuffled = degrade(" ".join(words), "shuffled", "sw", seed, "i1", ())
    if len(set(words)) == 1:
        assert shuffled is None
    elif shuffled is not None:
        assert sorted(shuffled.split()) == sorted(words)
        if len(set(words)) == len(words):
            assert not [1 for old, new in zip(words, shuffled.split(), strict=True) if old == new]


def test_spoiling_follows_from_the_seed_and_gives_up_where_it_would_not_show() -> None:
    text = text_of("i1", "agl")
    assert degrade(text, "shuffled", "sw", 1, "i1", ()) == degrade(text, "shuffled", "sw", 1, "i1", ())
    assert degrade(text, "shuffled", "sw", 1, "i1", ()) != degrade(text, "shuffled", "sw", 2, "i1", ())
    assert degrade(text, "truncated", "sw", 1, "i1", ()) == "i1 mchezaji alifunga"
    assert degrade("科学家发现行星", "truncated", "zh", 1, "i1", ()) == "科学"
    assert degrade("michezo", "truncated", "sw", 1, "i1", ()) is None
    assert degrade("michezo", "foreign", "sw", 1, "i1", ["Michezo!", "siasa"]) == "siasa"
    assert degrade("michezo", "foreign", "sw", 1, "i1", ["MICHEZO"]) is None


def test_a_spoiled_output_passes_when_low_or_below_all_others() -> None:
    """At most 2 passes by itself; 3 passes only under others of 4 and more; the other criterion does not matter."""
    expected = {"criterion": "fluency", "at_most": 2}
    assert score_degraded(expected, 1, {(1, "fluency"): 2, (2, "fluency"): 1, (1, "relevance"): 5})[0]
    assert score_degraded(expected, 1, {(1, "fluency"): 3, (2, "fluency"): 4})[0]
    passed, reason = score_degraded(expected, 1, {(1, "fluency"): 3, (2, "fluency"): 3})
    assert not passed
    assert "rated 3 on fluency" in reason


def test_a_repeat_passes_up_to_one_point_apart_on_average() -> None:
    first = {(1, "a"): 1, (1, "b"): 5, (2, "a"): 3, (2, "b"): 3}
    assert score_repeat({"tolerance": 1.0}, first, {**first, (1, "a"): 5}) == (
        True,  # |1 - 5| / 4 = 1
        "mean difference 25 % of the scale from the first time; passes at 25 % or less",
    )
    assert not score_repeat({"tolerance": 1.0}, first, {**first, (1, "a"): 5, (2, "a"): 4})[0]  # 5 / 4


def test_a_spoiled_output_is_compared_with_what_the_same_rater_gave_it_unspoiled() -> None:
    expected = {"criterion": "fluency", "at_most": 2}
    values = {(1, "fluency"): 2, (2, "fluency"): 4}
    assert score_degraded(expected, 1, values, unspoiled=3)[0] is True
    assert score_degraded(expected, 1, values, unspoiled=2)[0] is False  # 2 was low enough before, and is no less now
    assert score_degraded(expected, 1, {(1, "fluency"): 1, (2, "fluency"): 4}, unspoiled=1)[0] is None


@pytest.mark.parametrize("value", [1, 2, 5])
def test_one_value_for_everything_passes_no_check(value: int) -> None:
    constant = {(output, key): value for output in (1, 2, 3) for key in ("fluency", "relevance")}
    passed, reason = score_degraded({"criterion": "fluency", "at_most": 2}, 1, constant, unspoiled=value)
    assert passed is False and "asks for a difference" in reason
    assert score_repeat({"tolerance": 1.0}, constant, constant)[0] is None


def test_straight_lining_raters_fail_whatever_value_they_choose(store: RatingStore) -> None:
    study = opened(store, count=8, raters_per_item=8)
    for value in (1, 2, 3, 4, 5):
        rater = newcomer(store, study)
        while (view := store.next_assignment(rater.id)) is not None:
            store.submit(submission(rater.id, view, value))
    records = store.raters(study.id)
    assert not [one for one in store.check_results(study.id) if one.passed]
    assert {one.failed for one in records if one.checks_answered} == {True}
    data = store.data(study.id, checks=True)
    marked = {one.rater: one.flags for one in signs(data.ratings, data.assignments, data.outputs)}
    assert all({"same_values", "long_string"} <= set(flags) for flags in marked.values()) and len(marked) == 5


def test_attention_checks_come_only_in_the_language_of_the_invitation(store: RatingStore) -> None:
    """One query answered in two languages; a rater of the source's language met checks in the other one."""
    made = store.create_study(replace(new_study("two"), check_every=2, repeat_after=1, seed=5, raters_per_item=9))
    store.add_outputs(made.id, outputs(6, "en"))
    arabic = [replace(one, language="ar", text=f"{one.text} ar") for one in outputs(6, "en")]
    store.add_outputs(made.id, arabic)
    store.make_checks(made.id)
    store.open_study(made.id)
    for _ in range(6):
        _, link = store.new_invitation(made.id, "en")
        rater, _ = store.accept_invitation(made.id, link)
        while (view := store.next_assignment(rater.id)) is not None:
            assert {one.language for one in view.outputs} == {"en"}
            store.submit(submission(rater.id, view))
    assert {one.item_kind for one in store.assignments(made.id, checks=True)} > {"normal"}


@pytest.mark.parametrize(("answered", "failed", "verdict"), [(0, 0, None), (1, 1, True), (2, 1, False), (3, 2, True)])
def test_a_rater_fails_above_the_share_not_at_it(answered: int, failed: int, verdict: bool | None) -> None:
    assert has_failed(answered, failed, 0.5) is verdict


def test_checks_are_the_same_for_the_same_seed_and_others_for_another(store: RatingStore) -> None:
    def texts(seed: int, slug: str) -> list[tuple[str, str]]:
        made = store.create_study(replace(new_study(slug), check_every=3, seed=seed))
        store.add_outputs(made.id, outputs(6))
        assert store.make_checks(made.id) == store.make_checks(made.id) == 12  # made anew, not added
        found = store.outputs(made.id, checks=True)
        assert Counter(one.item_kind for one in found) == {"normal": 18, "degraded": 18, "repeat": 18}
        spoiled = [one for one in found if one.degradation is not None]
        assert Counter(one.degradation for one in spoiled) == {"shuffled": 2, "truncated": 2, "foreign": 2}
        by_id = {one.output_id: one for one in found}
        assert all(one.text != by_id[one.original_output_id or 0].text for one in spoiled)
        return sorted((one.item_key, one.text) for one in found if one.item_kind != "normal")

    assert texts(1, "one") == texts(1, "two") != texts(2, "three")


def test_nothing_to_spoil_is_said(store: RatingStore) -> None:
    made = store.create_study(replace(new_study("alike"), check_every=3))
    store.add_outputs(made.id, [replace(one, text="michezo") for one in outputs(3)])
    with pytest.raises(StudyNotReady, match="no output in sw can be spoiled"):
        store.make_checks(made.id)


def test_a_rater_meets_checks_on_her_way_and_cannot_tell_them(
    store: RatingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotation.queries.raters.new_seed", lambda: 1)  # one on whose way both kinds lie
    study = opened(store)
    rater = newcomer(store, study)
    total = store.progress(rater.id).total
    rate_all(store, rater.id)
    way = store.assignments(study.id, checks=True)
    assert [one.position for one in way] == list(range(1, len(way) + 1)) == list(range(1, total + 1))
    kinds = [one.item_kind for one in way]
    assert Counter(kinds)["normal"] == 8
    assert kinds[0] == "normal"
    assert {"degraded", "repeat"} <= set(kinds)
    assert [store.progress(rater.id).done, store.progress(rater.id).total] == [total, total]
    for one in way:
        shown = repr(store.assignment(rater.id, one.position))
        assert not [word for word in ("check", "degraded", "repeat", "original", "spoil") if word in shown]


def test_a_repeat_comes_some_way_after_its_original_in_another_order(store: RatingStore) -> None:
    study = opened(store, count=8, check_every=2, repeat_after=4, raters_per_item=8)
    raters = [newcomer(store, study) for _ in range(8)]  # chance decides between repeats and spoiled texts
    for rater in raters:
        rate_all(store, rater.id)
    way = {(one.rater, one.item_key): one for one in store.assignments(study.id, checks=True)}
    original = {one.item_key: one.original_item for one in store.outputs(study.id, checks=True)}
    repeats = [one for one in way.values() if one.item_kind == "repeat"]
    assert len(repeats) >= 2
    for one in repeats:
        first = way[one.rater, original[one.item_key] or ""]
        assert one.position - first.position >= 4
        assert sorted(one.systems) == sorted(first.systems)
        assert one.systems != first.systems


def test_whoever_has_few_items_still_meets_one_check(store: RatingStore) -> None:
    study = opened(store, count=2, check_every=20)
    rater = newcomer(store, study)
    assert store.progress(rater.id).total == 3
    rate_all(store, rater.id)
    kinds = [one.item_kind for one in store.assignments(study.id, checks=True)]
    assert kinds[0] == "normal"
    assert Counter(kinds)["normal"] == 2
    assert {"degraded", "repeat"} & set(kinds)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_careless_raters_fail_and_careful_ones_do_not(
    store: RatingStore, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Chance decides which checks lie on a rater's way; where all of them are repeats of equal values, none can tell."""
    monkeypatch.setattr("annotation.queries.raters.new_seed", lambda: seed)
    study = opened(store)
    careful, careless = newcomer(store, study), newcomer(store, study)
    rate_all(store, careful.id)
    rate_all(store, careless.id, careful=False)
    verdicts = {one.rater: one for one in store.raters(study.id)}
    told = [one for one in store.check_results(study.id) if one.rater == careful.pseudonym]
    assert verdicts[careful.pseudonym].failed is (False if told else None)
    assert verdicts[careful.pseudonym].checks_failed == 0
    assert seed != 1 or {one.item_kind for one in told} >= {"degraded"}
    results = [one for one in store.check_results(study.id) if one.rater == careless.pseudonym]
    assert verdicts[careless.pseudonym].checks_failed == len(results)  # her repeats say nothing, being all the same
    assert {one.item_kind for one in results} <= {"degraded"}
    assert store.data(study.id).raters == tuple(store.raters(study.id))


def test_checks_reach_no_score_and_no_export_without_their_mark(store: RatingStore) -> None:
    study = opened(store)
    rate_all(store, newcomer(store, study).id)
    scored, everything = store.data(study.id), store.data(study.id, checks=True)
    assert len(scored.ratings) == 8 * 3 * 3
    assert len(everything.ratings) > len(scored.ratings)
    for table in ("ratings", "history", "outputs", "assignments"):
        assert {one.item_kind for one in getattr(scored, table)} == {"normal"}
        marked = {one.item_kind for one in getattr(everything, table)}
        assert marked - {"normal"}, "which checks a rater meets depends on her seed; that she meets one does not"
        assert {"normal"} < marked <= {"normal", "degraded", "repeat"}
    assert [one.done for one in store.language_progress(study.id)] == [8]
