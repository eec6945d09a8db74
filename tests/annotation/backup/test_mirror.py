"""The copy of the backups in another folder: what the mirror on the Hub promises, with files that can be looked at.

Tests of `annotation.backup.backed_up_store`.
"""

import shutil
from pathlib import Path

import pytest
from backup_toys import dump, killed, lose
from rating_examples import Clock, submission

from annotation.backup.backed_up_store import BackedUpStore, open_with_backups
from annotation.backup.mirror import FolderMirror, HubMirror, mirror_at
from annotation.database.snapshots import listed
from annotation.errors import MirrorFailed


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path / "another disk" / "copies"


def opened(path: Path, elsewhere: Path, clock: Clock) -> BackedUpStore:
    return open_with_backups(path, mirror=FolderMirror(elsewhere), clock=clock, wait_s=0)


@pytest.fixture
def mirrored(path: Path, elsewhere: Path, clock: Clock, templates: dict[str, Path]) -> BackedUpStore:
    """A store with the study of all tests, mirrored to the other disk."""
    shutil.copyfile(templates["study"], path)
    return opened(path, elsewhere, clock)


def rate_one(kept: BackedUpStore) -> None:
    rater, _ = kept.store.new_rater(kept.store.study("topics").id, "sw")
    view = kept.store.next_assignment(rater.id)
    assert view is not None
    kept.store.submit(submission(rater.id, view))


def test_a_disk_that_is_lost_comes_back_from_the_other_one(
    mirrored: BackedUpStore, path: Path, elsewhere: Path, clock: Clock
) -> None:
    kept = mirrored
    assert kept.backups is not None
    for _ in range(3):
        rate_one(kept)
        assert kept.backups.now().failures == ()
    assert kept.backups.state().mirror == f"folder:{elsewhere}"
    killed(kept)
    before = dump(path)
    lose(path)
    shutil.rmtree(kept.backups.folder)
    again = opened(path, elsewhere, clock)
    assert dump(path) == before
    killed(again)


def test_an_orderly_end_leaves_everything_there(
    mirrored: BackedUpStore, path: Path, elsewhere: Path, clock: Clock
) -> None:
    kept = mirrored
    assert kept.backups is not None
    kept.backups.start(1000)
    rate_one(kept)
    kept.close()  # as SIGTERM does
    before = dump(path)
    lose(path)
    shutil.rmtree(kept.backups.folder)
    killed(opened(path, elsewhere, clock))
    assert dump(path) == before


def test_what_is_superseded_or_removed_is_dropped_there_too(mirrored: BackedUpStore, elsewhere: Path) -> None:
    kept = mirrored
    assert kept.backups is not None
    for _ in range(15):
        kept.store.new_rater(kept.store.study("topics").id, "sw")
        kept.backups.now()
    assert {one.path.name for one in listed(elsewhere)} == {one.path.name for one in listed(kept.backups.folder)}
    kept.backups.forget()
    left = {file.name for file in elsewhere.iterdir() if not file.name.startswith("lease-")}
    assert left == {listed(kept.backups.folder)[0].path.name}
    killed(kept)


def test_a_copy_is_whole_or_not_there(elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "snapshot-20261126T080000000000Z-0000000001.db"
    file.write_bytes(b"x" * 1000)

    def torn(source: object, target: object, *_: object) -> None:
        target.write(b"x")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", torn)
        with pytest.raises(MirrorFailed, match="No space left"):
            FolderMirror(elsewhere).push([file])
    assert listed(elsewhere) == []
    FolderMirror(elsewhere).push([file])
    assert listed(elsewhere)[0].path.read_bytes() == b"x" * 1000


def test_a_disk_that_is_not_there_is_no_reason_to_start_empty(path: Path, tmp_path: Path, clock: Clock) -> None:
    blocked = tmp_path / "no folder"
    blocked.write_text("a file")
    with pytest.raises(MirrorFailed, match="check that the disk is there"):
        opened(path, blocked / "copies", clock)
    assert not path.exists()


def test_a_name_says_which_mirror_is_meant() -> None:
    assert isinstance(mirror_at("folder:/mnt/copies", None), FolderMirror)
    assert isinstance(mirror_at("me/ratings", "hf_x"), HubMirror)
    with pytest.raises(MirrorFailed, match="an absolute path"):
        mirror_at("folder:copies", None)
    with pytest.raises(MirrorFailed, match="HF_TOKEN"):
        mirror_at("me/ratings", None)
