"""Who gets what: fewest raters first, a cap for each rater, a queue for each language, one place for the last.

Tests of `annotation.queries.queue`, `annotation.queries.raters`.
"""

from collections import Counter
from dataclasses import replace

from at_once import at_once
from attention_toys import opened
from rating_examples import Clock, new_study, outputs_of, submission

from annotation.blind_records import AssignmentView
from annotation.errors import NoSlotLeft
from annotation.records import NewOutput, Progress, Rater
from annotation.store import RatingStore


def test_fifty_raters_race_for_the_last_place(store: RatingStore) -> None:
    study = store.ensure_study(new_study(raters_per_item=3))
    store.add_outputs(study.id, outputs_of("i1"))
    for _ in range(2):
        rater, _ = store.new_rater(study.id, "sw")
        view = store.next_assignment(rater.id)
        assert view is not None
        store.submit(submission(rater.id, view))
    raters = [store.new_rater(study.id, "sw")[0] for _ in range(50)]

    def rush(rater: Rater) -> bool:
        found = store.next_assignment(rater.id)
        if found is not None:
            store.submit(submission(rater.id, found))
        return found is not None

    assert sum(at_once([lambda one=rater: rush(one) for rater in raters])) == 1  # type: ignore[misc]
    assert set(Counter(record.output_id for record in store.ratings(study.id)).values()) == {3 * 3}


def test_many_who_let_a_lease_lapse_race_to_submit_and_one_is_kept(store: RatingStore, clock: Clock) -> None:
    study = store.ensure_study(new_study(raters_per_item=1, lease_minutes=30))
    store.add_outputs(study.id, outputs_of("i1"))
    late: list[tuple[Rater, AssignmentView]] = []
    for _ in range(10):
        rater, _ = store.new_rater(study.id, "sw")
        view = store.next_assignment(rater.id)
        assert view is not None
        late.append((rater, view))
        clock.forward(31)

    def submit(rater: Rater, view: AssignmentView) -> bool:
        try:
            store.submit(submission(rater.id, view))
        except NoSlotLeft:
            return False
        return True

    kept = at_once([lambda r=rater, v=view: submit(r, v) for rater, view in late])  # type: ignore[misc]
    assert sum(kept) == 1
    assert len(store.ratings(study.id)) == 9


def test_items_with_fewest_raters_come_first(store: RatingStore) -> None:
    """12 items for two raters each, and raters who stop after 6: without balance some items would have none."""
    study = store.ensure_study(replace(new_study(raters_per_item=2), items_per_rater=6))
    store.add_outputs(study.id, [one for n in range(12) for one in outputs_of(f"i{n}")])
    for expected in ({0: 6, 1: 6}, {1: 12}, {1: 6, 2: 6}, {2: 12}):
        rater, _ = store.new_rater(study.id, "sw")
        while (view := store.next_assignment(rater.id)) is not None:
            store.submit(submission(rater.id, view))
        assert store.progress(rater.id) == Progress(6, 0, 6)
        done = Counter(one.item_key for one in store.assignments(study.id))
        assert Counter(done[f"i{n}"] for n in range(12)) == expected
    late, _ = store.new_rater(study.id, "sw")
    assert store.next_assignment(late.id) is None


def test_the_cap_of_a_rater_leaves_out_attention_checks(store: RatingStore) -> None:
    study = opened(store, count=12, items_per_rater=5)
    _, link = store.new_invitation(study.id, "sw")
    rater, _ = store.accept_invitation(study.id, link)
    while (view := store.next_assignment(rater.id)) is not None:
        store.submit(submission(rater.id, view))
    kinds = Counter(one.item_kind for one in store.assignments(study.id, checks=True))
    assert kinds["normal"] == 5
    assert kinds["degraded"] + kinds["repeat"] >= 1


def test_checks_have_a_place_for_every_rater(store: RatingStore) -> None:
    study = opened(store, count=3, raters_per_item=6, check_every=2)
    _, link = store.new_invitation(study.id, "sw")
    raters = [store.accept_invitation(study.id, link)[0] for _ in range(6)]

    def work(rater: Rater) -> None:
        while (view := store.next_assignment(rater.id)) is not None:
            store.submit(submission(rater.id, view))

    at_once([lambda one=rater: work(one) for rater in raters])  # type: ignore[misc]
    # Given to each; a repeat answered with the one value that somebody gives to everything says nothing and is not counted.
    checked = {one.rater for one in store.assignments(study.id, checks=True) if one.item_kind != "normal"}
    assert checked == {one.rater for one in store.raters(study.id)}
    given = Counter(one.item_key for one in store.assignments(study.id))
    assert set(given.values()) == {6}


def test_each_language_has_a_queue_of_its_own(store: RatingStore) -> None:
    study = store.ensure_study(new_study(raters_per_item=1))
    for language in ("sw", "fr"):
        store.add_outputs(study.id, [replace(one, language=language) for one in outputs_of("i1")])
    store.add_outputs(study.id, outputs_of("i2"))
    for language, items in (("sw", {"i1", "i2"}), ("fr", {"i1"}), ("ar", set())):
        rater, _ = store.new_rater(study.id, language)
        seen: list[AssignmentView] = []
        while (view := store.next_assignment(rater.id)) is not None:
            seen.append(view)
            store.submit(submission(rater.id, view))
        assert {one.item_key for one in seen} == items
        assert {output.language for one in seen for output in one.outputs} <= {language}
    assert [(one.language, one.items, one.done) for one in store.language_progress(study.id)] == [
        ("fr", 1, 1),
        ("sw", 2, 2),
    ]


def test_an_item_that_one_system_lacks_is_still_shown_whole(store: RatingStore) -> None:
    """A collection may have uneven items; a rater sees all there is of an item at once."""
    study = store.ensure_study(new_study())
    store.add_outputs(study.id, outputs_of("i1", systems=("agl", "knn")))
    extra = NewOutput("i1", "sw", "Mchezaji alifunga bao (i1).", "Name the topic.", "mmr", "sw", "hewa")
    store.add_outputs(study.id, [extra])
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    assert len(view.outputs) == 3
