"""Balance by group: each rater gets a share of every group, every item its raters, and what the design says reaches every export.

Tests of `annotation.queries.queue` with `annotation.shares`, `annotation.statistics.groups`, `annotation.report.groups`.
"""

import csv
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from rating_examples import Clock, new_study, outputs_of, skip_of, submission

from annotation.errors import InvalidRecord, StudyNotReady
from annotation.export.files import export_study
from annotation.records import NewOutput, Rater, Study
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.store import RatingStore
from core.report.markup import markdown

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GROUPS = {"news": 7, "sport": 4, "": 1}  # items; one has no group


def grouped(groups: dict[str, int], language: str = "sw") -> list[NewOutput]:
    return [
        replace(one, group=group or None)
        for group, count in groups.items()
        for n in range(count)
        for one in outputs_of(f"{group or 'none'}-{n}", language, ("agl", "knn"))
    ]


def planned(store: RatingStore, groups: dict[str, int], k: int, cap: int | None, **design: object) -> Study:
    new = replace(new_study(raters_per_item=k), items_per_rater=cap, balance_groups=True, **design)  # type: ignore[arg-type]
    made = store.create_study(new)
    store.add_outputs(made.id, grouped(groups))
    return store.open_study(made.id)


def come(store: RatingStore, study: Study, language: str = "sw") -> Rater:
    _, invitation = store.new_invitation(study.id, language)
    return store.accept_invitation(study.id, invitation)[0]


def rate_next(store: RatingStore, rater: Rater) -> bool:
    view = store.next_assignment(rater.id)
    if view is not None:
        store.submit(submission(rater.id, view))
    return view is not None


def shares_of(store: RatingStore, study: Study) -> dict[str, Counter[str]]:
    """Items done, by rater and group."""
    group = {one.item_key: one.group or "" for one in store.outputs(study.id)}
    shares: dict[str, Counter[str]] = {}
    for one in store.assignments(study.id):
        if one.state == "done":
            shares.setdefault(one.rater, Counter())[group[one.item_key]] += 1
    return shares


def coverage(store: RatingStore, study: Study) -> set[int]:
    """How many raters items have."""
    done = Counter(one.item_key for one in store.assignments(study.id) if one.state == "done")
    return {done[one] for one in {row.item_key for row in store.outputs(study.id)}}


