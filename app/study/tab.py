"""Wiring of the organiser's page. Every handler hands the browser's session to the desk, which checks it each time.

Until then the page holds nothing: no study, no system, no link is in a component's default. Its handlers are public to
callers as all of Gradio's are; without a session they answer with one sentence.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from annotation.errors import AnnotationError, InvalidRecord
from app.access.organiser import Authority
from app.html import message
from app.services import Services
from app.study import html as views
from app.study.form import StudyForm, build_study_form
from app.study.power import planned_power
from app.study.service import Design, OrganiserService, Source
from app.study.sources import Taken
from app.study.updates import CHOICES, DESIGN, PANELS, WORDS, StudyPage
from app.texts import Localised, Texts, catalogue

OPTIONS: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_id": "organiser"}


def organiser_desk(services: Services) -> OrganiserService:
    """The desk over the app's store and its backups."""
    return OrganiserService(services.store, services.authority, services.folder, services.study.slug, services.backups)


def build_study(
    desk: OrganiserService,
    authority: Authority,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    tab: gr.Tab,
    session: gr.BrowserState,
    visitor: Callable[[gr.Request], str],
) -> None:
    """Build the tab. The session lives in the organiser's browser and is sent with every call. ``visitor``: who asks, as a hash."""
    localised.bind(gr.Markdown(texts("study.lead")), value="study.lead")
    note = gr.HTML(elem_id="study-note")
    form, door, house = build_study_form(localised, texts)
    shown = [note, *(form.panels[name] for name in PANELS), *form.several(*CHOICES, *DESIGN, *WORDS)]
    page = StudyPage(desk)
    which = form["which"]

    def enter(secret: str, tag_now: str, request: gr.Request) -> list[Any]:
        return entered(lambda: authority.unlock(secret, visitor(request)), tag_now)

    def entered(unlock: Callable[[], str], tag_now: str) -> list[Any]:
        try:
            token = unlock()
        except AnnotationError as error:
            return [gr.skip(), gr.skip(), gr.skip(), "", *page.only(message(str(error), "error"))]
        opened = page.show(token, None, tag_now, "")
        return [token, gr.update(visible=False), gr.update(visible=True), "", *opened]

    def resume(token: str, slug: str, tag_now: str) -> list[Any]:
        """Opens the page again after a reload or in another language; without a session nothing changes."""
        try:
            authority.require(token)
        except AnnotationError:
            return [gr.skip()] * len(gate)
        return [token, gr.update(visible=False), gr.update(visible=True), "", *page.show(token, slug, tag_now, "")]

    def leave(token: str) -> list[Any]:
        authority.leave(token)
        return ["", gr.update(visible=True), gr.update(visible=False), "", *page.blank()]

    gate = [session, door, house, form["secret"], *shown]
    form["unlock"].click(enter, [form["secret"], tag], gate, **OPTIONS)
    form["secret"].submit(enter, [form["secret"], tag], gate, **OPTIONS)
    for again in (tab.select, tag.change):
        again(resume, [session, which, tag], gate, **OPTIONS)
    form["leave"].click(leave, [session], gate, **OPTIONS)
    if authority.names:  # on a Space alone, see `open_authority`
        _login(
            localised,
            texts,
            door,
            tag,
            gate,
            lambda profile, now: entered(lambda: authority.unlock_profile(profile), now),
        )
    for event in (which.input, form["refresh"].click):
        event(lambda token, slug, now: page.show(token, slug, now, ""), [session, which, tag], shown, **OPTIONS)
    _wire_drafts(page, form, session, tag, shown)
    _wire_running(page, form, session, tag, shown)


def _login(
    localised: Localised, texts: Texts, door: Any, tag: gr.State, gate: list[Any], entered: Callable[..., list[Any]]
) -> None:
    """Login with Hugging Face, on a Space only: elsewhere Gradio's button takes the host's own account for everybody."""
    with door, gr.Row():
        gr.LoginButton()
        use = localised.bind(gr.Button(texts("study.login"), elem_id="study-login"), value="study.login")

    def login(tag_now: str, profile: gr.OAuthProfile | None) -> list[Any]:
        return entered(profile, tag_now)

    use.click(login, [tag], gate, **OPTIONS)


def _path(file: Any) -> Path | None:
    return Path(str(file)) if file else None


def _whole(value: Any) -> Any:
    """A number field as the desk wants it: an empty one or 0 is None, 3.0 is 3; anything else is refused there."""
    if not value:
        return None
    return int(value) if isinstance(value, int | float) and value == int(value) else value


