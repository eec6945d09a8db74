"""Decisions of adjudicators that another writer took after it was superseded, merged by what they mean.

Tests of `annotation.queries.images`, `annotation.queries.merge` (with `tests/annotation/backup/test_overlap.py`).
"""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from preference_examples import compared_study, ordered
from preference_examples import submission as compared_submission
from rating_examples import Clock, outputs_of

from annotation.adjudication_records import Adjudicator, Decision
from annotation.backup.backed_up_store import BackedUpStore, open_with_backups
from annotation.backup.mirror import FolderMirror
from annotation.errors import UnknownRater
from annotation.store import RatingStore

ITEMS = [("i0", "sw"), ("i1", "sw"), ("i2", "sw")]
Pair = tuple[BackedUpStore, BackedUpStore]


@pytest.fixture
def pair(tmp_path: Path, clock: Clock) -> Iterator[Pair]:
    """Two machines over one mirror: the first one's study has a rater, an adjudicator of items i0 and i1, and a decision on i0;
    the second begins with all of it, and the first goes on.
    """
    mirror = FolderMirror(tmp_path / "mirror")

    def start(disk: str) -> BackedUpStore:
        (tmp_path / disk).mkdir()
        path = tmp_path / disk / "ratings.db"
        return open_with_backups(path, mirror=mirror, clock=clock, sleep=lambda _: None, wait_s=1)

    with ExitStack() as opened:
        first = start("first")
        opened.callback(first.close)
        store = first.store
        study = store.ensure_study(compared_study(error_spans=True))
        store.add_outputs(study.id, [one for key, _ in ITEMS for one in outputs_of(key, systems=("agl", "knn"))])
        rater, _ = store.new_rater(study.id, "sw")
        while (view := store.next_assignment(rater.id)) is not None:
            store.submit(compared_submission(rater.id, view, ordered(view, 1, 2), spans=dict.fromkeys(shown(view), ())))
        ann, _, _ = store.name_adjudicator(study.id, "Ann", ITEMS[:2])
        decide(store, ann, 1, (1, 2), "first")
        assert first.backups is not None and first.backups.now().healthy
        second = start("second")
        opened.callback(second.close)
        yield first, second


def shown(view: object) -> list[int]:
    return [one.output_id for one in view.outputs]  # type: ignore[attr-defined]


def decide(
    store: RatingStore, who: Adjudicator, position: int, ranks: tuple[int, int], reason: str | None = None
) -> str:
    """Ranks by the order shown; as many characters of each answer are marked as its rank says."""
    view = store.case(who.id, position).view
    given = dict(zip(shown(view), ranks, strict=True))
    spans = {output: ((0, rank, "minor"),) for output, rank in given.items()}
    name = str(uuid.uuid4())
    store.adjudicate(
        Decision(name, who.id, view.assignment_id, {}, reason, preferences={"overall": given}, spans=spans)
    )
    return name


def merged(pair: Pair) -> RatingStore:
    """The store of the second after the first has handed over what it had."""
    first, second = pair
    assert first.backups is not None and second.backups is not None
    first.backups.now()
    assert second.backups.now().healthy
    return second.store


def standing(store: RatingStore) -> dict[tuple[str, str], dict[str, int]]:
    """(adjudicator, item) -> system -> rank, as decided."""
    return {
        (one.adjudicator, one.item_key): dict(zip(one.systems, one.ranks, strict=True))
        for one in store.data(1).adjudicated_orders
        if one.is_current
    }