@pytest.mark.parametrize(
    ("groups", "k", "cap"),
    [
        (GROUPS, 2, 6),
        ({"a": 5, "b": 5}, 2, 5),  # 5 is no even number: every other rater has more of a
        ({"a": 9, "b": 2, "c": 1}, 3, 4),
        ({"a": 3, "b": 3, "c": 3, "d": 3}, 2, 6),
        ({"a": 4, "b": 2}, 3, None),
    ],
)
def test_shares_differ_by_one_item_of_a_group_and_every_item_gets_its_raters(
    store: RatingStore, groups: dict[str, int], k: int, cap: int | None
) -> None:
    study = planned(store, groups, k, cap)
    places = k * sum(groups.values())
    for _ in range(places // (cap or sum(groups.values()))):
        rater = come(store, study)
        while rate_next(store, rater):
            pass
    assert coverage(store, study) == {k}
    shares = shares_of(store, study)
    for group, count in groups.items():
        fair = (cap or sum(groups.values())) * count / sum(groups.values())
        had = [one[group] for one in shares.values()]
        assert max(had) - min(had) <= 1 and abs(max(had) - fair) < 1 and abs(min(had) - fair) < 1, group
    late = come(store, study)
    assert store.next_assignment(late.id) is None and store.progress(late.id).total == 0


@pytest.mark.parametrize("seed", range(2))
def test_raters_who_work_at_the_same_time_get_about_the_same_shares(store: RatingStore, seed: int) -> None:
    """The last open place may be of an item that the last rater has seen: then she is done, or gets one of another group."""
    study = planned(store, {"a": 6, "b": 4, "c": 2}, 2, 6)
    raters, chance = [come(store, study) for _ in range(4)], Random(seed)
    busy = list(raters)
    while busy:
        rater = chance.choice(busy)
        if not rate_next(store, rater):
            busy.remove(rater)
    full = [one for one in shares_of(store, study).values() if sum(one.values()) == 6]
    assert len(full) >= 3 and sum(sum(one.values()) for one in shares_of(store, study).values()) >= 22  # of 24 places
    for group in "abc":
        assert max(one[group] for one in full) - min(one[group] for one in full) <= 2
    newcomer = come(store, study)
    while rate_next(store, newcomer):
        pass
    assert coverage(store, study) == {2}


def test_who_stops_early_has_had_about_as_much_of_each_group(store: RatingStore) -> None:
    study = planned(store, {"a": 6, "b": 6}, 1, 10)
    rater = come(store, study)
    for count in range(1, 7):
        assert rate_next(store, rater)
        had = shares_of(store, study)[rater.pseudonym]
        assert abs(had["a"] - had["b"]) <= 1 and sum(had.values()) == count


def test_what_a_leaver_held_goes_to_those_who_come_after_whatever_the_group(store: RatingStore, clock: Clock) -> None:
    study = planned(store, {"a": 4, "b": 2}, 1, 3)
    gone = come(store, study)
    rate_next(store, gone)
    held = store.next_assignment(gone.id)
    assert held is not None
    while rate_next(store, second := come(store, study)):
        while rate_next(store, second):
            pass
    clock.forward(61)
    late = come(store, study)
    while rate_next(store, late):
        pass
    assert coverage(store, study) == {1}
    assert max(sum(one.values()) for one in shares_of(store, study).values()) <= 3
    assert store.next_assignment(gone.id) is None


def test_a_skipped_item_counts_as_had_and_goes_to_another(store: RatingStore) -> None:
    study = planned(store, {"a": 2, "b": 2}, 1, 2)
    rater = come(store, study)
    view = store.next_assignment(rater.id)
    assert view is not None
    store.skip(skip_of(rater.id, view))
    assert rate_next(store, rater) and store.next_assignment(rater.id) is None
    assert (
        view.item_key[0] not in shares_of(store, study)[rater.pseudonym]
    )  # the skipped one was her share of that group
    for _ in range(2):
        while rate_next(store, other := come(store, study)):
            while rate_next(store, other):
                pass
    assert coverage(store, study) == {1}


def test_languages_with_other_quotas_have_shares_of_their_own(store: RatingStore) -> None:
    made = store.create_study(
        replace(new_study(raters_per_item=1), items_per_rater=4, balance_groups=True, quotas={"fr": 2})
    )
    store.add_outputs(made.id, [*grouped({"a": 4, "b": 4}), *grouped({"a": 4, "b": 4}, "fr")])
    study = store.open_study(made.id)
    for language, raters in (("fr", 4), ("sw", 2)):
        for _ in range(raters):
            rater = come(store, study, language)
            while rate_next(store, rater):
                pass
    assert {(one.language, one.slots, one.done) for one in store.language_progress(study.id)} == {
        ("fr", 16, 16),
        ("sw", 8, 8),
    }
    assert {tuple(sorted(one.items())) for one in shares_of(store, study).values()} == {(("a", 2), ("b", 2))}


def test_without_balance_groups_change_nothing_of_the_order(
    store: RatingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewest raters first, ties in her own order: as in a study whose items have no groups."""
    orders = []
    monkeypatch.setattr("annotation.queries.raters.new_seed", lambda: 11)
    for slug, groups in (("with", True), ("without", False)):
        made = store.create_study(replace(new_study(slug), items_per_rater=5, seed=3))
        store.add_outputs(made.id, [one if groups else replace(one, group=None) for one in grouped(GROUPS)])
        study = store.open_study(made.id)
        rater = come(store, study)
        while rate_next(store, rater):
            pass
        orders.append([one.item_key for one in store.assignments(study.id)])
    assert orders[0] == orders[1] and len(orders[0]) == 5


def test_a_study_to_be_balanced_needs_groups_and_an_item_has_one(store: RatingStore) -> None:
    made = store.create_study(replace(new_study(), balance_groups=True))
    store.add_outputs(made.id, outputs_of("i1"))
    assert [one.fact for one in store.missing(made.id)] == ["lacks_groups"]
    with pytest.raises(StudyNotReady, match="no item has a group"):
        store.open_study(made.id)
    with pytest.raises(InvalidRecord, match="with the group None and was given now with 'news'"):
        store.add_outputs(made.id, [replace(one, group="news") for one in outputs_of("i1", "fr")])
    for wrong in ("", "x" * 1000):
        with pytest.raises(InvalidRecord, match="group"):
            store.add_outputs(made.id, [replace(one, group=wrong) for one in outputs_of("i2")])
    store.add_outputs(made.id, [replace(one, group="news") for one in outputs_of("i3")])
    assert store.stock(made.id).groups == {"news": {"sw": 1}, "": {"sw": 1}}
    assert store.missing(made.id) == []


def test_groups_stand_in_exports_report_datasheet_and_copies(store: RatingStore, tmp_path: Path) -> None:
    study = planned(store, GROUPS, 1, None)
    rater = come(store, study)
    group = {one.output_id: one.group for one in store.outputs(study.id)}
    while (view := store.next_assignment(rater.id)) is not None:
        store.submit(submission(rater.id, view, lambda output, _: 5 if group[output] == "news" else 2))
    data = store.data(study.id, checks=True)
    report = make_report(study, data, NOW)
    assert [(one.name, one.items) for one in report.everyone.groups] == [("news", 7), ("sport", 4), ("", 1)]
    means = {(one.name, cell.mean, cell.items) for one in report.everyone.groups for cell in one.cells}
    assert means == {("news", 5.0, 7), ("sport", 2.0, 4), ("", 2.0, 1)}
    text = markdown([document(report)])
    assert "## By group of items" in text and "| news | agl | 7 | 5.00" in text and "| (no group) | knn | 1 |" in text
    assert "each rater got a share of every group" in text
    assert "news: 7, sport: 4, (no group): 1 items" in to_heds(report, data)
    export_study(store, study, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "outputs.jsonl").read_text().splitlines()]
    assert Counter(one["group"] for one in rows) == {"news": 14, "sport": 8, None: 2}
    with (tmp_path / "outputs.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {one["group"] for one in csv.DictReader(file)} == {"news", "sport", ""}
    book = json.loads((tmp_path / "codebook.json").read_text())
    assert book["study"]["design"]["balance_groups"] is True and "group" in book["tables"]["outputs"]["columns"]
    copy = store.clone_study(study.id, "copy", "Copy")
    assert copy.balance_groups and store.stock(copy.id).groups == store.stock(study.id).groups
    assert not store.revise_study(copy.id, replace(new_study("copy"), name="Copy")).balance_groups
