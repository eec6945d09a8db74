"""What the handlers of the organiser's page share: its components, and the updates that show a study."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import AnnotationError
from app.access.organiser import Authority
from app.criteria import criterion_label
from app.events import Updates
from app.html import message
from app.refusals import in_words
from app.study import html as views
from app.study import people_html, stopping_html
from app.study.before_items import CROWD, as_fields
from app.study.board import Board, language_name
from app.study.comparing import FIELDS as COMPARING
from app.study.comparing import as_fields as comparing_as_fields
from app.study.exercises import FIELDS as EXERCISES
from app.study.exercises import as_fields as exercises_as_fields
from app.study.form import STEPS, StudyForm
from app.study.own_criteria import own_as_text
from app.study.service import StudyService
from app.study.sources import NotPlain
from app.texts import Texts, catalogue
from core.errors import CoreError

SOURCES = ("source", "file", "queries", "most")
DESIGN = (
    "name",
    "task",
    "raters",
    "cap",
    "planned",
    "difference",
    "every",
    "after",
    "share",
    "lease",
    "quotas",
    "balance_groups",
    "stop_looks",
    "stop_criterion",
    "criteria",
    "own",
    "materials",
    *COMPARING,
    "error_spans",
    "consent",
    "consent_version",
    "background",
    *EXERCISES,
    *CROWD,
)
CHOICES = ("which", "language", "preview_language", "rater")
PANELS = ("summary", *STEPS, "power", "preview")
GROUPS = ("delete_sure", "withdraw_sure", "uneven_sure")  # questions that stand open


@dataclass(frozen=True)
class StudyTab:
    """The service, who may use it, and the components that handlers change."""

    service: StudyService
    authority: Authority
    visitor: Callable[[gr.Request], str]  # who asks, as a hash
    entered: Callable[[gr.Request], None]  # called when an organiser comes in: her browser may send files from then on
    form: StudyForm
    note: gr.HTML  # of entering and leaving; each step has one of its own
    locked: gr.Column
    unlocked: gr.Column
    session: gr.BrowserState
    typed: gr.State  # instructions by language as they stand in the form, saved or not
    language_before: gr.State  # the language of the instructions that stand in the form
    pending: gr.State  # "create" or "add": what an uneven table was given for

    @property
    def everything(self) -> list[Any]:
        """All components that show a study."""
        form = self.form
        others = (
            "criterion_language",
            "instructions_language",
            "instructions",
            "link",
            "links_file",
            "download",
            "save",
            "publish_name",
        )
        parts = form.several(*CHOICES, *DESIGN, *others, *GROUPS)
        return [
            self.note,
            *form.panels.values(),
            *form.notes.values(),
            self.typed,
            self.language_before,
            self.pending,
            *parts,
        ]


def noted(tab: StudyTab, step: str, text: str) -> Updates:
    """A message in its step, where the eye is; those of other steps go."""
    return {tab.note: "", **{note: text if name == step else "" for name, note in tab.form.notes.items()}}


def blank(tab: StudyTab) -> Updates:
    """An empty page: what was on show is nobody's business any more."""
    form = tab.form
    return {
        tab.note: "",
        **dict.fromkeys((*form.panels.values(), *form.notes.values()), ""),
        **{
            part: gr.update(choices=[], value=None) for part in form.several(*CHOICES)
        },  # Gradio takes an update apart: one each
        **dict.fromkeys(
            form.several(
                "name", "task", "instructions", "own", "own_preferences", "consent", "background", "exercises", *CROWD
            ),
            "",
        ),
        **_fresh(tab),
        tab.typed: {},
    }


def _fresh(tab: StudyTab) -> Updates:
    """What belonged to another study or to an earlier moment: its link, its archive, questions that stand open."""
    form = tab.form
    return {
        form["link"]: gr.update(value="", visible=False),
        form["download"]: gr.update(value=None, interactive=False),
        form["links_file"]: gr.update(value=None, visible=False),
        form["publish_name"]: "",  # each publication is confirmed anew
        **{part: gr.update(visible=False) for part in form.several(*GROUPS)},
        form.panels["power"]: "",
        form.panels["preview"]: "",
    }


def act(
    tab: StudyTab,
    step: str,
    base: tuple[Any, Any, str],
    work: Callable[[], object],
    *,
    then: Callable[[], Any] | None = None,
    fields: bool = False,
) -> Updates:
    """Do something, then show the study with what ``work`` returned as a message; a refusal is a sentence and changes
    nothing else on the page but that an earlier link goes.

    ``base``: session, slug and language; ``then``: gives the slug to show, where it is another one; ``fields``: whether
    the design's fields are filled anew, which what was typed and not saved would not outlive.
    """
    session, slug, tag = base
    try:
        tab.authority.require(session)  # before anything is said of what was typed
        done = work()
    except (AnnotationError, CoreError) as error:
        return {**_fresh(tab), **_refusal(tab, step, error, catalogue(tag))}
    updates = show(tab, session, then() if then else slug, tag, fields=fields)
    return {**updates, **noted(tab, step, message(done))} if isinstance(done, str) else updates


