"""What the handlers of the organiser's page share: which components show a study, and the updates that do so."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import AnnotationError
from app.html import message
from app.study import html as views
from app.study.service import Board, OrganiserService, language_name, own_as_text
from app.texts import Texts, catalogue
from core.errors import CoreError

DESIGN = ("name", "task", "raters", "cap", "planned", "difference", "every", "after", "share", "criteria", "own")
WORDS = ("instructions_language", "instructions")
CHOICES = ("which", "language", "rater")
PANELS = ("summary", "outputs", "checks", "invite", "progress", "end")


class StudyPage:
    """What handlers share: the desk, and the updates that show a study."""

    def __init__(self, desk: OrganiserService) -> None:
        self.desk = desk
        self._rest = len(PANELS) + len(CHOICES) + len(DESIGN) + len(WORDS)

    def only(self, note: str) -> list[Any]:
        """Nothing but the note changes."""
        return [note, *[gr.skip()] * self._rest]

    def blank(self) -> list[Any]:
        """An empty page: what was on show is nobody's business any more."""
        empty = gr.update(choices=[], value=None)
        fields = [None if name in ("raters", "criteria") else "" for name in ("name", "task")]
        kept = len(DESIGN) + len(WORDS) - len(fields)
        return ["", *[""] * len(PANELS), *[empty] * len(CHOICES), *fields, *[gr.skip()] * kept]

    def act(self, tag: str, token: Any, slug: Any, work: Callable[[], object], then: Any = None) -> list[Any]:
        """Do something, then show the study; a refusal is a sentence and changes nothing on the page."""
        try:
            said = work()
        except (AnnotationError, CoreError) as error:
            return self.only(message(str(error), "error"))
        return self.show(token, then() if then else slug, tag, message(said) if isinstance(said, str) else "")

    def show(self, token: Any, slug: Any, tag: str, note: str) -> list[Any]:
        """Updates of note, panels, choices and the design's fields."""
        texts = catalogue(tag)
        try:
            studies = self.desk.studies(token)
            known = [one.slug for one in studies]
            chosen = slug if slug in known else (known[0] if known else None)
            board = self.desk.board(token, chosen) if chosen else None
        except AnnotationError as error:
            return [message(str(error), "error"), *[gr.skip()] * self._rest]
        names = [(f"{one.name} ({texts(f'study.state_{one.state}')})", one.slug) for one in studies]
        which = gr.update(choices=names, value=chosen)
        if board is None:
            updates = self.blank()
            return [
                note or message(texts("study.none")),
                *updates[1 : 1 + len(PANELS)],
                which,
                *updates[2 + len(PANELS) :],
            ]
        return [note, *_panels(board, texts), which, *_choices(board), *_fields(board)]


def _panels(board: Board, texts: Texts) -> list[str]:
    return [
        views.summary(board, texts),
        views.outputs_panel(board, texts),
        views.checks_panel(board, texts),
        views.invitations_panel(board, texts),
        views.progress_panel(board, texts),
        views.backup_panel(board.backup, texts),
    ]


def _choices(board: Board) -> list[Any]:
    languages = [(language_name(tag), tag) for tag in board.languages]
    raters = [one.rater for one in board.data.raters if one.removed_at is None]
    return [
        gr.update(choices=languages, value=board.languages[0] if board.languages else None),
        gr.update(choices=raters, value=None),
    ]


def _fields(board: Board) -> list[Any]:
    study = board.study
    tags = sorted({"en", *board.languages, *study.instructions})
    default = {one.key for one in DEFAULT_CRITERIA}
    return [
        study.name,
        study.task,
        study.raters_per_item,
        study.items_per_rater or 0,
        study.planned_items or 0,
        study.target_difference or 0.3,
        study.check_every or 0,
        study.repeat_after,
        study.failed_share,
        [one.key for one in study.criteria if one.key in default],
        own_as_text(study),
        gr.update(choices=[(language_name(tag), tag) for tag in tags], value="en"),
        study.instructions.get("en", ""),
    ]
