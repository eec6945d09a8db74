"""A rater who is removed from the Study page is in no backup after that, and the page says what is left to do.

Tests of `app.rate.service`, `app.results.ratings_tab`, `app.study.people_html`.
"""

import uuid
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from annotation.backup.backed_up_store import BackedUpStore, open_with_backups
from annotation.backup.rounds import Backups
from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import Criterion, NewOutput, NewStudy, Rater, Study, Submission
from annotation.store import RatingStore
from app.access.organiser import Authority
from app.rate.service import RaterService
from app.results.ratings import ResultsService
from app.results.ratings_tab import RatingsTab, of_report
from app.study import html as views
from app.study import people_html
from app.study.service import StudyService
from app.texts import available, catalogue

SECRET = "a secret of some length"
SECRET_WORDS = "what only this rater wrote"
OWN = Criterion("politeness", {"en": "How polite?"}, {"en": tuple("12345")}, "1", {"en": "Politeness", "sw": "Adabu"})
ENGLISH = catalogue("en")


def a_study(store: RatingStore) -> tuple[Study, Rater, str]:
    """One item of two systems, rated by one rater on a default criterion and one of the study's own; open."""
    study = store.ensure_study(NewStudy("own", "Own", "Reply.", {"en": "Rate."}, (DEFAULT_CRITERIA[0], OWN)))
    store.add_outputs(study.id, [NewOutput("i", "sw", "text", "Reply.", s, "sw", f"jibu {s}") for s in ("agl", "knn")])
    rater, token = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    values = {(one.output_id, key): 4 for one in view.outputs for key in ("fluency", "politeness")}
    store.submit(Submission(str(uuid.uuid4()), rater.id, view.assignment_id, values, SECRET_WORDS, 3.0))
    return study, rater, token


class Office:
    """A store on disk with its backups, and an organiser at her service."""

    def __init__(self, kept: BackedUpStore, folder: Path) -> None:
        assert kept.backups is not None
        self.backups: Backups = kept.backups
        self.study, self.rater, self.token = a_study(kept.store)
        self.backups.now()
        authority = Authority(SECRET)
        self.session = authority.unlock(SECRET)
        self.service = StudyService(kept.store, authority, folder, "explore", self.backups)
        self.results = ResultsService(kept.store, "explore", folder, authority)
        self.store = kept.store

    def remove(self) -> str:
        name = self.rater.pseudonym
        return people_html.removal(*self.service.remove(self.session, "own", name, name), ENGLISH)

    def holders(self) -> list[str]:
        """Files of the backups' folder with her comment in them."""
        files = sorted(self.backups.folder.iterdir())
        return [path.name for path in files if SECRET_WORDS.encode() in path.read_bytes()]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    kept = open_with_backups(tmp_path / "ratings.db")
    yield Office(kept, tmp_path / "out")
    kept.close()


def test_after_a_removal_no_backup_holds_her_data(office: Office) -> None:
    assert office.holders()
    said = office.remove()
    assert office.holders() == []
    assert office.rater.pseudonym in said
    assert "A new backup without them was made" in said


def test_backups_that_cannot_be_replaced_are_named_with_the_reason(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(office.store, "snapshot", full)
    said = office.remove()
    assert office.holders()
    assert f"still in backups in {office.backups.folder}, because: no space left" in said
    assert "A new backup" not in said
    monkeypatch.undo()


def test_without_backups_of_ours_the_page_says_whose_task_they_are(office: Office) -> None:
    name = office.rater.pseudonym
    gone, _ = office.service.remove(office.session, "own", name, name)
    for texts in available():
        said = people_html.removal(gone, None, texts)
        assert said.endswith(texts("study.removed_elsewhere"))
        assert name in said


def test_the_page_tells_when_the_last_sound_backup_was_made(office: Office) -> None:
    state = office.service.board(office.session, "own").backup
    assert state is not None
    assert state.last_good is not None
    shown = views.backup_panel(state, ENGLISH)
    assert f"Last sound backup: {state.last_good:%Y-%m-%d %H:%M} UTC" in shown


@pytest.mark.parametrize(("tag", "label", "fluency"), [("en", "Politeness", "Fluency"), ("sw", "Adabu", "Ufasaha")])
def test_a_criterion_of_ones_own_goes_by_its_label_everywhere(
    office: Office, tag: str, label: str, fluency: str
) -> None:
    """The page's catalogue has no word for it: Results, the Study page and the raters' page take the study's own."""
    texts = catalogue(tag)
    report = office.results.report(office.session, "own", texts)
    names = (one.name for one in fields(RatingsTab) if one.name != "service")
    results = "".join(map(str, of_report(RatingsTab(office.results, *names), report, None, False, texts).values()))
    board = office.service.board(office.session, "own")
    page = views.summary(board, texts) + people_html.progress_panel(board, texts)
    rating = [
        one["name"]
        for one in RaterService(office.store).look(office.token, {"position": 1, "tag": tag})["item"]["criteria"]
    ]
    assert rating == [fluency, label]
    for shown in (results, page):
        assert label in shown
        assert fluency in shown
        assert "politeness" not in shown


def test_the_download_of_a_study_with_a_criterion_of_ones_own_is_whole(office: Office) -> None:
    assert office.results.download(office.session, "own").stat().st_size > 0
