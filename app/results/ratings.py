"""What Results does, without gradio: which studies a visitor may see, their reports, downloads and pushes."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from annotation.database.transactions import utc_now
from annotation.errors import AnnotationError, UnknownStudy
from annotation.export.archive import report_files, write_archive
from annotation.export.hub import push_study
from annotation.records import Study, StudyData
from annotation.report.results import Report, make_report
from annotation.store import RatingStore
from app.downloads import fresh_folder
from app.results.ratings_table import method_name
from app.texts import ENGLISH, Texts, catalogue


class Authority(Protocol):
    """Tells organisers from others."""

    def require(self, session: object) -> None:
        """Raises an AnnotationError unless ``session`` is an organiser's."""


class ResultsService:
    """Results of every study that a visitor may see. Every method checks that anew.

    Results name systems. So those of a study that still collects ratings are for its organiser; what anybody sent from
    Explore is open to all, as Explore is, and a closed study that was published is for everybody, without comments and times.
    """

    def __init__(self, store: RatingStore, explore: str, folder: Path, authority: Authority | None = None) -> None:
        """``explore`` is the slug of Explore's own collection; without ``authority`` nobody is an organiser."""
        self.store, self.explore, self.folder, self.authority = store, explore, folder, authority
        self._made: dict[str, tuple[StudyData, Report]] = {}
        self._lock = threading.Lock()

    def organiser(self, session: object) -> bool:
        """Whether the session is an organiser's."""
        try:
            if self.authority is not None:
                self.authority.require(session)
                return True
        except AnnotationError:
            pass
        return False

    def studies(self, session: object) -> list[Study]:
        """Those whose results the visitor may see, Explore's collection first."""
        organiser = self.organiser(session)
        visible = [one for one in self.store.studies() if self._open_to(one, organiser)]
        return sorted(visible, key=lambda one: (one.slug != self.explore, one.name))

    def _open_to(self, study: Study, organiser: bool) -> bool:
        return organiser or study.slug == self.explore or study.results_open

    def study(self, session: object, slug: str | None) -> Study:
        """The study with this slug; for None the newest that raters answered, Explore's where none was.

        Raises UnknownStudy also for one that is not the visitor's.
        """
        studies = self.studies(session)
        for one in studies:
            if one.slug == (slug or self._newest(studies)):
                return one
        raise UnknownStudy(
            "The results of this study are not open: they were not published, or it is not there.", "results_closed"
        )

    def _newest(self, studies: list[Study]) -> str:
        answered = self.store.answered_studies()
        rated = [one for one in studies if one.id in answered]
        return max(rated, key=lambda one: (one.created_at, one.id)).slug if rated else self.explore

    def report(self, session: object, slug: str | None, texts: Texts) -> Report:
        """The report as of now; made anew only where something changed. Raises UnknownStudy."""
        study = self.study(session, slug)
        data = self.store.data(study.id, checks=True)
        with self._lock:  # one at a time: the second visitor takes what the first one's report was
            cached = self._made.get(study.slug)
            if cached is None or cached[0] != data or cached[1].study != study:
                cached = self._made[study.slug] = (data, make_report(study, data, utc_now()))
        report = cached[1]
        return replace(report, systems={system: method_name(system, texts) for system in report.systems})

    def reading(self, session: object, slug: str | None) -> tuple[Study, StudyData]:
        """A study with all that its raters gave and wrote, for an organiser alone. Raises AnnotationError."""
        if self.authority is None:
            raise UnknownStudy("Only an organiser reads comments, and this page has none.")
        self.authority.require(session)
        study = self.study(session, slug)
        return study, self.store.data(study.id)

    def download(self, session: object, slug: str | None) -> Path:
        """All tables in all formats, the codebook, the report and the datasheet, as one zip file."""
        study = self.study(session, slug)
        names = {system: method_name(system, catalogue(ENGLISH)) for system in self._systems(study)}
        public = not self.organiser(session)
        return write_archive(self.store, study, fresh_folder(self.folder), names=names, public=public)

    def _systems(self, study: Study) -> set[str]:
        return {row.system for row in self.store.outputs(study.id)}

    def texts(self, session: object, slug: str | None) -> dict[str, str]:
        """Report and datasheet as files by name, with mixed models; in English."""
        study = self.study(session, slug)
        data = self.store.data(study.id, checks=True)
        names = {row.system: method_name(row.system, catalogue(ENGLISH)) for row in data.outputs}
        return report_files(study, data, utc_now(), names=names, public=not self.organiser(session))

    def push(self, session: object, slug: str | None, repository: str, token: str | None) -> str:
        """Pushes a study to a private data set; for organisers only. Returns the address. Raises AnnotationError."""
        if self.authority is None:
            raise UnknownStudy("Only an organiser pushes data, and this page has none.")
        self.authority.require(session)
        study = self.study(session, slug)
        return push_study(self.store, study, repository.strip(), token=token or None, texts=self.texts(session, slug))
