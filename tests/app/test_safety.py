"""Backups run in every way the app is started, and end in order. A scheduler wired into one of two starts is a known loss.

Tests of `app.rate.tab`, `app.results.experiments_tab`.
"""

import os
import runpy
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import app.page
import app.services
from annotation.database.snapshots import listed
from annotation.errors import DatabaseUnavailable
from app.services import open_safely

ROOT = Path(__file__).resolve().parents[2]


class Page:
    """Stands in for the page: notes what runs while it is open."""

    def __init__(self, services: app.services.Services) -> None:
        self.services = services
        self.seen: set[str] = set()
        self._queue = SimpleNamespace(push=None)  # what the queue's bound stands in front of

    def queue(self, **_: Any) -> None: ...

    def launch(self, **_: Any) -> None: ...

    def block_thread(self) -> None:
        self.seen = {thread.name for thread in threading.enumerate()}
        self.services.store.ensure_study(app.services.EXPLORE_STUDY)
        signal.raise_signal(signal.SIGTERM)  # how a container is stopped


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Page]]:
    """No page and no models, and what the start changes in this process put back."""
    pages: list[Page] = []

    def build(services: app.services.Services) -> Page:
        pages.append(Page(services))
        return pages[-1]

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(app.page, "build_app", build)
    monkeypatch.setattr(app.services, "ExploreService", lambda *_, **__: object())
    monkeypatch.setattr(app.services.Opening, "start", lambda self: None)
    for name in ("DATABASE_URL", "AGL_BACKUP_REPO", "AGL_BACKUP_FOLDER", "AGL_BACKUP_MINUTES", "SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    mask = os.umask(0o022)
    yield pages
    os.umask(mask)
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("way", ["python -m app", "python -m app.main", "python app/main.py", "a Space"])
def test_backups_run_however_the_app_is_started(
    way: str, quiet: list[Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["app", "--data", str(tmp_path), "--port", "0"])
    if way == "a Space":
        monkeypatch.setenv("SYSTEM", "spaces")
    with pytest.raises(SystemExit) as ended:
        if way in ("python -m app", "python -m app.main"):
            runpy.run_module(way.removeprefix("python -m "), run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(str(ROOT / "app" / "main.py"), run_name="__main__")
    assert ended.value.code == 0
    (page,) = quiet
    assert "backups" in page.seen
    assert "backups" not in {thread.name for thread in threading.enumerate()}  # stopped by the signal
    (snapshot, *_) = listed(tmp_path / "ratings-backups")
    assert snapshot.number == 1  # the study of the app
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []  # nobody else's to read


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AGL_BACKUP_MINUTES", "soon", "AGL_BACKUP_MINUTES is 'soon'; give minutes"),
        ("AGL_BACKUP_MINUTES", "nan", "give minutes"),
        ("AGL_BACKUP_REPO", "ratings", "owner/title"),
        ("AGL_BACKUP_REPO", "me/ratings", "set HF_TOKEN"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(tmp_path: Path, name: str, value: str, says: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=says):
        open_safely(str(tmp_path / "r.db"), {name: value})
    assert not (tmp_path / "r.db").exists()


def test_nothing_leaves_the_machine_unless_a_repository_is_named(tmp_path: Path) -> None:
    kept = open_safely(str(tmp_path / "r.db"), {"HF_TOKEN": "hf_x"})
    assert kept.backups is not None
    assert kept.backups.state().mirror is None
    kept.close()


def test_the_folder_and_the_pace_are_those_of_the_environment(tmp_path: Path) -> None:
    place = tmp_path / "bucket"
    kept = open_safely(str(tmp_path / "r.db"), {"AGL_BACKUP_FOLDER": str(place), "AGL_BACKUP_MINUTES": "60"})
    assert kept.backups is not None
    assert kept.backups.folder == place / "r-backups"
    kept.close()
