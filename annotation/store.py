"""RatingStore: the one door to the database for `app`.

Each method is one transaction on its own session, so a store may be shared by threads. What a method returns
was committed before. Each writing method that loses a race against another process on PostgreSQL is run
again; on SQLite writers queue, and this never happens.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from annotation import migrate
from annotation.database import Engines, open_engines, translated_errors
from annotation.errors import UnknownStudy
from annotation.models import StudyRow
from annotation.mounts import PROC_MOUNTS
from annotation.queries import assignments, raters, reading, studies, submissions, views
from annotation.records import (
    AddReport,
    AssignmentRecord,
    AssignmentView,
    HistoryRecord,
    NewOutput,
    NewStudy,
    OutputRecord,
    Progress,
    Rater,
    RatingRecord,
    Receipt,
    SkipSubmission,
    Study,
    StudyData,
    Submission,
)
from annotation.vocabulary import StudyState

Result = TypeVar("Result")
_ATTEMPTS = 3


def utc_now() -> datetime:
    """The time as the store sees it; tests pass another clock."""
    return datetime.now(UTC)


class RatingStore:
    """Studies, raters and their ratings in one database. Use `open`; close it, or use it in a `with`."""

    def __init__(self, engines: Engines, clock: Callable[[], datetime] = utc_now) -> None:
        """For engines that are migrated already."""
        self._engines = engines
        self._clock = clock

    @classmethod
    def open(
        cls,
        url_or_path: str | Path,
        *,
        clock: Callable[[], datetime] = utc_now,
        mounts_file: Path = PROC_MOUNTS,
    ) -> Self:
        """Opens and migrates. A path, `sqlite:///path`, `sqlite://` (memory) or `postgresql+driver://...`.

        Raises DatabaseUnavailable (cannot be opened, written or reached; not a database) and DatabaseTooNew.
        """
        engines = open_engines(url_or_path, mounts_file)
        try:
            migrate.upgrade(engines)
        except BaseException:
            engines.dispose()
            raise
        return cls(engines, clock)

    @property
    def journal_mode(self) -> str | None:
        """The mode: "wal" on a local disk, "delete" on a network path, "memory", None for PostgreSQL."""
        return self._engines.journal_mode

    def close(self) -> None:
        """Closes all connections. Harmless when repeated."""
        self._engines.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, work: Callable[[Session], Result]) -> Result:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with translated_errors(), Session(self._engines.writer) as session, session.begin():
                    return work(session)
            except IntegrityError:
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _read(self, work: Callable[[Session], Result]) -> Result:
        with translated_errors(), Session(self._engines.reader) as session, session.begin():
            return work(session)

    def ensure_study(self, new: NewStudy) -> Study:
        """The study with this slug, made if it is not there; one that is there is never changed.

        Raises InvalidRecord.
        """
        return self._write(lambda session: studies.ensure_study(session, new, self._clock()))

    def set_study_state(self, study_id: int, state: StudyState) -> Study:
        """Opens, closes or withdraws a study. Raises UnknownStudy, InvalidRecord."""
        return self._write(lambda session: studies.set_state(session, study_id, state))

    def studies(self) -> list[Study]:
        """All studies, oldest first."""
        return self._read(studies.all_studies)

    def study(self, slug: str) -> Study:
        """Raises UnknownStudy."""

        def find(session: Session) -> Study:
            row = session.scalar(select(StudyRow).where(StudyRow.slug == slug))
            if row is None:
                raise UnknownStudy(f"there is no study called {slug!r}; ask studies() for those that exist.")
            return studies.study_record(session, row)

        return self._read(find)

    def add_outputs(self, study_id: int, outputs: Sequence[NewOutput]) -> AddReport:
        """Adds what is not there yet, all or nothing. Raises UnknownStudy, StudyClosed, InvalidRecord."""
        return self._write(lambda session: studies.add_outputs(session, study_id, outputs, self._clock()))

    def new_rater(self, study_id: int, language: str) -> tuple[Rater, str]:
        """A rater and her token, shown only this once. Raises UnknownStudy, StudyClosed, InvalidRecord."""
        return self._write(lambda session: raters.new_rater(session, study_id, language, self._clock()))

    def rater_by_token(self, study_id: int, token: str) -> Rater:
        """Raises UnknownStudy, UnknownRater."""
        return self._read(lambda session: raters.rater_by_token(session, study_id, token))

    def next_assignment(self, rater_id: int) -> AssignmentView | None:
        """Her first unfinished item, leased to her from now;

        None when nothing is left. Raises UnknownRater, StudyClosed.
        """
        found = self._write(lambda session: assignments.next_assignment(session, rater_id, self._clock()))
        if found is None:
            return None
        return self._read(lambda session: views.assignment_view(session, rater_id, found, self._clock()))

    def assignment(self, rater_id: int, position: int) -> AssignmentView:
        """What she was given at this place (from 1), with her values.

        Raises UnknownRater, UnknownAssignment.
        """

        def look(session: Session) -> AssignmentView:
            found = assignments.assignment_at(session, rater_id, position)
            return views.assignment_view(session, rater_id, found, self._clock())

        return self._read(look)

    def progress(self, rater_id: int) -> Progress:
        """Raises UnknownRater."""
        return self._read(lambda session: assignments.progress(session, rater_id, self._clock()))

    def submit(self, submission: Submission) -> Receipt:
        """Stores all values of one item, or none; a retry gets the first receipt.

        Raises InvalidRating, UnknownRater, UnknownAssignment, StudyClosed, ItemTaken, SubmissionConflict,
        DatabaseUnavailable. Only a returned receipt means saved.
        """
        return self._write(lambda session: submissions.submit(session, submission, self._clock()))

    def skip(self, submission: SkipSubmission) -> Receipt:
        """Passes on an item. Raises InvalidSkip and what `submit` raises, but not ItemTaken."""
        return self._write(lambda session: submissions.skip(session, submission, self._clock()))

    def data(self, study_id: int) -> StudyData:
        """Ratings, history, outputs and assignments of one moment. Raises UnknownStudy."""
        return self._read(lambda session: reading.everything(session, study_id))

    def ratings(self, study_id: int) -> list[RatingRecord]:
        """All current ratings. Raises UnknownStudy."""
        return self._read(lambda session: reading.ratings(session, study_id))

    def history(self, study_id: int) -> list[HistoryRecord]:
        """Every value ever accepted, in order. Raises UnknownStudy."""
        return self._read(lambda session: reading.history(session, study_id))

    def outputs(self, study_id: int) -> list[OutputRecord]:
        """All outputs with provenance; for organisers only. Raises UnknownStudy."""
        return self._read(lambda session: reading.outputs(session, study_id))

    def assignments(self, study_id: int) -> list[AssignmentRecord]:
        """Who was given what, and how it ended. Raises UnknownStudy."""
        return self._read(lambda session: reading.assignments(session, study_id))
