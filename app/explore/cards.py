"""The chosen demonstrations as readable cards, best first, each with what a person can do to it."""

import math
from dataclasses import dataclass
from html import escape

from app.explore.names import label_as_read
from app.html import hint, label_of, spoken
from app.texts import Texts
from core.data.tasks import Task
from core.languages import language
from core.records import Demonstration, Effect, Prediction

SMALL_EFFECT = 0.005
MOST_OF_A_TEXT = 80  # characters of a candidate in a list


@dataclass(frozen=True)
class Editing:
    """How the cards of a strategy can be changed."""

    pinned: tuple[str, ...]  # ids
    ready: bool  # False while answers are still to come
    replacing: "Replacing | None" = None  # the card that another candidate is being chosen for


@dataclass(frozen=True)
class Replacing:
    """A demonstration, and the candidates that could stand in its place, best first."""

    id: str
    candidates: tuple[Demonstration, ...]


def demonstration_cards(prediction: Prediction, task: Task, texts: Texts, editing: Editing | None = None) -> str:
    """Cards of one prediction; effects appear once they are measured. With ``editing`` they have buttons."""
    chosen = prediction.selection.demonstrations
    heading = hint(texts("explore.chosen"), texts("explore.chosen_hint"), "heading")
    if not chosen:
        return f'<section class="chosen">{heading}<p class="quiet">{escape(texts("explore.none_chosen"))}</p></section>'
    effects = {effect.demonstration.example.id: effect for effect in prediction.effects}
    cards = "".join(
        _card(index, prediction, task, texts, effects.get(entry.example.id), editing)
        for index, entry in enumerate(chosen)
    )
    note = ""
    pinned = sum(entry.example.id in editing.pinned for entry in chosen) if editing is not None else 0
    if pinned:
        note = f'<p class="quiet">{escape(texts("explore.pinned_note", count=pinned))}</p>'
    if editing is not None and editing.ready and len(chosen) > 1:
        note += _joint_buttons(task, texts)
    return f'<section class="chosen">{heading}<ol class="cards">{cards}</ol>{note}</section>'


def _card(
    index: int, prediction: Prediction, task: Task, texts: Texts, effect: Effect | None, editing: Editing | None
) -> str:
    entry = prediction.selection.demonstrations[index]
    example = entry.example
    origin = escape(texts(f"explore.origin_{example.origin}"))
    label = ""
    if task.is_closed:
        answer_language = prediction.answers[0].language if prediction.answers else prediction.query.language
        word, code = label_as_read(example, prediction, task, answer_language)
        label = f'<span class="label" title="{escape(example.label)}"><span class="arrow">→</span> {spoken(word, code)}</span>'
    pinned = " pinned" if editing is not None and example.id in editing.pinned else ""
    buttons = _buttons(index, prediction, task, editing, texts) if editing else ""
    return (
        f'<li class="card{pinned}"><header><b class="number">{index + 1}</b>{label_of(example.language)}'
        f'<span class="origin">{origin}{_unread(prediction, index, texts)}</span></header>'
        f"{spoken(example.text, example.language, 'text', 'p')}"
        f"<footer>{label}{_preference(prediction, index, texts)}{_effect(effect, prediction, task, texts)}</footer>{buttons}</li>"
    )


def _unread(prediction: Prediction, index: int, texts: Texts) -> str:
    """Says so where the prompt had no room for this demonstration, or could not show it in the answer's language."""
    if not prediction.answers:
        return ""
    entry = prediction.selection.demonstrations[index]
    prompt = prediction.answers[0].prompt
    return f" · {escape(texts('explore.not_read'))}" if entry in prompt.dropped else ""


def _buttons(index: int, prediction: Prediction, task: Task, editing: Editing, texts: Texts) -> str:
    """Pin, drop, replace, move, edit; the card's number is in every name, so that a list of buttons can be told apart."""
    example, count = prediction.selection.demonstrations[index].example, len(prediction.selection.demonstrations)
    pinned = example.id in editing.pinned
    listed = (
        ("pin", texts("explore.unpin" if pinned else "explore.pin"), texts("explore.pin_hint"), True),
        ("drop", texts("explore.drop"), texts("explore.drop_hint"), True),
        ("alternatives", texts("explore.replace"), texts("explore.replace_hint"), True),
        ("earlier", "↑", texts("explore.earlier"), index > 0),
        ("later", "↓", texts("explore.later"), index + 1 < count),
    )
    buttons = [
        f'<button type="button" data-act="{action}" data-id="{escape(example.id)}" title="{escape(meaning)}" '
        f'aria-label="{escape(name if name not in "↑↓" else meaning)} ({index + 1})"'
        f"{f' aria-pressed={chr(34)}{str(pinned).lower()}{chr(34)}' if action == 'pin' else ''}"
        f"{'' if can and editing.ready else ' disabled'}>{escape(name)}</button>"
        for action, name, meaning, can in listed
    ]
    inside = f'{"".join(buttons[:3])}<span class="moves">{"".join(buttons[3:])}</span>'
    chooser = _chooser(index, example.id, task, editing.replacing, texts)
    return f'<div class="acts">{inside}</div>{chooser}{_editor(index, prediction, task, editing, texts)}'


