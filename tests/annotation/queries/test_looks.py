"""A study that may stop early: looks come when they are due, decided systems are handed out no more, and everything tells of it.

Tests of `annotation.queries.looks`, `annotation.stopping`, `annotation.report.looks`.
"""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from rating_examples import new_study, outputs_of, submission
from scipy import stats

from annotation.errors import InvalidRecord
from annotation.export.files import export_study
from annotation.records import Rater, Study
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.stopping import Stopping, closed, look_of
from annotation.store import RatingStore
from app.results.looks_html import looks
from app.texts import catalogue
from core.report.markup import markdown

NOW = datetime(2026, 11, 30, tzinfo=UTC)
TWO_LOOKS = Stopping(2, "relevance")
ITEMS = 14


def planned(store: RatingStore, stopping: Stopping | None = TWO_LOOKS, k: int = 2) -> Study:
    new = new_study(raters_per_item=k)
    made = store.create_study(replace(new, criteria=new.criteria[:2], stopping=stopping))
    store.add_outputs(made.id, [one for n in range(ITEMS) for one in outputs_of(f"i{n}")])
    return store.open_study(made.id)


def come(store: RatingStore, study: Study) -> Rater:
    _, invitation = store.new_invitation(study.id, "sw")
    return store.accept_invitation(study.id, invitation)[0]


def rate(store: RatingStore, study: Study, rater: Rater, most: int = 1_000) -> list[set[str]]:
    """Rates with agl far above knn and zero-shot, which are alike; returns the systems of every item."""
    of = {one.output_id: (one.system, one.item_key) for one in store.outputs(study.id)}
    systems = []
    while len(systems) < most and (view := store.next_assignment(rater.id)) is not None:
        systems.append({of[one.output_id][0] for one in view.outputs})
        store.submit(submission(rater.id, view, lambda output, _: value(*of[output])))
    return systems


def value(system: str, item: str) -> int:
    number = int(item[1:])
    if system == "agl":
        return 5 - number % 2
    return 2 + (number + (system == "knn")) % 2  # differences of 1 and -1 in turn


def test_systems_that_are_decided_are_handed_out_no_more(store: RatingStore) -> None:
    study = planned(store)
    first, second = come(store, study), come(store, study)
    held = store.next_assignment(second.id)  # handed out before the look, with all three systems
    assert held is not None and len(held.outputs) == 3
    assert rate(store, study, first, ITEMS - 1) == [{"agl", "knn", "zero-shot"}] * (ITEMS - 1)
    assert store.study("topics").looks == ()
    assert rate(store, study, first) == [{"agl", "knn", "zero-shot"}]
    (look,) = store.study("topics").looks
    assert (look.number, look.done, look.slots) == (1, ITEMS, 2 * ITEMS)
    assert [(one.first, one.second, one.items, one.decided) for one in look.pairs] == [
        ("agl", "knn", ITEMS, True),
        ("agl", "zero-shot", ITEMS, True),
        ("knn", "zero-shot", ITEMS, False),
    ]
    assert closed(store.study("topics").looks) == {"agl"}
    systems = rate(store, study, second)
    assert systems[0] == {"agl", "knn", "zero-shot"} and systems[1:] == [{"knn", "zero-shot"}] * (ITEMS - 1)
    _, last = store.study("topics").looks
    assert (last.number, last.done) == (2, 2 * ITEMS)
    assert [(one.first, one.second, one.decided) for one in last.pairs] == [("knn", "zero-shot", False)]
    counts = Counter(one.system for one in store.ratings(study.id) if one.criterion == "relevance")
    assert counts == {"agl": ITEMS + 1, "knn": 2 * ITEMS, "zero-shot": 2 * ITEMS}


