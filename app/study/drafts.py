"""Handlers of steps 1 to 3: outputs, design, attention checks and power."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotation.errors import AnnotationError
from annotation.report.power import planned_powers
from annotation.stopping import Stopping
from app.events import Updates
from app.html import message
from app.refusals import in_words
from app.study.before_items import consent_of, crowd_of, questions_of
from app.study.board import Design, Source
from app.study.comparing import questions_of as compared_on
from app.study.exercises import qualification_of, table_of
from app.study.numbers import quotas_of, share, whole
from app.study.power_html import power_panel
from app.study.sources import Taken
from app.study.updates import DESIGN, StudyTab, act
from app.texts import Texts, catalogue


def create(tab: StudyTab, session: str, _: str, tag: str, name: str, *source: Any) -> Updates:
    """A draft of the chosen outputs, which is then shown."""
    return _create(tab, session, tag, name, source, accept=False)


def _create(
    tab: StudyTab, session: str, tag: str, name: str, source: tuple[Any, ...], *, accept: bool, slug: str | None = None
) -> Updates:
    slugs: list[str] = []

    def work() -> str:
        study, taken = tab.service.create(session, name or "", "", _source(catalogue(tag), *source, accept=accept))
        slugs.append(study.slug)
        return _taken(taken, catalogue(tag))

    updates = act(tab, "outputs", (session, slug, tag), work, then=lambda: slugs[0], fields=True)
    return {**updates, tab.pending: "create"}


def clone(tab: StudyTab, session: str, slug: str, tag: str, name: str, with_outputs: bool) -> Updates:
    """A new draft with the design of the study on show, with its outputs or without, and nothing of its raters."""
    slugs: list[str] = []

    def work() -> str:
        study = tab.service.clone(session, slug, name or "", with_outputs=bool(with_outputs))
        slugs.append(study.slug)
        return catalogue(tag)("study.cloned", name=study.name)

    return act(tab, "outputs", (session, slug, tag), work, then=lambda: slugs[0], fields=True)


def add(tab: StudyTab, session: str, slug: str, tag: str, *source: Any) -> Updates:
    """More outputs for a draft."""
    return _add(tab, session, slug, tag, source, accept=False)


def _add(tab: StudyTab, session: str, slug: str, tag: str, source: tuple[Any, ...], *, accept: bool) -> Updates:
    texts = catalogue(tag)

    def work() -> str:
        return _taken(tab.service.add(session, slug, _source(texts, *source, accept=accept)), texts)

    return {**act(tab, "outputs", (session, slug, tag), work), tab.pending: "add"}


def accept(tab: StudyTab, session: str, slug: str, tag: str, pending: str, name: str, *source: Any) -> Updates:
    """Takes the table after all that the page asked about."""
    if pending == "add":
        return _add(tab, session, slug, tag, source, accept=True)
    return _create(tab, session, tag, name, source, accept=True, slug=slug)


def delete(tab: StudyTab, session: str, slug: str, tag: str) -> Updates:
    """Deletes a draft; the page asked before."""

    def work() -> str:
        name = tab.service.delete(session, slug)
        return catalogue(tag)("study.deleted", name=name)

    return act(tab, "outputs", (session, None, tag), work, fields=True)


def save(
    tab: StudyTab, session: str, slug: str, tag: str, typed: Mapping[str, str], language: str, *fields: Any
) -> Updates:
    """Saves the design with the instructions of every language that was typed in, and makes the checks anew."""
    texts = catalogue(tag)
    *values, instructions = fields
    settings = dict(zip(DESIGN, values, strict=True))

    def work() -> str:
        tab.service.design(
            session, slug, _design(texts, settings, {**(typed or {}), language or "en": instructions or ""})
        )
        stock = tab.service.board(session, slug).stock
        return texts("study.saved", count=sum(stock.degraded.values()) + sum(stock.repeats.values()))

    return act(tab, "design", (session, slug, tag), work, fields=True)


def turn_language(tab: StudyTab, typed: Mapping[str, str], before: str, after: str, text: str) -> Updates:
    """Shows the instructions of another language; what stands in the field is remembered, saved or not."""
    remembered = {**(typed or {}), before or "en": text or ""}
    return {tab.typed: remembered, tab.language_before: after, tab.form["instructions"]: remembered.get(after, "")}


def estimate(tab: StudyTab, session: str, slug: str, tag: str) -> Updates:
    """The power of the study as it is planned now."""
    try:
        board = tab.service.board(session, slug)
    except AnnotationError as error:
        return {tab.form.panels["power"]: message(in_words(error, catalogue(tag)), "error")}
    stock = board.stock
    powers = planned_powers(board.study, len(stock.systems), stock.items, stock.distinct)
    return {tab.form.panels["power"]: power_panel(board, powers, catalogue(tag))}


def upload_exercises(tab: StudyTab, session: str, file: Any) -> Updates:
    """Puts an uploaded table of exercises into its field; the design keeps it once it is saved."""
    note = tab.form.notes["design"]
    try:
        tab.authority.require(session)
        if not file:
            return {note: ""}
        return {tab.form["exercises"]: table_of(Path(str(file))), note: ""}
    except AnnotationError as error:
        return {note: message(str(error), "error")}


def _source(texts: Texts, kind: str, file: Any, queries: Any, most: Any, *, accept: bool = False) -> Source:
    return Source(kind, _path(file), _path(queries), whole(texts, "most", most, optional=True), accept)


def _path(file: Any) -> Path | None:
    return Path(str(file)) if file else None


def _taken(taken: Taken, texts: Texts) -> str:
    parts = [texts("study.made", count=len(taken.outputs))]
    parts += [texts("study.uneven", count=taken.uneven)] if taken.uneven else []
    parts += [texts("study.over", count=taken.over)] if taken.over else []
    return " ".join(parts)


def _design(texts: Texts, settings: Mapping[str, Any], instructions: Mapping[str, str]) -> Design:
    """The fields as the service wants them. Raises InvalidRecord, which names the field as the page does."""
    return Design(
        name=settings["name"] or "",
        task=settings["task"] or "",
        raters_per_item=whole(texts, "raters", settings["raters"]) or 0,
        items_per_rater=whole(texts, "cap", settings["cap"], optional=True),
        planned_items=whole(texts, "planned", settings["planned"], optional=True),
        target_difference=share(texts, "difference", settings["difference"], 4.0) or None,
        check_every=whole(texts, "every", settings["every"], least=2, optional=True),
        repeat_after=whole(texts, "after", settings["after"]) or 0,
        failed_share=share(texts, "share", settings["share"], 0.99),
        lease_minutes=whole(texts, "lease", settings["lease"]) or 0,
        quotas=quotas_of(texts, settings["quotas"] or ""),
        balance_groups=bool(settings["balance_groups"]),
        stopping=Stopping(int(settings["stop_looks"]), settings["stop_criterion"] or "")
        if settings["stop_looks"]
        else None,
        criteria=tuple(settings["criteria"] or ()),
        own_criteria=settings["own"] or "",
        instructions=instructions,
        consent=consent_of(settings["consent"], settings["consent_version"]),
        background=questions_of(settings["background"]),
        crowd=crowd_of(settings),
        qualification=qualification_of(
            settings["exercises"],
            share(texts, "pass_share", settings["pass_share"], 1.0),
            whole(texts, "tries", settings["tries"]) or 0,
        ),
        materials=tuple(settings["materials"] or ()),
        error_spans=bool(settings["error_spans"]),
        preferences=compared_on(settings["preferences"], settings["own_preferences"]),
    )
