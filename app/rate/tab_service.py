"""What Rate does, without gradio: raters, their next item, submits."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from annotation.errors import UnknownRater
from annotation.records import AssignmentView, Progress, Rater, Receipt, SkipSubmission, Submission
from app.services import Services

_NAMESPACE = uuid.UUID("5f3a6c0e-1b1e-4c58-9d3e-0a6c2a6e7d11")


@dataclass(frozen=True)
class Visit:
    """One item in front of one rater. ``nonce`` is made anew each time an item is shown."""

    token: str
    view: AssignmentView | None  # None: nothing left
    progress: Progress
    nonce: str
    receipt: Receipt | None = None


class RatingDesk:
    """Serves the study of the app. Every method checks the rater's token by itself."""

    def __init__(self, services: Services) -> None:
        """One desk per app."""
        self.store, self.study, self.folder = services.store, services.study, services.folder
        self.allow = services.allow

    def languages(self) -> list[str]:
        """BCP-47 tags that outputs are in."""
        return sorted({output.language for output in self.store.outputs(self.study.id)})

    def start(self, tag: str) -> Visit:
        """A new rater for one language, and her first item."""
        _, token = self.store.new_rater(self.study.id, tag)
        return self.visit(token)

    def resume(self, token: str) -> Visit | None:
        """A rater who came before; None when her token is not known here."""
        try:
            return self.visit(token)
        except UnknownRater:
            return None

    def visit(self, token: str, receipt: Receipt | None = None) -> Visit:
        """The next unfinished item."""
        rater = self._rater(token)
        view = self.store.next_assignment(rater.id)
        return Visit(token, view, self.store.progress(rater.id), uuid.uuid4().hex, receipt)

    def look_at(self, token: str, position: int) -> Visit:
        """An item the rater has seen, with what she gave."""
        rater = self._rater(token)
        view = self.store.assignment(rater.id, position)
        return Visit(token, view, self.store.progress(rater.id), uuid.uuid4().hex)

    def submit(self, visit: Visit, values: Mapping[tuple[int, str], int | None], comment: str, seconds: float) -> Visit:
        """Save the ratings of the item on show and move on. A retry with the same values saves nothing twice."""
        assert visit.view is not None
        rater = self._rater(visit.token)
        given = {key: value for key, value in values.items() if value is not None}
        content = f"{visit.nonce}/{sorted(given.items())}/{comment}"
        submission = Submission(
            submission_id=str(uuid.uuid5(_NAMESPACE, content)),
            rater_id=rater.id,
            assignment_id=visit.view.assignment_id,
            values=given,
            comment=comment.strip() or None,
            seconds=max(0.0, seconds),
        )
        return self.visit(visit.token, self.store.submit(submission))

    def skip(self, visit: Visit, reason: str, comment: str) -> Visit:
        """Pass on the item on show."""
        assert visit.view is not None
        rater = self._rater(visit.token)
        identity = str(uuid.uuid5(_NAMESPACE, f"{visit.nonce}/skip/{reason}/{comment}"))
        receipt = self.store.skip(
            SkipSubmission(identity, rater.id, visit.view.assignment_id, reason, comment.strip() or None)
        )
        return self.visit(visit.token, receipt)

    def _rater(self, token: str) -> Rater:
        if not token:
            raise UnknownRater("No rater is known here yet; press Start rating.")
        return self.store.rater_by_token(self.study.id, token)


def missing_names(visit: Visit, values: Mapping[tuple[int, str], int | None]) -> list[tuple[str, str]]:
    """(letter, criterion) pairs that have no value yet."""
    assert visit.view is not None
    return [
        (output.letter, criterion.key)
        for output in visit.view.outputs
        for criterion in visit.view.criteria
        if values.get((output.output_id, criterion.key)) is None
    ]