def test_nothing_is_handed_out_once_all_pairs_are_decided_and_what_is_held_may_finish(store: RatingStore) -> None:
    new = new_study(raters_per_item=2)
    made = store.create_study(replace(new, criteria=new.criteria[1:2], stopping=TWO_LOOKS))
    store.add_outputs(made.id, [one for n in range(ITEMS) for one in outputs_of(f"i{n}", systems=("agl", "knn"))])
    study = store.open_study(made.id)
    first, second, third = (come(store, study) for _ in range(3))
    held = store.next_assignment(second.id)
    assert held is not None
    assert len(rate(store, study, first)) == ITEMS and len(store.study("topics").looks) == 1
    assert store.progress(second.id).total == 1  # the one she has
    assert rate(store, study, second) == [{"agl", "knn"}]
    assert store.next_assignment(second.id) is None and store.next_assignment(third.id) is None
    assert (store.progress(third.id).total, len(store.study("topics").looks)) == (0, 1)


def test_without_early_stopping_every_planned_rating_is_asked_for(store: RatingStore) -> None:
    study = planned(store, None)
    for _ in range(2):
        assert rate(store, study, come(store, study)) == [{"agl", "knn", "zero-shot"}] * ITEMS
    assert (study.stopping, store.study("topics").looks) == (None, ())
    report = make_report(store.study("topics"), store.data(study.id), NOW)
    assert "Early stopping" not in markdown([document(report)])


def test_ratings_of_who_was_left_out_decide_nothing(store: RatingStore) -> None:
    study = planned(store)
    first, second = come(store, study), come(store, study)
    rate(store, study, first, ITEMS - 1)
    store.exclude_rater(study.id, first.pseudonym, "one value for everything")
    rate(store, study, second, 1)
    (look,) = store.study("topics").looks
    assert {(one.items, one.decided) for one in look.pairs} == {(1, False)}


def test_a_look_that_was_passed_over_is_not_made_up_for(store: RatingStore) -> None:
    """Four looks of four planned ratings; one item at a time reaches them all, in order and each once."""
    new = new_study(raters_per_item=1)
    made = store.create_study(replace(new, criteria=new.criteria[:2], stopping=Stopping(4, "relevance")))
    store.add_outputs(made.id, [one for n in range(2) for one in outputs_of(f"i{n}")])
    study = store.open_study(made.id)
    rate(store, study, come(store, study), 1)  # one of two: looks 1 and 2 are due at once, and the second is taken
    rate(store, study, come(store, study))
    assert [(one.number, one.done) for one in store.study("topics").looks] == [(2, 1), (4, 2)]


