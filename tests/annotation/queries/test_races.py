"""Threads, processes and kill -9: nothing doubled, nothing lost, never one rater too many.

Tests of `annotation.queries.views`.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from at_once import at_once
from rating_examples import new_study, outputs_of, submission

from annotation.records import Progress, Study
from annotation.store import RatingStore

ROOT = Path(__file__).parents[3]


def test_one_submission_sent_five_times_at_once_is_stored_once(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    sent = submission(rater.id, view)
    receipts = at_once([lambda: store.submit(sent) for _ in range(5)])
    assert sorted(receipt.repeated for receipt in receipts) == [False, True, True, True, True]
    assert len({receipt.saved_at for receipt in receipts}) == 1
    assert len(store.ratings(study.id)) == len(store.history(study.id)) == 9


def test_twenty_raters_racing_for_three_places_get_three(store: RatingStore) -> None:
    study = store.ensure_study(new_study(raters_per_item=3))
    store.add_outputs(study.id, outputs_of("i1"))
    raters = [store.new_rater(study.id, "sw")[0] for _ in range(20)]
    views = at_once([lambda rater=rater: store.next_assignment(rater.id) for rater in raters])  # type: ignore[misc]
    given = [(rater, view) for rater, view in zip(raters, views, strict=True) if view is not None]
    assert len(given) == 3
    at_once([lambda r=rater, v=view: store.submit(submission(r.id, v)) for rater, view in given])  # type: ignore[misc]
    assert all(store.next_assignment(rater.id) is None for rater in raters)
    assert Counter(record.output_id for record in store.ratings(study.id)).most_common(1)[0][1] == 3 * 3


def test_twenty_raters_working_through_ten_items_fill_every_place_exactly(store: RatingStore) -> None:
    study = store.ensure_study(new_study(raters_per_item=3))
    for index in range(10):
        store.add_outputs(study.id, outputs_of(f"item {index}"))
    raters = [store.new_rater(study.id, "sw")[0] for _ in range(20)]

    def work(rater_id: int) -> int:
        done = 0
        while (view := store.next_assignment(rater_id)) is not None:
            store.submit(submission(rater_id, view))
            done += 1
        return done

    done = at_once([lambda rater=rater: work(rater.id) for rater in raters])  # type: ignore[misc]
    assert sum(done) == 10 * 3
    per_item = Counter(record.item_key for record in store.assignments(study.id) if record.state == "done")
    assert set(per_item.values()) == {3}
    assert len(store.ratings(study.id)) == 10 * 3 * 9


def test_one_rater_in_two_tabs_gets_one_assignment(store: RatingStore, study: Study) -> None:
    rater, _ = store.new_rater(study.id, "sw")
    views = at_once([lambda: store.next_assignment(rater.id) for _ in range(6)])
    assert len({view.assignment_id for view in views if view is not None}) == 1
    assert store.progress(rater.id) == Progress(0, 0, 3)


def test_a_study_ensured_by_many_at_once_exists_once(path: Path) -> None:
    stores = [RatingStore.open(path) for _ in range(4)]  # as several processes would
    made = at_once([lambda store=store: store.ensure_study(new_study()) for store in stores])  # type: ignore[misc]
    assert len({study.id for study in made}) == 1
    for store in stores:
        store.close()


WRITER = """
import sys, threading
sys.path[:0] = [{root!r}, {tests!r}]
from annotation.store import RatingStore
from rating_examples import submission

store = RatingStore.open({path!r})
study = store.study("topics")

def work():
    rater, _ = store.new_rater(study.id, "sw")
    while (view := store.next_assignment(rater.id)) is not None:
        sent = submission(rater.id, view)
        store.submit(sent)
        sys.stdout.write(sent.submission_id + chr(10))
        sys.stdout.flush()

for _ in range(4):
    threading.Thread(target=work).start()
"""


def test_after_kill_9_every_rating_that_was_called_saved_is_there(path: Path, tmp_path: Path) -> None:
    with RatingStore.open(path) as store:
        study = store.ensure_study(new_study(raters_per_item=4))
        store.add_outputs(study.id, [output for index in range(300) for output in outputs_of(f"item {index}")])
    code = WRITER.format(root=str(ROOT), tests=str(ROOT / "tests" / "toys"), path=str(path))
    said = []
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            said.append(line.strip())
            if len(said) == 60:
                os.kill(writer.pid, signal.SIGKILL)
                said += [rest.strip() for rest in writer.stdout if rest.endswith("\n")]
                break
    assert writer.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with RatingStore.open(path) as store:
        stored = Counter(record.submission_id for record in store.ratings(study.id))
        assert len(said) >= 60
        assert {stored[submission_id] for submission_id in said} == {9}  # whole, never in part
        assert set(stored.values()) == {9}