def marked(store: RatingStore) -> dict[tuple[str, str], dict[str, int]]:
    """(adjudicator, item) -> system -> characters marked."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for one in store.data(1).adjudicated_spans:
        if one.is_current:
            found.setdefault((one.adjudicator, one.item_key), {})[one.system] = one.spans[0][1]
    return found


def test_late_decisions_come_along_with_orders_marks_reasons_and_history(pair: Pair) -> None:
    first, second = pair
    (ann,) = first.store.adjudicators(1)
    told = [decide(first.store, ann, 2, (2, 1), "late"), decide(first.store, ann, 1, (2, 1), "changed")]
    before = (standing(first.store), marked(first.store))
    store = merged(pair)
    assert (standing(store), marked(store)) == before and len(before[0]) == 2
    assert store.case(ann.id, 1).view.comment == "changed" and store.case(ann.id, 1).view.revision == 2
    assert store.case(ann.id, 2).view.comment == "late" and store.adjudicators(1)[0].decided == 2
    past = [(one.item_key, one.revision) for one in store.data(1).adjudicated_orders]
    assert sorted(past) == [("i0", 1), ("i0", 2), ("i1", 1)]
    assert {one.submission_id for one in store.data(1).adjudicated_orders} >= set(told)
    again = merged(pair)  # nothing comes twice
    assert len(again.data(1).adjudicated_orders) == 3
    notes = " ".join(second.backups.state().notes) if second.backups else ""
    assert "2 late submissions" in notes and "0 changes were not" in notes


def test_who_was_named_at_both_meanwhile_keeps_her_own_cases_and_numbers_do_not_mix(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ben here and Cleo there get the same row numbers, and Dora is named at both, with an order of systems of her own at each."""
    first, second = pair
    monkeypatch.setattr("annotation.queries.adjudicators.new_seed", iter((2, 3, 4, 1)).__next__)
    ben, _, _ = second.store.name_adjudicator(1, "Ben", ITEMS[2:])
    cleo, link, _ = first.store.name_adjudicator(1, "Cleo", ITEMS[2:])
    assert ben.id == cleo.id
    decide(second.store, ben, 1, (1, 2))
    decide(first.store, cleo, 1, (2, 2), "Cleo's")
    here, there = (one.store.name_adjudicator(1, "Dora", ITEMS[:1])[0] for one in (second, first))
    assert shown(second.store.case(here.id, 1).view) != shown(first.store.case(there.id, 1).view)
    decide(second.store, here, 1, (1, 1), "here, before")
    expected = {("Ben", "i2"): standing(second.store)["Ben", "i2"]}
    decide(first.store, there, 1, (2, 1), "there, later")
    expected |= {key: standing(first.store)[key] for key in (("Cleo", "i2"), ("Dora", "i0"), ("Ann", "i0"))}
    store = merged(pair)
    assert standing(store) == expected == marked(store)
    assert store.adjudicator_of_token(link)[0].name == "Cleo"
    named = {one.name: (one.cases, one.decided) for one in store.adjudicators(1)}
    assert named == {"Ann": (2, 1), "Ben": (1, 1), "Cleo": (1, 1), "Dora": (1, 1)}


def test_a_later_word_here_stands_and_whoever_was_removed_stays_so(pair: Pair) -> None:
    first, second = pair
    (ann,) = first.store.adjudicators(1)
    decide(first.store, ann, 1, (2, 2), "earlier")
    decide(second.store, ann, 1, (1, 1), "later")  # the clock goes on at every write
    gone, _, _ = first.store.name_adjudicator(1, "Gone", ITEMS[:1])
    decide(first.store, gone, 1, (1, 2), "mine")
    first.store.remove_adjudicator(1, gone.id)
    store = merged(pair)
    assert standing(store) == {("Ann", "i0"): {"agl": 1, "knn": 1}} and store.case(ann.id, 1).view.comment == "later"
    assert [one.name for one in store.adjudicators(1)] == ["Ann"]


def test_decisions_of_an_adjudicator_who_was_removed_here_are_left_out(pair: Pair) -> None:
    first, second = pair
    (ann,) = first.store.adjudicators(1)
    second.store.remove_adjudicator(1, ann.id)
    eve, _, _ = second.store.name_adjudicator(1, "Eve", ITEMS[:2])  # her cases take the numbers of those that are gone
    decide(first.store, ann, 2, (2, 1), "late")
    _, link, _ = first.store.name_adjudicator(1, "Ann", ITEMS[2:])
    store = merged(pair)
    assert standing(store) == {} and store.adjudicators(1) == [replace(eve, cases=2, decided=0)]
    with pytest.raises(UnknownRater):
        store.adjudicator_of_token(link)
    assert second.backups is not None and "0 late submissions" in " ".join(second.backups.state().notes)
