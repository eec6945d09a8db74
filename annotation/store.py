"""RatingStore: the one door to the database for `app`.

Each method is one transaction on its own session, so a store may be shared by threads. What a method returns
was committed before. Each writing method that loses a race against another process on PostgreSQL is run
again; on SQLite writers queue, and this never happens.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.database import migrate
from annotation.database.engine import PROC_MOUNTS, open_engines
from annotation.database.journal import Journal
from annotation.database.tables import StudyRow
from annotation.database.transactions import utc_now
from annotation.errors import UnknownStudy
from annotation.organiser_store import OrganiserStore
from annotation.queries import assignments, invitations, outputs, queue, raters, studies, submissions, views
from annotation.queries import results as reading
from annotation.records import (
    AddReport,
    AssignmentRecord,
    AssignmentView,
    BlindChange,
    HistoryRecord,
    Lettered,
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


class RatingStore(OrganiserStore):
    """Studies, raters and their ratings in one database. Use `open`; close it, or use it in a `with`."""

    @classmethod
    def open(
        cls,
        url_or_path: str | Path,
        *,
        clock: Callable[[], datetime] = utc_now,
        mounts_file: Path = PROC_MOUNTS,
        journal: Journal | None = None,
    ) -> Self:
        """Opens and migrates. A path, `sqlite:///path`, `sqlite://` (memory) or `postgresql+driver://...`.

        With a `journal` (SQLite files only) each change is in it before a method returns; `keeping.open_kept` makes one.

        Raises DatabaseUnavailable (cannot be opened, written or reached; not a database) and DatabaseTooNew.
        """
        engines = open_engines(url_or_path, mounts_file)
        try:
            migrate.upgrade(engines)
        except BaseException:
            engines.dispose()
            raise
        return cls(engines, clock, journal)

    def ensure_study(self, new: NewStudy) -> Study:
        """The study with this slug, made if it is not there; one that is there is never changed.

        Raises InvalidRecord.
        """
        return self._write(lambda session: studies.ensure_study(session, new, self._clock()))

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

    def add_outputs(self, study_id: int, new: Sequence[NewOutput]) -> AddReport:
        """Adds what is not there yet, all or nothing. Raises UnknownStudy, StudyClosed, StudyFrozen, InvalidRecord."""
        return self._write(lambda session: outputs.add_outputs(session, study_id, new, self._clock()))

    def new_rater(self, study_id: int, language: str, own: str | None = None) -> tuple[Rater, str]:
        """A rater without invitation and her token, shown only this once; `own` as in `accept_invitation`.

        Raises UnknownStudy, StudyClosed, InvalidRecord; InvalidInvitation for a study opened with `open_study`.
        """
        return self._write(lambda session: raters.new_rater(session, study_id, language, self._clock(), own))

    def rater_by_token(self, study_id: int, token: str) -> Rater:
        """Raises UnknownStudy, UnknownRater."""
        return self._read(lambda session: raters.rater_by_token(session, study_id, token))

    def rater_of_token(self, token: str) -> Rater:
        """The rater whose personal link this is, whatever her study (`study_id` of the record). Raises UnknownRater."""
        return self._read(lambda session: raters.rater_of_token(session, token))

    def accept_invitation(
        self, study_id: int, token: str, proficiency: str | None = None, own: str | None = None
    ) -> tuple[Rater, str]:
        """A new rater in the invitation's language, and her own token: the secret of her personal link.

        The token is shown only this once and found again by `rater_by_token` or `rater_of_token`, from any device.
        `proficiency`: one of PROFICIENCIES, as she says of herself, or None. Each call uses the invitation once,
        unless her page made the token itself (`own`): then a repeat, after a receipt that got lost, gives the same
        rater and uses nothing more. Raises UnknownStudy, StudyClosed (not
        open), InvalidInvitation (not of this study, revoked, expired, used up), InvalidRecord.
        """
        return self._write(
            lambda session: invitations.accept_invitation(session, study_id, token, proficiency, self._clock(), own)
        )

    def invited(self, slug: str, token: str) -> tuple[Study, str]:
        """The study and the language an invitation is for; this does not use it.

        Raises UnknownStudy, StudyClosed (not open), InvalidInvitation (not of this study, revoked, expired, used up).
        """
        return self._read(lambda session: invitations.invited(session, slug, token, self._clock()))

    def rater_and_study(self, token: str) -> tuple[Rater, Study]:
        """Who has this token, and the study it was given for. Raises UnknownRater."""
        return self._read(lambda session: raters.rater_and_study(session, token))

    def next_assignment(self, rater_id: int) -> AssignmentView | None:
        """Her first unfinished item, leased to her from now;

        None when nothing is left. Raises UnknownRater, StudyClosed.
        """
        found = self._write(lambda session: assignments.next_assignment(session, rater_id, self._clock()))
        if found is None:
            return None
        return self._read(lambda session: views.assignment_view(session, rater_id, found))

    def assignment(self, rater_id: int, position: int) -> AssignmentView:
        """What she was given at this place (from 1), with her values.

        Raises UnknownRater, UnknownAssignment.
        """

        def look(session: Session) -> AssignmentView:
            found = assignments.assignment_at(session, rater_id, position)
            return views.assignment_view(session, rater_id, found)

        return self._read(look)

    def lettered(self, rater_id: int, position: int) -> Lettered:
        """What she was given at this place (from 1), without texts. Raises UnknownRater, UnknownAssignment."""

        def look(session: Session) -> Lettered:
            return views.lettered(session, rater_id, assignments.assignment_at(session, rater_id, position))

        return self._read(look)

    def changes(self, rater_id: int, position: int) -> list[BlindChange]:
        """How her ratings of the item at this place were changed, oldest first. Raises UnknownRater, UnknownAssignment."""

        def look(session: Session) -> list[BlindChange]:
            found = assignments.assignment_at(session, rater_id, position)
            return views.changes(session, rater_id, found)

        return self._read(look)

    def progress(self, rater_id: int) -> Progress:
        """Raises UnknownRater."""
        return self._read(lambda session: queue.progress(session, rater_id, self._clock()))

    def submit(self, submission: Submission) -> Receipt:
        """Stores all values of one item, or none; a retry gets the first receipt.

        Raises InvalidRating, UnknownRater, UnknownAssignment, StudyClosed, ItemTaken, SubmissionConflict,
        DatabaseUnavailable. Only a returned receipt means saved.
        """
        return self._write(lambda session: submissions.submit(session, submission, self._clock()))

    def skip(self, submission: SkipSubmission) -> Receipt:
        """Passes on an item. Raises InvalidSkip and what `submit` raises, but not ItemTaken."""
        return self._write(lambda session: submissions.skip(session, submission, self._clock()))

    def data(self, study_id: int, *, checks: bool = False) -> StudyData:
        """Ratings, history, outputs and assignments of one moment. Raises UnknownStudy.

        Here and in the four below, attention checks are left out unless `checks` is True; then `item_kind` tells.
        """
        return self._read(lambda session: reading.everything(session, study_id, checks=checks))

    def ratings(self, study_id: int, *, checks: bool = False) -> list[RatingRecord]:
        """All current ratings. Raises UnknownStudy."""
        return self._read(lambda session: reading.ratings(session, study_id, checks=checks))

    def history(self, study_id: int, *, checks: bool = False) -> list[HistoryRecord]:
        """Every value ever accepted, in order. Raises UnknownStudy."""
        return self._read(lambda session: reading.history(session, study_id, checks=checks))

    def outputs(self, study_id: int, *, checks: bool = False) -> list[OutputRecord]:
        """All outputs with provenance; for organisers only. Raises UnknownStudy."""
        return self._read(lambda session: reading.outputs(session, study_id, checks=checks))

    def assignments(self, study_id: int, *, checks: bool = False) -> list[AssignmentRecord]:
        """Who was given what, and how it ended. Raises UnknownStudy."""
        return self._read(lambda session: reading.assignments(session, study_id, checks=checks))
