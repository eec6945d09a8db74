"""The half of the store that is for organisers: designing, opening, inviting, watching, removing.

Who may call these methods is decided by the app, for each call. `RatingStore` inherits them.
"""

from datetime import datetime

from annotation.database.transactions import Transactions
from annotation.queries import attention_checks as attention
from annotation.queries import design, invitations, outputs
from annotation.queries import progress as organising
from annotation.records import NewStudy, Study
from annotation.study_records import CheckResult, Invitation, LanguageProgress, RaterRecord, Stock, Tombstone
from annotation.vocabulary import StudyState


class OrganiserStore(Transactions):
    """What organisers do with studies. Each method is one transaction."""

    def create_study(self, new: NewStudy) -> Study:
        """A new draft. Raises InvalidRecord, also for a slug that is taken."""
        return self._write(lambda session: design.create_draft(session, new, self._clock()))

    def revise_study(self, study_id: int, new: NewStudy) -> Study:
        """Gives a draft another design; its outputs stay. Attention checks have to be made anew.

        Raises UnknownStudy, InvalidRecord, StudyFrozen.
        """
        return self._write(lambda session: design.revise_draft(session, study_id, new))

    def remove_outputs(self, study_id: int) -> int:
        """Empties a draft; returns how many outputs it had. Raises UnknownStudy, StudyFrozen."""
        return self._write(lambda session: outputs.remove_outputs(session, study_id))

    def delete_draft(self, study_id: int) -> None:
        """Deletes a draft with all it holds. Raises UnknownStudy, StudyFrozen."""
        self._write(lambda session: design.delete_draft(session, study_id))

    def stock(self, study_id: int) -> Stock:
        """What a study holds and which items lack systems. Raises UnknownStudy."""
        return self._read(lambda session: design.stock(session, study_id))

    def missing(self, study_id: int) -> list[str]:
        """What has to be mended before the study can open, as parts of a sentence. Raises UnknownStudy."""
        return self._read(lambda session: design.missing(session, study_id))

    def make_checks(self, study_id: int) -> int:
        """Makes the attention checks of a draft anew, the same ones for the same seed and outputs; returns their number.

        Raises UnknownStudy, StudyFrozen, StudyNotReady.
        """
        return self._write(lambda session: attention.make_checks(session, study_id, self._clock()))

    def open_study(self, study_id: int) -> Study:
        """Opens a draft for raters with an invitation and freezes it. Raises UnknownStudy, StudyFrozen, StudyNotReady."""
        return self._write(lambda session: design.open_study(session, study_id, self._clock()))

    def set_study_state(self, study_id: int, state: StudyState) -> Study:
        """Closes, opens again or withdraws a study. Raises UnknownStudy, InvalidRecord, StudyClosed, StudyFrozen.

        "open" here does not freeze: a collection like Explore's stays open to new outputs and to raters without
        invitation. Studies for publication open with `open_study`.
        """
        return self._write(lambda session: design.set_state(session, study_id, state, self._clock()))

    def new_invitation(
        self, study_id: int, language: str, max_uses: int | None = None, expires_at: datetime | None = None
    ) -> tuple[Invitation, str]:
        """An invitation and its token, shown only this once. Raises UnknownStudy, StudyClosed, InvalidRecord."""
        return self._write(
            lambda session: invitations.new_invitation(session, study_id, language, max_uses, expires_at, self._clock())
        )

    def invitations(self, study_id: int) -> list[Invitation]:
        """All invitations, oldest first. Raises UnknownStudy."""
        return self._read(lambda session: invitations.invitations(session, study_id))

    def revoke_invitation(self, study_id: int, invitation_id: int) -> Invitation:
        """Nobody new comes by it; raters who came go on. Raises UnknownStudy, InvalidInvitation."""
        return self._write(
            lambda session: invitations.revoke_invitation(session, study_id, invitation_id, self._clock())
        )

    def languages(self, study_id: int) -> list[str]:
        """Languages that raters can be asked for. Raises UnknownStudy."""
        return self._read(lambda session: invitations.languages(session, study_id))

    def language_progress(self, study_id: int) -> list[LanguageProgress]:
        """How far each language is. Raises UnknownStudy."""
        return self._read(lambda session: organising.language_progress(session, study_id, self._clock()))

    def raters(self, study_id: int) -> list[RaterRecord]:
        """All raters with their checks, removed ones too. Raises UnknownStudy."""
        return self._read(lambda session: organising.rater_records(session, study_id))

    def check_results(self, study_id: int) -> list[CheckResult]:
        """Every answered attention check, judged now. Raises UnknownStudy."""
        return self._read(lambda session: attention.check_results(session, study_id))

    def remove_rater(self, study_id: int, pseudonym: str) -> Tombstone:
        """Deletes all that one rater gave; counts and time stay. Raises UnknownStudy, UnknownRater."""
        return self._write(lambda session: organising.remove_rater(session, study_id, pseudonym, self._clock()))

    def tombstones(self, study_id: int) -> list[Tombstone]:
        """What was removed, oldest first. Raises UnknownStudy."""
        return self._read(lambda session: organising.tombstones(session, study_id))