def _refusal(tab: StudyTab, step: str, error: Exception, texts: Texts) -> Updates:
    if not isinstance(error, NotPlain):
        return noted(tab, step, message(in_words(error, texts), "error"))
    return {**noted(tab, step, views.table_facts(error.facts, texts)), tab.form["uneven_sure"]: gr.update(visible=True)}


def show(tab: StudyTab, session: Any, slug: Any, tag: str, *, fields: bool = True) -> Updates:
    """Panels, choices and the design's fields of a study, the newest if there is none with this slug.

    Without ``fields`` the design's fields stay as they were typed, if the study is the one that was on show.
    """
    texts = catalogue(tag)
    try:
        studies = tab.service.studies(session)
        slugs = [one.slug for one in studies]
        chosen = slug if slug in slugs else (slugs[0] if slugs else None)
        board = tab.service.board(session, chosen) if chosen else None
    except AnnotationError as error:
        return {tab.note: message(in_words(error, texts), "error")}
    if board is None:
        return {**blank(tab), tab.note: message(texts("study.none"))}
    names = [one.name for one in studies]
    labels = []
    for one in studies:  # two of one name, made before that was refused, are told apart by when they were made
        moment = f", {one.created_at:%Y-%m-%d %H:%M}" if names.count(one.name) > 1 else ""
        labels.append(f"{one.name} ({texts(f'study.state_{one.state}')}{moment})")
    return {
        **noted(tab, "", ""),
        **_panels(tab, board, texts),
        **_choices(tab, board),
        **(_fields(tab, board, texts) if fields or chosen != slug else {}),
        **_fresh(tab),
        tab.form["which"]: gr.update(choices=list(zip(labels, slugs, strict=True)), value=chosen),
    }


def _panels(tab: StudyTab, board: Board, texts: Texts) -> Updates:
    panels = tab.form.panels
    return {
        panels["summary"]: views.summary(board, texts),
        panels["outputs"]: views.outputs_panel(board, texts),
        panels["design"]: views.design_panel(board, texts) + stopping_html.plan(board, texts),
        panels["checks"]: views.checks_panel(board, texts),
        panels["invite"]: people_html.invitations_panel(board, texts),
        panels["progress"]: stopping_html.state(board, texts) + people_html.progress_panel(board, texts),
        panels["end"]: views.results_panel(board.study, texts) + views.backup_panel(board.backup, texts),
    }


def _choices(tab: StudyTab, board: Board) -> Updates:
    languages = [(language_name(tag), tag) for tag in board.languages]
    raters = [one.rater for one in board.data.raters if one.removed_at is None]
    first = board.languages[0] if board.languages else None
    return {
        **{tab.form[name]: gr.update(choices=languages, value=first) for name in ("language", "preview_language")},
        tab.form["rater"]: gr.update(choices=raters, value=None),
    }


def _fields(tab: StudyTab, board: Board, texts: Texts) -> Updates:
    """The design; it can be changed in a draft alone."""
    study, form = board.study, tab.form
    default = {one.key for one in DEFAULT_CRITERIA}
    values = {
        "name": study.name,
        "task": study.task,
        "raters": study.raters_per_item,
        "cap": study.items_per_rater or 0,
        "planned": study.planned_items or 0,
        "difference": study.target_difference or 0.3,
        "every": study.check_every or 0,
        "after": study.repeat_after,
        "share": study.failed_share,
        "lease": study.lease_minutes,
        "quotas": ", ".join(f"{tag}: {count}" for tag, count in study.quotas.items()),
        "balance_groups": study.balance_groups,
        "stop_looks": study.stopping.looks if study.stopping else 0,
        "criteria": [one.key for one in study.criteria if one.key in default],
        "own": own_as_text(study),
        "materials": list(study.materials),
        **as_fields(study),
        **comparing_as_fields(study),
        "error_spans": study.error_spans,
        **exercises_as_fields(study),
        "instructions": study.instructions.get("en", ""),
    }
    editable = study.frozen_at is None
    tags = sorted({"en", *board.languages, *study.instructions})
    return {
        **{form[name]: gr.update(value=value, interactive=editable) for name, value in values.items()},
        **{
            form[name]: gr.update(choices=[(language_name(tag), tag) for tag in tags], value="en")
            for name in ("instructions_language", "criterion_language")
        },
        form["stop_criterion"]: gr.update(
            choices=[(criterion_label(one, texts), one.key) for one in study.criteria],
            value=study.stopping.criterion if study.stopping else next((one.key for one in study.criteria), None),
            interactive=editable,
        ),
        form["save"]: gr.update(interactive=editable),
        tab.typed: dict(study.instructions),
        tab.language_before: "en",
    }
