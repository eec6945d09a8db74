"""The losses that comparable tools are known for, each asked of ours: kill -9, races for the last place, who opens the file.

What is asked elsewhere: one submission sent five times at once (test_races), values a server must refuse
(test_submissions), exports of texts that spreadsheets damage (test_export), restoring (test_restore).
"""

import ast
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from at_once import at_once
from backup_toys import backups, dump, killed, lose
from rating_examples import Clock, new_study, outputs_of, submission

from annotation.backup.backed_up_store import open_with_backups
from annotation.database.snapshots import fault_of
from annotation.errors import NoSlotLeft
from annotation.export.files import export_study
from annotation.store import RatingStore

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "toys"

RATERS = """
import sys, threading
sys.path[:0] = [{root!r}, {tests!r}]
from annotation.backup.backed_up_store import open_with_backups
from rating_examples import submission

kept = open_with_backups({path!r})
kept.backups.start(0.01)
study = kept.store.study("topics")
say = threading.Lock()

def work():
    rater, _ = kept.store.new_rater(study.id, "sw")
    while (view := kept.store.next_assignment(rater.id)) is not None:
        sent = submission(rater.id, view)
        kept.store.submit(sent)
        with say:
            sys.stdout.write(sent.submission_id + chr(10))
            sys.stdout.flush()

for _ in range(20):
    threading.Thread(target=work).start()
"""


def test_kill_9_under_twenty_raters_loses_nothing_that_was_called_saved_even_with_the_disk(
    path: Path, templates: dict[str, Path]
) -> None:
    """Backups run meanwhile. First the database is looked at, then it is lost, and the backups alone must have it all."""
    shutil.copyfile(templates["empty"], path)
    with RatingStore.open(path) as store:
        study = store.ensure_study(new_study(raters_per_item=20))
        store.add_outputs(study.id, [output for index in range(40) for output in outputs_of(f"item {index}")])
    said = []
    code = RATERS.format(root=str(ROOT), tests=str(TESTS), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.strip())
            if len(said) == 60:
                os.kill(process.pid, signal.SIGKILL)
                said += [rest.strip() for rest in process.stdout if rest.endswith("\n")]
                break
    assert process.returncode == -signal.SIGKILL
    assert len(said) >= 60

    def saved() -> Counter[str]:
        kept = open_with_backups(path)
        found = Counter(record.submission_id for record in kept.store.ratings(study.id))
        killed(kept)
        assert fault_of(path) is None
        return found

    shutil.copytree(backups(path), path.parent / "as killed")
    for _ in range(2):
        stored = saved()
        assert {stored[submission_id] for submission_id in said} == {9}  # whole, never in part
        assert set(stored.values()) == {9}
        lose(path)
        shutil.rmtree(backups(path))
        shutil.copytree(path.parent / "as killed", backups(path))


def test_fifty_raters_race_for_the_last_place_and_one_gets_it(store: RatingStore, clock: Clock) -> None:
    """Two of three places are taken; all fifty hold the page of the third, whose lease runs out again and again."""
    study = store.ensure_study(new_study(raters_per_item=3, lease_minutes=1))
    store.add_outputs(study.id, outputs_of("i1"))
    held = []
    for number in range(52):
        rater, _ = store.new_rater(study.id, "sw")
        view = store.next_assignment(rater.id)
        assert view is not None
        if number < 2:
            store.submit(submission(rater.id, view))
        else:
            held.append((rater, view))
            clock.forward(2)

    def send(rater_id: int, view: object) -> bool:
        try:
            store.submit(submission(rater_id, view))  # type: ignore[arg-type]
        except NoSlotLeft:
            return False
        return True

    sent = at_once([lambda rater=rater, view=view: send(rater.id, view) for rater, view in held])  # type: ignore[misc]
    assert sum(sent) == 1
    assert len(store.ratings(study.id)) == 3 * 9
    assert len({record.rater for record in store.ratings(study.id)}) == 3


WATCHED = """
import shutil, sys
sys.path[:0] = [{root!r}, {tests!r}]
live = {path!r}
opened = []

def hook(event, args):
    if event in ("open", "shutil.copyfile", "os.truncate") and str(args[0]).startswith(live):
        opened.append((event, str(args[0])))

import annotation.export.files, annotation.backup.backed_up_store, annotation.backup.mirror, pyarrow.parquet, zipfile, pathlib
from rating_examples import submission
from backup_toys import FakeHub
from annotation.backup.mirror import HubMirror

sys.addaudithook(hook)
folder = pathlib.Path(live).parent
for _ in range(2):
    kept = annotation.backup.backed_up_store.open_with_backups(live, mirror=HubMirror("me/ratings", "t", FakeHub()), wait_s=0)
    kept.backups.start(0.001)
    study = kept.store.study("topics")
    rater, _ = kept.store.new_rater(study.id, "sw")
    view = kept.store.next_assignment(rater.id)
    kept.store.submit(submission(rater.id, view))
    annotation.export.files.export_study(kept.store, study, folder / "export")
    kept.backups.now()
    kept.close()
    for end in ("", "-wal", "-shm"):  # the second time it is restored
        pathlib.Path(live + end).unlink(missing_ok=True)
kept = annotation.backup.backed_up_store.open_with_backups(live)
assert len(kept.store.ratings(study.id)) == 18
kept.close()
print(opened)
open(live, "rb").close()  # the hook must be able to see what it looks for
print(len(opened))
"""


def test_nothing_but_sqlite_opens_the_live_file(path: Path, templates: dict[str, Path]) -> None:
    """Closing it in the same process drops SQLite's locks. Rating, export, backup, mirror, restore and close are run."""
    shutil.copyfile(templates["study"], path)
    code = WATCHED.format(root=str(ROOT), tests=str(TESTS), path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["[]", "1"]


def test_nowhere_in_the_sources_is_a_database_opened_or_copied_as_a_file() -> None:
    """By name: what ends in .db, or is called database or live, goes to sqlite3.connect or to create_engine alone."""
    found = []
    for source in sorted((*(ROOT / "annotation").rglob("*.py"), *(ROOT / "app").rglob("*.py"))):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            what = ast.unparse(node)
            opens = called in ("open", "Path.open", "shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.copytree")
            if opens and any(word in what for word in (".db", "database", "live", "ratings")):
                found.append(f"{source.name}:{node.lineno} {what}")
    assert found == []


def test_what_a_restored_database_exports_is_what_the_lost_one_exported(
    path: Path, templates: dict[str, Path], clock: Clock, tmp_path: Path
) -> None:
    shutil.copyfile(templates["empty"], path)
    kept = open_with_backups(path, clock=clock)
    study = kept.store.ensure_study(new_study())
    kept.store.add_outputs(study.id, outputs_of("=SUM(A1)") + outputs_of("'quoted\nيوم"))
    rater, _ = kept.store.new_rater(study.id, "sw")
    for _ in range(2):
        view = kept.store.next_assignment(rater.id)
        assert view is not None
        kept.store.submit(submission(rater.id, view))
    export_study(kept.store, study, tmp_path / "before")
    killed(kept)
    rows = dump(path)
    lose(path)
    kept = open_with_backups(path, clock=clock)
    export_study(kept.store, kept.store.study("topics"), tmp_path / "after")
    killed(kept)
    assert dump(path) == rows
    for before in (tmp_path / "before").glob("*.*"):
        if before.name != "codebook.json":  # says when it was exported
            assert (tmp_path / "after" / before.name).read_bytes() == before.read_bytes()