def test_attention_checks_leave_out_systems_that_are_decided(
    store: RatingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check after every other item; agl is closed by the first rater, so from then on knn and zero-shot are shown alone."""
    monkeypatch.setattr(
        "annotation.queries.raters.new_seed", iter(range(1, 9)).__next__
    )  # the kinds of checks follow from seeds
    new = new_study(raters_per_item=2)
    made = store.create_study(
        replace(new, criteria=new.criteria[:2], stopping=TWO_LOOKS, check_every=2, repeat_after=1, seed=5)
    )
    store.add_outputs(made.id, [one for n in range(ITEMS) for one in outputs_of(f"i{n}")])
    store.make_checks(made.id)
    study = store.open_study(made.id)
    before, after = (rate_with_checks(store, study, come(store, study)) for _ in range(2))
    everyone, still = ("agl", "knn", "zero-shot"), ("knn", "zero-shot")
    assert {kind for kind, _, _ in before} == {kind for kind, _, _ in after} == {"normal", "degraded", "repeat"}
    assert {systems for _, systems, _ in before[:ITEMS]} == {everyone} and {systems for _, systems, _ in after} == {
        still
    }
    assert {spoiled for kind, _, spoiled in before + after if kind == "degraded"} == {1}
    assert closed(store.study("topics").looks) == {"agl"}
    scored = Counter(one.item_kind for one in store.data(study.id, checks=True).checks)
    assert scored["degraded"] and scored["repeat"]


def rate_with_checks(store: RatingStore, study: Study, rater: Rater) -> list[tuple[str, tuple[str, ...], int]]:
    """Rates all she is given; for each the kind of item, the systems shown, and how many of their texts are spoiled."""
    of = {one.output_id: one for one in store.data(study.id, checks=True).outputs}
    met = []
    while (view := store.next_assignment(rater.id)) is not None:
        shown = [of[one.output_id] for one in view.outputs]
        met.append(
            (
                shown[0].item_kind,
                tuple(sorted(one.system for one in shown)),
                sum(one.degradation is not None for one in shown),
            )
        )
        store.submit(
            submission(
                rater.id,
                view,
                lambda output, _: value(of[output].system, of[output].original_item or of[output].item_key),
            )
        )
    return met


def test_no_check_is_given_once_all_is_decided(store: RatingStore) -> None:
    """Whoever met no check on her way gets one at the end, but not where nothing is open any more."""
    new = new_study(raters_per_item=2)
    made = store.create_study(replace(new, criteria=new.criteria[1:2], stopping=TWO_LOOKS, check_every=1_000))
    store.add_outputs(made.id, [one for n in range(ITEMS) for one in outputs_of(f"i{n}", systems=("agl", "knn"))])
    store.make_checks(made.id)
    study = store.open_study(made.id)
    first, second = come(store, study), come(store, study)
    assert [kind for kind, _, _ in rate_with_checks(store, study, first)][-1] == "normal"
    assert closed(store.study("topics").looks) == {"agl", "knn"}
    assert store.next_assignment(second.id) is None and store.progress(second.id).total == 0
    assert store.progress(first.id).total == store.progress(first.id).done


def half_rated(store: RatingStore, count: int) -> Study:
    """Two raters per item, 14 items, and `count` answers of 28; by the look at 14 agl is decided, knn and zero-shot are alike."""
    study = planned(store)
    rate(store, study, come(store, study), min(count, ITEMS))
    if count > ITEMS:
        rate(store, study, come(store, study), count - ITEMS)
    return study


def test_closing_before_the_end_is_a_last_look_with_all_that_is_left_of_the_level(store: RatingStore) -> None:
    """One look at 14 of 28, closed after 20: p has to reach what the multivariate normal leaves to the third of three pairs."""
    study = half_rated(store, 20)
    closed_study = store.set_study_state(study.id, "closed")
    first, last = closed_study.looks
    assert (first.ended, last.ended, last.number, last.done, last.slots) == (False, True, 2, 20, 28)
    ((pair, level, decision),) = [((one.first, one.second), one.level, one.decided) for one in last.pairs]
    assert (pair, decision) == (("knn", "zero-shot"), False)
    bounds = np.asarray([stats.norm.isf(first_level(0.05) / 2), stats.norm.isf(level / 2)])
    correlation = np.sqrt(0.5 / (20 / 28))
    inside = stats.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]]).cdf(bounds, lower_limit=-bounds)
    assert 1 - inside == pytest.approx(0.05, abs=2e-5)
    assert closed_study.looks == store.set_study_state(study.id, "closed").looks  # closed twice, looked at once


def first_level(alpha: float) -> float:
    """O'Brien-Fleming type by Lan and DeMets at half of the information: 2 (2 - 2 Phi(z / sqrt(1/2)))."""
    return float(4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(0.5)))


def test_no_look_follows_a_study_that_opens_again(store: RatingStore) -> None:
    study = half_rated(store, 20)
    store.set_study_state(study.id, "closed")
    store.set_study_state(study.id, "open")
    rate(store, study, come(store, study))
    assert [one.ended for one in store.study("topics").looks] == [False, True]


def test_a_closing_can_decide_what_the_look_before_could_not(store: RatingStore) -> None:
    """Six items, each a little better: p .011 misses the boundary of a first look, .003, and meets all of .05 at once."""
    new = new_study(raters_per_item=2)
    made = store.create_study(replace(new, criteria=new.criteria[1:2], stopping=TWO_LOOKS))
    store.add_outputs(made.id, [one for n in range(12) for one in outputs_of(f"i{n}", systems=("agl", "knn"))])
    study = store.open_study(made.id)
    rate_some(store, study, 12, [1, 1, 1, 1, 0, 0, 1, 1, 0, 1, -1, 1])
    (look,) = store.study("topics").looks
    assert 0.0031 < look.pairs[0].p < 0.05 and not look.pairs[0].decided
    last = store.set_study_state(study.id, "closed").looks[-1]
    assert last.ended and last.pairs[0].decided and last.pairs[0].level == pytest.approx(0.05, abs=1e-6)
    assert last.pairs[0].p == look.pairs[0].p