def _chooser(index: int, identity: str, task: Task, replacing: Replacing | None, texts: Texts) -> str:
    """The candidates to choose from, under the card they were asked for."""
    if replacing is None or replacing.id != identity:
        return ""
    if not replacing.candidates:
        return f'<p class="quiet">{escape(texts("explore.replace_none"))}</p>'
    options = "".join(_option(entry, task) for entry in replacing.candidates)
    name = escape(texts("explore.replace_choose", number=index + 1))
    ready = escape(texts("explore.edit_apply"))
    return (
        f'<div class="editor replacing"><label><span>{name}</span><select data-part="text" dir="ltr">{options}</select></label>'
        f'<button type="button" data-act="replace" data-id="{escape(identity)}" aria-label="{ready} ({index + 1})">{ready}</button></div>'
    )


def _option(entry: Demonstration, task: Task) -> str:
    example = entry.example
    text = example.text if len(example.text) <= MOST_OF_A_TEXT else f"{example.text[:MOST_OF_A_TEXT]}…"
    label = f"{example.label} · " if task.is_closed else ""  # first: what does not fit is cut at the end
    own = language(example.language)
    return f'<option value="{escape(example.id)}" lang="{own.tag}">{escape(f"{label}{own.autonym}: {text}")}</option>'


def _joint_buttons(task: Task, texts: Texts) -> str:
    """What concerns all demonstrations: their order, their labels."""
    actions = ("reverse", "rotate") if task.is_closed else ("reverse",)
    inside = "".join(
        f'<button type="button" data-act="{action}" data-id="">{escape(texts(f"explore.{action}"))}</button>'
        for action in actions
    )
    return f'<div class="acts joint">{inside}</div>'


def _editor(index: int, prediction: Prediction, task: Task, editing: Editing, texts: Texts) -> str:
    """A folded form for the demonstration's text and label."""
    if not editing.ready:
        return ""
    example = prediction.selection.demonstrations[index].example
    choices = "".join(
        f'<option value="{escape(label)}"{" selected" if label == example.label else ""}>{escape(label)}</option>'
        for label in task.labels
    )
    name = escape(f"{texts('explore.edit')} ({index + 1})")
    select = f'<select data-part="label" aria-label="{name}">{choices}</select>' if choices else ""
    return (
        f'<details class="editor"><summary>{escape(texts("explore.edit"))}</summary>'
        f'<textarea data-part="text" rows="3" maxlength="2000" aria-label="{name}">{escape(example.text)}</textarea>{select}'
        f'<button type="button" data-act="edit" data-id="{escape(example.id)}" '
        f'aria-label="{escape(texts("explore.edit_apply"))} ({index + 1})">{escape(texts("explore.edit_apply"))}</button></details>'
    )


def _preference(prediction: Prediction, index: int, texts: Texts) -> str:
    """Why the strategy took it: beside a probability stands how many times that is what chance would give."""
    entry = prediction.selection.demonstrations[index]
    if entry.log_prob is not None:
        value = math.exp(entry.log_prob)
        figure = f"{value:.2f}" if value >= 0.005 else "<.01"
        candidates = prediction.selection.candidates
        times = f" (×{value * candidates:,.0f})" if candidates and value * candidates >= 2 else ""
        definition = f"{texts('explore.probability_hint')} {texts('explore.candidates', count=f'{candidates:,}')}"
        return hint(texts("explore.probability", value=f"{figure}{times}"), definition, "figure")
    if entry.score is not None:
        return hint(texts("explore.score", value=f"{entry.score:.2f}"), texts("explore.score_hint"), "figure")
    return ""


def _effect(effect: Effect | None, prediction: Prediction, task: Task, texts: Texts) -> str:
    """What the answer would be without this one, in words where that is nothing."""
    if effect is None:
        return ""
    turned = effect.answer is not None and effect.answer != prediction.answers[0].label
    if abs(effect.change) < SMALL_EFFECT and not turned:
        return f'<span class="quiet">{escape(texts("explore.effect_none"))}</span>'
    sign, css = ("▼", "up") if effect.change > 0 else ("▲", "down")
    figure = hint(
        f"{texts('explore.effect')} {sign} {-effect.change:+.2f}", texts("explore.without_hint"), f"figure {css}"
    )
    if not turned:
        return figure
    code = prediction.answers[0].language
    word = task.verbaliser(code).words[effect.answer or ""]
    return f"{figure} {spoken(word, code, 'turned')}"
