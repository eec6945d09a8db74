"""Wiring of the organiser's page. Every handler hands the browser's session to the service, which checks it each time.

Until then the page holds nothing: no study, no system, no link is in a component's default. Its handlers are public to
callers as all of Gradio's are; without a session they answer with one sentence.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.access.organiser import Authority
from app.events import QUIET, bound
from app.study import criterion_entry, drafts, gate, running
from app.study.form import build_study_form
from app.study.service import StudyService
from app.study.updates import DESIGN, SOURCES, StudyTab
from app.texts import Localised, Texts

EVENTS: dict[str, Any] = {
    **QUIET,
    "concurrency_id": "organiser",
    "concurrency_limit": 1,  # a button pressed twice acts twice, one after the other: the second sees what the first made
}

FRAGMENT = """(_, tag) => {
  const secret = new URLSearchParams(location.hash.slice(1)).get('organiser') ?? '';
  if (secret) history.replaceState(null, '', location.pathname + location.search);
  return [secret, tag];
}"""


def build_study(
    service: StudyService,
    authority: Authority,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    page: gr.Blocks,
    tabs: gr.Tabs,
    tab: gr.Tab,
    session: gr.BrowserState,
    visitor: Callable[[gr.Request], str],
    entered: Callable[[gr.Request], None],
) -> None:
    """Build the tab. The session lives in the organiser's browser and is sent with every call.

    ``visitor`` and ``entered`` as in `StudyTab`.
    """
    localised.bind(gr.Markdown(texts("study.lead")), value="study.lead")
    note = gr.HTML(elem_id="study-note")
    form, locked, unlocked = build_study_form(localised, texts)
    parts = StudyTab(
        service,
        authority,
        visitor,
        entered,
        form,
        note,
        locked,
        unlocked,
        session,
        gr.State({}),
        gr.State("en"),
        gr.State("create"),
    )
    which = form["which"]

    entrance = [session, locked, unlocked, form["secret"], *parts.everything]
    for event in (form["unlock"].click, form["secret"].submit):
        event(bound(gate.enter, parts), [form["secret"], tag], entrance, **EVENTS)
    # A link for the organiser, printed at the start, has the secret in its fragment, which no server or log sees.
    followed = [tabs, *entrance]
    page.load(bound(gate.follow, (parts, tabs)), [form["secret"], tag], followed, js=FRAGMENT, **EVENTS)
    for again in (tab.select, tag.change):
        again(bound(gate.resume, parts), [session, which, tag], entrance, **EVENTS)
    form["leave"].click(bound(gate.leave, parts), session, entrance, **EVENTS)
    if authority.names:  # on a Space alone, see `open_authority`
        with locked, gr.Row():
            gr.LoginButton()  # elsewhere it takes the account of whoever runs the program for everybody's
            use = localised.bind(gr.Button(texts("study.login"), elem_id="study-login"), value="study.login")
        use.click(bound(gate.login, parts), tag, entrance, **EVENTS)
    which.input(bound(gate.show_again, parts), [session, which, tag], parts.everything, **EVENTS)
    form["refresh"].click(bound(gate.refresh, parts), [session, which, tag], parts.everything, **EVENTS)
    _wire_drafts(parts, [session, which, tag])
    _wire_criterion(parts, tag)
    _wire_exercises(parts)
    _wire_running(parts, [session, which, tag])


def _wire_drafts(parts: StudyTab, base: list[Any]) -> None:
    """Steps 1 to 3."""
    form, outputs = parts.form, parts.everything

    def on(event: Any, handler: Callable[..., Any], inputs: list[Any], changed: list[Any] | None = None) -> None:
        event(bound(handler, parts), [*base, *inputs], changed or outputs, **EVENTS)

    on(form["create"].click, drafts.create, form.several("new_name", *SOURCES))
    on(form["clone"].click, drafts.clone, form.several("clone_name", "clone_outputs"))
    on(form["add"].click, drafts.add, form.several(*SOURCES))
    _wire_confirmation(parts, "delete")
    on(form["delete_yes"].click, drafts.delete, [])
    on(form["uneven_yes"].click, drafts.accept, [parts.pending, *form.several("new_name", *SOURCES)])
    form["uneven_no"].click(gate.VISIBLE[False], None, form["uneven_sure"], **EVENTS)
    fields = form.several(*DESIGN, "instructions")
    on(form["save"].click, drafts.save, [parts.typed, parts.language_before, *fields])
    turned = [parts.typed, parts.language_before, form["instructions_language"], form["instructions"]]
    turn = bound(drafts.turn_language, parts)
    form["instructions_language"].input(turn, turned, [*turned[:2], form["instructions"]], **EVENTS)
    on(form["estimate"].click, drafts.estimate, [], [form.panels["power"]])


def _wire_exercises(parts: StudyTab) -> None:
    """An uploaded table of exercises goes into its field."""
    form = parts.form
    changed = [form["exercises"], form.notes["design"]]
    sent = [parts.session, form["exercises_file"]]
    form["exercises_file"].upload(bound(drafts.upload_exercises, parts), sent, changed, **EVENTS)


def _wire_criterion(parts: StudyTab, tag: gr.State) -> None:
    """The form of one criterion writes into the field that the design is saved from; it asks for nothing of a study."""
    form, session = parts.form, parts.session
    which, own, note = form["criterion_which"], form["own"], form["criterion_note"]
    fields = form.several(*(f"criterion_{name}" for name in criterion_entry.ENTRY))
    put, take = bound(criterion_entry.put, parts), bound(criterion_entry.take, parts)
    form["criterion_put"].click(put, [session, own, tag, which, *fields], [own, note], **EVENTS)
    form["criterion_take"].click(take, [session, own, tag, which], [own, note], **EVENTS)
    own.change(bound(criterion_entry.choices, parts), [session, own], which, **EVENTS)
    for event in (which.input, form["criterion_language"].input):
        looked = [session, own, which, form["criterion_language"]]
        event(bound(criterion_entry.look, parts), looked, fields, **EVENTS)


def _wire_running(parts: StudyTab, base: list[Any]) -> None:
    """Steps 4 to 6."""
    form, outputs = parts.form, parts.everything

    def on(event: Any, handler: Callable[..., Any], *names: str) -> None:
        event(bound(handler, parts), [*base, *form.several(*names)], outputs, **EVENTS)

    on(form["preview"].click, running.preview, "preview_language")
    on(form["open"].click, running.open_study, "open_hint")
    on(form["invite"].click, running.invite, "language", "uses", "days")
    on(form["many"].click, running.invite_many, "language", "links", "days")
    on(form["revoke_do"].click, running.revoke, "revoke")
    on(form["exclude"].click, running.exclude, "rater", "reason")
    on(form["include"].click, running.include, "rater")
    on(form["remove"].click, running.remove, "rater", "confirm")
    on(form["export"].click, running.export)
    on(form["close"].click, running.close)
    on(form["reopen"].click, running.reopen)
    on(form["publish"].click, running.publish, "publish_name")
    on(form["unpublish"].click, running.unpublish)
    _wire_confirmation(parts, "withdraw")
    on(form["withdraw_yes"].click, running.withdraw)


def _wire_confirmation(parts: StudyTab, name: str) -> None:
    """The first button shows the question, "no" hides it; neither touches the server's data."""
    question = parts.form[f"{name}_sure"]
    for button, visible in ((name, True), (f"{name}_no", False)):
        parts.form[button].click(gate.VISIBLE[visible], None, question, **EVENTS)