def rate_some(store: RatingStore, study: Study, most: int, better: list[int]) -> None:
    """One rater gives knn 3 and agl `better` more, in the order in which she meets the items."""
    rater = come(store, study)
    systems = {one.output_id: one.system for one in store.outputs(study.id)}
    for more in better[:most]:
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(submission(rater.id, view, lambda output, _, more=more: 3 + more * (systems[output] == "agl")))


def test_a_study_that_nobody_rated_has_no_last_look(store: RatingStore) -> None:
    study = planned(store)
    rate(store, study, come(store, study), 1)  # one item tells nothing
    assert store.set_study_state(study.id, "closed").looks == ()
    whole = planned_whole(store)
    assert [one.ended for one in store.set_study_state(whole.id, "closed").looks] == [False, False]


def planned_whole(store: RatingStore) -> Study:
    new = new_study("whole", raters_per_item=2)
    made = store.create_study(replace(new, criteria=new.criteria[:2], stopping=TWO_LOOKS))
    store.add_outputs(made.id, [one for n in range(ITEMS) for one in outputs_of(f"i{n}")])
    study = store.open_study(made.id)
    for _ in range(2):
        rate(store, study, come(store, study))
    return study


def test_an_early_end_is_told_in_report_datasheet_export_and_results(store: RatingStore, tmp_path: Path) -> None:
    study = store.set_study_state(half_rated(store, 20).id, "closed")
    report = make_report(study, store.data(study.id, checks=True), NOW)
    text = markdown([document(report)])
    assert "| knn | zero-shot | last | 20 / 28 |" in text
    assert "closed after 20 of 28 answered items" in text and "all that was left of the level" in text
    export_study(store, study, tmp_path)
    held = json.loads((tmp_path / "codebook.json").read_text())["looks"]
    assert [one["ended"] for one in held] == [False, True]
    html = looks(report, catalogue("en"))
    assert ">last<" in html and "closed after 20 of 28 answered items" in html
    of_before = {
        key: value for key, value in held[0].items() if key != "ended"
    }  # stored before studies had a last look
    assert look_of(of_before) == look_of(held[0])


def test_the_plan_is_checked_frozen_and_told_in_exports_report_datasheet_and_copies(
    store: RatingStore, tmp_path: Path
) -> None:
    for wrong in (
        Stopping(1, "relevance"),
        Stopping(9, "relevance"),
        Stopping(2, "tone"),
        Stopping(2, "relevance", 0.9),
    ):
        with pytest.raises(InvalidRecord):
            store.create_study(replace(new_study("wrong"), stopping=wrong))
    study = planned(store)
    rate(store, study, come(store, study))
    study = store.study("topics")
    report = make_report(study, store.data(study.id, checks=True), NOW)
    text = markdown([document(report)])
    assert "| agl | knn | 1 | 14 / 28 | 14 |" in text and "| decided |" in text and "| open |" in text
    assert (
        "Decided: agl and knn; agl and zero-shot." in text and "a little larger than they would be at the end" in text
    )
    missing = {(one.system, one.missing) for one in report.everyone.cells}
    assert missing == {("agl", 0), ("knn", ITEMS), ("zero-shot", ITEMS)}  # nothing more is due of a closed system
    assert "2 looks at equal parts" in to_heds(report, store.data(study.id))
    export_study(store, study, tmp_path / "all")
    export_study(store, study, tmp_path / "public", public=True)
    book, public = (json.loads((tmp_path / one / "codebook.json").read_text()) for one in ("all", "public"))
    assert book["study"]["design"]["stopping"] == {"looks": 2, "criterion": "relevance", "alpha": 0.05}
    assert [one["decided"] for one in book["looks"][0]["pairs"]] == [True, True, False]
    assert book["looks"][0]["taken_at"] and public["looks"][0]["taken_at"] is None
    copy = store.clone_study(study.id, "copy", "Copy")
    assert (copy.stopping, copy.looks) == (TWO_LOOKS, ())
    assert store.revise_study(copy.id, replace(new_study("copy"), name="Copy")).stopping is None
