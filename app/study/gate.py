"""Handlers of the organiser's page: coming in, leaving, and showing a study."""

from typing import Any

import gradio as gr

from annotation.errors import AnnotationError
from app.events import Updates
from app.html import message
from app.refusals import in_words
from app.study.updates import StudyTab, blank, show
from app.texts import catalogue

VISIBLE = {True: lambda: gr.update(visible=True), False: lambda: gr.update(visible=False)}


def enter(tab: StudyTab, secret: str, tag: str, request: gr.Request) -> Updates:
    """Opens the page for the organiser's secret. The secret leaves the browser's field whatever came of it."""
    try:
        session = tab.authority.unlock(secret, tab.visitor(request))
    except AnnotationError as error:
        return {tab.form["secret"]: "", tab.note: message(in_words(error, catalogue(tag)), "error")}
    tab.entered(request)
    return _opened(tab, session, None, tag)


def follow(tab: tuple[StudyTab, gr.Tabs], secret: str, tag: str, request: gr.Request) -> Updates:
    """As `enter`, by the organiser's own link, which opens the tab too; without a secret nothing changes."""
    parts, tabs = tab
    if not secret:
        return {parts.form["secret"]: gr.skip()}
    return {tabs: gr.Tabs(selected="study"), **enter(parts, secret, tag, request)}


def login(tab: StudyTab, tag: str, profile: gr.OAuthProfile | None, request: gr.Request) -> Updates:
    """Opens the page for an account of the list; wired on a Space alone."""
    try:
        session = tab.authority.unlock_profile(profile)
    except AnnotationError as error:
        return {tab.note: message(in_words(error, catalogue(tag)), "error")}
    tab.entered(request)
    return _opened(tab, session, None, tag)


def resume(tab: StudyTab, session: str, slug: str, tag: str, request: gr.Request) -> Updates:
    """Opens the page again after a reload or in another language; without a session nothing changes."""
    try:
        tab.authority.require(session)
    except AnnotationError:
        return {tab.form["secret"]: gr.skip()}
    tab.entered(request)
    return _opened(tab, session, slug, tag, fields=False)


def _opened(tab: StudyTab, session: str, slug: Any, tag: str, *, fields: bool = True) -> Updates:
    gates = {tab.session: session, tab.locked: gr.update(visible=False), tab.unlocked: gr.update(visible=True)}
    return {**gates, tab.form["secret"]: "", **show(tab, session, slug, tag, fields=fields)}


def leave(tab: StudyTab, session: str) -> Updates:
    """Ends the session and empties the page."""
    tab.authority.leave(session)
    gates = {tab.session: "", tab.locked: gr.update(visible=True), tab.unlocked: gr.update(visible=False)}
    return {**gates, tab.form["secret"]: "", **blank(tab)}


def show_again(tab: StudyTab, session: str, slug: str, tag: str) -> Updates:
    """Another study, as it is stored."""
    return show(tab, session, slug, tag)


def refresh(tab: StudyTab, session: str, slug: str, tag: str) -> Updates:
    """What came in meanwhile; what was typed and not saved stays."""
    return show(tab, session, slug, tag, fields=False)