def _wire_drafts(page: StudyPage, form: StudyForm, session: Any, tag: gr.State, shown: list[Any]) -> None:
    """Steps 1 to 3."""
    which = form["which"]
    sources = form.several("source", "file", "queries", "most")

    def source(kind: str, file: Any, queries: Any, most: Any) -> Source:
        return Source(kind, _path(file), _path(queries), _whole(most))

    def create(token: str, tag_now: str, name: str, *given: Any) -> list[Any]:
        made: list[str] = []

        def work() -> str:
            study, taken = page.desk.create(token, name or "", "", source(*given))
            made.append(study.slug)
            return _taken(taken, catalogue(tag_now))

        return page.act(tag_now, token, None, work, lambda: made[0])

    def add(token: str, slug: str, tag_now: str, *given: Any) -> list[Any]:
        return page.act(
            tag_now, token, slug, lambda: _taken(page.desk.add(token, slug, source(*given)), catalogue(tag_now))
        )

    def delete(token: str, slug: str, tag_now: str) -> list[Any]:
        return page.act(tag_now, token, None, lambda: page.desk.delete(token, slug))

    def save(token: str, slug: str, tag_now: str, *given: Any) -> list[Any]:
        def work() -> str:
            page.desk.design(token, slug, _design(given))
            stock = page.desk.board(token, slug).stock
            count = sum(stock.degraded.values()) + sum(stock.repeats.values())
            return catalogue(tag_now)("study.saved", count=count)

        return page.act(tag_now, token, slug, work)

    def words(token: str, slug: str, chosen: str) -> Any:
        try:
            return page.desk.board(token, slug).study.instructions.get(chosen, "")
        except AnnotationError:
            return gr.skip()

    def estimate(token: str, slug: str, tag_now: str) -> str:
        try:
            board = page.desk.board(token, slug)
        except AnnotationError as error:
            return message(str(error), "error")
        return views.power_panel(board, planned_power(board.study, board.stock), catalogue(tag_now))

    form["create"].click(create, [session, tag, form["new_name"], *sources], shown, **OPTIONS)
    form["add"].click(add, [session, which, tag, *sources], shown, **OPTIONS)
    form["delete"].click(delete, [session, which, tag], shown, **OPTIONS)
    form["save"].click(save, [session, which, tag, *form.several(*DESIGN, *WORDS)], shown, **OPTIONS)
    form["instructions_language"].input(
        words, [session, which, form["instructions_language"]], form["instructions"], **OPTIONS
    )
    form["estimate"].click(estimate, [session, which, tag], form.panels["power"], **OPTIONS)
    for other in (which.input, tag.change):  # an estimate is of one study, in one language
        other(lambda: "", outputs=form.panels["power"], **OPTIONS)


def _taken(taken: Taken, texts: Texts) -> str:
    parts = [texts("study.made", count=len(taken.outputs))]
    parts += [texts("study.uneven", count=taken.uneven)] if taken.uneven else []
    parts += [texts("study.over", count=taken.over)] if taken.over else []
    return " ".join(parts)


def _design(given: tuple[Any, ...]) -> Design:
    name, task, raters, cap, planned, difference, every, after, share, criteria, own, tag, told = given
    return Design(
        name=name or "",
        task=task or "",
        raters_per_item=_whole(raters),
        items_per_rater=_whole(cap),
        planned_items=_whole(planned),
        target_difference=difference or None,
        check_every=_whole(every),
        repeat_after=_whole(after),
        failed_share=share,
        criteria=tuple(criteria or ()),
        own_criteria=own or "",
        language=tag or "en",
        instructions=told or "",
    )


def _wire_running(page: StudyPage, form: StudyForm, session: Any, tag: gr.State, shown: list[Any]) -> None:
    """Steps 4 to 6."""
    which, desk = form["which"], page.desk

    def invite(token: str, slug: str, tag_now: str, code: str, uses: Any, days: Any, request: gr.Request) -> list[Any]:
        made: list[str] = []

        def work() -> None:
            made.append(desk.invite(token, slug, code or "", _whole(uses), days)[1])

        updates = page.act(tag_now, token, slug, work)
        link = gr.update(value=f"{_root(request)}/{made[0]}", visible=True) if made else gr.skip()
        return [link, *updates]

    def revoke(token: str, slug: str, tag_now: str, number: Any) -> list[Any]:
        return page.act(tag_now, token, slug, lambda: desk.revoke(token, slug, _whole(number)))

    def open_it(token: str, slug: str, tag_now: str, typed: str) -> list[Any]:
        def work() -> None:
            name = desk.board(token, slug).study.name
            if (typed or "").strip() != name:
                raise InvalidRecord(catalogue(tag_now)("study.open_hint"))
            desk.open(token, slug)

        return page.act(tag_now, token, slug, work)

    def remove(token: str, slug: str, tag_now: str, rater: str, typed: str) -> list[Any]:
        def work() -> str:
            return views.removal(*desk.remove(token, slug, rater or "", typed or ""), catalogue(tag_now))

        return page.act(tag_now, token, slug, work)

    def export(token: str, slug: str) -> list[Any]:
        try:
            return [gr.update(value=str(desk.export(token, slug)), interactive=True), *page.only("")]
        except AnnotationError as error:
            return [gr.skip(), *page.only(message(str(error), "error"))]

    def state(wanted: Any) -> Callable[..., list[Any]]:
        return lambda token, slug, now: page.act(now, token, slug, lambda: desk.set_state(token, slug, wanted))

    base = [session, which, tag]
    form["invite"].click(invite, [*base, *form.several("language", "uses", "days")], [form["link"], *shown], **OPTIONS)
    form["revoke_do"].click(revoke, [*base, form["revoke"]], shown, **OPTIONS)
    form["open"].click(open_it, [*base, form["open_hint"]], shown, **OPTIONS)
    form["remove"].click(remove, [*base, *form.several("rater", "confirm")], shown, **OPTIONS)
    form["export"].click(export, [session, which], [form["download"], *shown], **OPTIONS)
    for name, wanted in (("close", "closed"), ("reopen", "open"), ("withdraw", "withdrawn")):
        form[name].click(state(wanted), base, shown, **OPTIONS)


def _root(request: gr.Request) -> str:
    """The address of the app as the organiser's browser knows it, without what follows."""
    headers = request.headers
    origin = headers.get("origin") or f"{headers.get('x-forwarded-proto', 'http')}://{headers.get('host', 'localhost')}"
    return str(origin).rstrip("/")
