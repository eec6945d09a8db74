"""Handlers of steps 4 to 6: preview, opening, invitations, progress, export and the end."""

from typing import Any

import gradio as gr

from annotation.errors import AnnotationError, InvalidRecord
from annotation.queries.invitations import MAX_USES
from annotation.vocabulary import StudyState
from app.events import Updates
from app.html import message
from app.refusals import in_words
from app.study import html as views
from app.study import people_html
from app.study.links import LONGEST_DAYS
from app.study.numbers import share, whole
from app.study.updates import StudyTab, act, noted
from app.texts import catalogue


def preview(tab: StudyTab, session: str, slug: str, tag: str, language: str) -> Updates:
    """A link to the whole study as a rater of this language sees it; nothing that is done there is stored."""
    try:
        path = tab.service.preview(session, slug, language)
    except AnnotationError as error:
        return noted(tab, "invite", message(in_words(error, catalogue(tag)), "error"))
    return {**noted(tab, "invite", ""), tab.form.panels["preview"]: views.preview_link(path, catalogue(tag))}


def open_study(tab: StudyTab, session: str, slug: str, tag: str, typed: str) -> Updates:
    """Opens and freezes the study whose name was typed."""

    def work() -> None:
        if (typed or "").strip() != tab.service.board(session, slug).study.name:
            raise InvalidRecord(catalogue(tag)("study.open_hint"))
        tab.service.open(session, slug)

    return act(tab, "invite", (session, slug, tag), work, fields=True)


def invite(
    tab: StudyTab, session: str, slug: str, tag: str, language: str, uses: Any, days: Any, request: gr.Request
) -> Updates:
    """A new invitation; its link is shown this once."""
    texts, paths = catalogue(tag), []

    def work() -> None:
        most = whole(texts, "uses", uses) or MAX_USES
        paths.append(
            tab.service.invite(session, slug, language or "", most, share(texts, "days", days or 0, LONGEST_DAYS))[1]
        )

    updates = act(tab, "invite", (session, slug, tag), work)
    if paths:
        updates[tab.form["link"]] = gr.update(value=f"{root_of(request)}/{paths[0]}", visible=True)
    return updates


def invite_many(
    tab: StudyTab, session: str, slug: str, tag: str, language: str, count: Any, days: Any, request: gr.Request
) -> Updates:
    """Links for one rater each, as a file; they are shown this once."""
    texts, files = catalogue(tag), []

    def work() -> str:
        many = whole(texts, "links", count) or 1
        valid = share(texts, "days", days or 0, LONGEST_DAYS)
        files.append(tab.service.invite_many(session, slug, language or "", many, valid, root_of(request)))
        return texts("study.links_made", count=many)

    updates = act(tab, "invite", (session, slug, tag), work)
    if files:
        updates[tab.form["links_file"]] = gr.update(value=str(files[0]), visible=True)
    return updates


def revoke(tab: StudyTab, session: str, slug: str, tag: str, number: Any) -> Updates:
    """Takes an invitation back."""
    texts = catalogue(tag)
    return act(
        tab, "invite", (session, slug, tag), lambda: tab.service.revoke(session, slug, whole(texts, "revoke", number))
    )


def remove(tab: StudyTab, session: str, slug: str, tag: str, rater: str, typed: str) -> Updates:
    """Removes one rater's data, if her name was typed."""

    def work() -> str:
        return people_html.removal(*tab.service.remove(session, slug, rater or "", typed or ""), catalogue(tag))

    return act(tab, "progress", (session, slug, tag), work)


def exclude(tab: StudyTab, session: str, slug: str, tag: str, rater: str, reason: str) -> Updates:
    """Leaves a rater out of Results, with the reason; nothing of hers is deleted."""

    def work() -> str:
        tab.service.exclude(session, slug, rater or "", reason or "")
        return catalogue(tag)("study.excluded", rater=rater)

    return act(tab, "progress", (session, slug, tag), work)


def include(tab: StudyTab, session: str, slug: str, tag: str, rater: str) -> Updates:
    """Takes a rater back into Results."""

    def work() -> str:
        tab.service.include(session, slug, rater or "")
        return catalogue(tag)("study.included", rater=rater)

    return act(tab, "progress", (session, slug, tag), work)


def export(tab: StudyTab, session: str, slug: str, tag: str) -> Updates:
    """The archive of the study, ready to be downloaded."""
    try:
        path = str(tab.service.export(session, slug))
    except AnnotationError as error:
        return noted(tab, "end", message(in_words(error, catalogue(tag)), "error"))
    return {**noted(tab, "end", ""), tab.form["download"]: gr.update(value=path, interactive=True)}


def close(tab: StudyTab, session: str, slug: str, tag: str) -> Updates:
    """Closes the study; it can be opened again."""
    return _set_state(tab, session, slug, tag, "closed")


def reopen(tab: StudyTab, session: str, slug: str, tag: str) -> Updates:
    """Opens a closed study again."""
    return _set_state(tab, session, slug, tag, "open")


def publish(tab: StudyTab, session: str, slug: str, tag: str, typed: str) -> Updates:
    """Opens the results of a closed study to everybody, if its name was typed."""

    def work() -> str:
        study = tab.service.publish(session, slug, typed)
        return catalogue(tag)("study.published_done", name=study.name)

    return act(tab, "end", (session, slug, tag), work)


def unpublish(tab: StudyTab, session: str, slug: str, tag: str) -> Updates:
    """Takes published results back."""

    def work() -> str:
        tab.service.unpublish(session, slug)
        return catalogue(tag)("study.unpublished_done")

    return act(tab, "end", (session, slug, tag), work)


def withdraw(tab: StudyTab, session: str, slug: str, tag: str) -> Updates:
    """Withdraws the study for good; the page asked before."""
    return _set_state(tab, session, slug, tag, "withdrawn")


def _set_state(tab: StudyTab, session: str, slug: str, tag: str, state: StudyState) -> Updates:
    return act(tab, "end", (session, slug, tag), lambda: tab.service.set_state(session, slug, state))


def root_of(request: gr.Request) -> str:
    """The address of the app as the organiser's browser knows it, with the path below which a proxy shows it."""
    headers = request.headers
    origin = headers.get("origin") or f"{headers.get('x-forwarded-proto', 'http')}://{headers.get('host', 'localhost')}"
    below = str(getattr(getattr(request, "request", None), "scope", {}).get("root_path") or "")
    return f"{str(origin).rstrip('/')}{'' if '://' in below else below.rstrip('/')}"
