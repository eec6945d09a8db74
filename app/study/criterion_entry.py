"""A criterion of the organiser's own, by form: a press writes it into the JSON field that the design is saved from.

Its texts are those of one language at a time; an entry of another language is added to what is there.
"""

import re
from typing import Any

import gradio as gr

from annotation.criteria import text_for
from annotation.errors import AnnotationError, InvalidRecord
from annotation.records import Criterion
from annotation.scales import Scale, labels_of
from annotation.validation import check_criterion
from annotation.vocabulary import CRITERION_KEYS
from app.events import Updates
from app.html import message
from app.study.own_criteria import SCALES, as_text, labels_on, own_criteria
from app.study.updates import StudyTab
from app.texts import catalogue

ENTRY = ("name", "language", "question", "scale", "labels", "none")  # fields, each called criterion_NAME
_LABEL = re.compile(r"\s*(\d{1,3})\s*[:=.)]\s*(.*\S)")


def put(tab: StudyTab, session: str, own: str, tag: str, chosen: str | None, *fields: Any) -> Updates:
    """Adds the criterion of the form, or gives the chosen one these texts and this scale."""
    entry = dict(zip(ENTRY, fields, strict=True))

    def changed(criteria: list[Criterion]) -> list[Criterion]:
        old = next((one for one in criteria if one.key == chosen), None)
        new = entered(entry, old, {one.key for one in criteria})
        check_criterion(new)
        return [new if one is old else one for one in criteria] if old else [*criteria, new]

    return _changed(tab, session, own, tag, changed, "study.criterion_put_done")


def take(tab: StudyTab, session: str, own: str, tag: str, chosen: str | None) -> Updates:
    """Removes the chosen criterion."""
    return _changed(
        tab,
        session,
        own,
        tag,
        lambda criteria: [one for one in criteria if one.key != chosen],
        "study.criterion_take_done",
    )


def _changed(tab: StudyTab, session: str, own: str, tag: str, change: Any, sentence: str) -> Updates:
    note, texts = tab.form["criterion_note"], catalogue(tag)
    try:
        tab.authority.require(session)
        criteria = change(list(own_criteria(own or "")))
    except AnnotationError as error:
        return {note: message(str(error), "error")}
    return {tab.form["own"]: as_text(criteria), note: message(texts(sentence))}


def choices(tab: StudyTab, session: str, own: str) -> Updates:
    """The criteria that stand in the JSON field, to be chosen; none while it cannot be read."""
    try:
        tab.authority.require(session)
        keys = [(text_for(one.label, "en"), one.key) for one in own_criteria(own or "")]
    except AnnotationError:
        keys = []
    return {tab.form["criterion_which"]: gr.update(choices=keys, value=None)}


def look(tab: StudyTab, session: str, own: str, chosen: str | None, language: str) -> Updates:
    """Fills the form with the chosen criterion in a language; texts that it lacks there are empty."""
    try:
        tab.authority.require(session)
        one = next((one for one in own_criteria(own or "") if one.key == chosen), None)
    except AnnotationError:
        one = None
    if one is None:
        return {}
    labels = labels_of(one.scale, one.anchors.get(language, ())) if language in one.anchors else []
    values = {
        "name": one.label.get(language, ""),
        "question": one.question.get(language, ""),
        "scale": f"{one.scale.low}–{one.scale.high}",
        "labels": "\n".join(f"{point}: {text}" for point, text in labels),
        "none": one.scale.not_applicable,
    }
    return {tab.form[f"criterion_{name}"]: value for name, value in values.items()}


def entered(entry: dict[str, Any], old: Criterion | None, keys: set[str]) -> Criterion:
    """The criterion that the fields describe, added to `old` where there is one. Raises InvalidRecord."""
    language, name = entry["language"] or "en", (entry["name"] or "").strip()
    low, high = (int(end) for end in str(entry["scale"] or SCALES[0]).split("–"))
    scale = Scale(low, high, bool(entry["none"]))
    try:
        labels = labels_on(scale, labels_written(entry["labels"] or ""))
    except ValueError as error:
        raise InvalidRecord(f"{error}; write a line for each label, for example '{low}: worst'.") from None
    question = (entry["question"] or "").strip()
    return Criterion(
        key=old.key if old else _key(name, keys),
        question={**(old.question if old else {}), language: question},
        anchors={**(old.anchors if old else {}), language: labels},
        label={**(old.label if old else {}), language: name},
        scale=scale,
    )


def labels_written(text: str) -> dict[int, str] | list[str]:
    """Lines such as "1: rude", or one line for each point."""
    lines = [line for line in text.splitlines() if line.strip()]
    matched = [_LABEL.match(line) for line in lines]
    if lines and all(matched):
        return {int(one[1]): one[2] for one in matched if one}
    return [line.strip() for line in lines]


def _key(name: str, keys: set[str]) -> str:
    """What a criterion is called in tables: its name in plain letters, and not what another one is called."""
    plain = "_".join(re.findall("[a-z0-9]+", name.lower()))[:24]
    base = plain if plain[:1].isalpha() else "criterion"
    taken = {*keys, *CRITERION_KEYS}
    return next(key for key in (base, *(f"{base}_{number}" for number in range(2, 100))) if key not in taken)
