"""The chosen demonstrations as readable cards, best first.

The answers in every language side by side.
"""

import math
from dataclasses import dataclass
from html import escape

from app.html import bar, hint, label_of, number, said
from app.texts import Texts
from core.data.tasks import Task
from core.records import Answer, Effect, Prediction


def answer_table(prediction: Prediction, texts: Texts, waiting: int = 0) -> str:
    """One row a language; ``waiting`` rows are still to come."""
    columns = ["confidence", "adherence", "coherence"]
    heads = "".join(
        f'<th scope="col">{hint(texts(f"explore.{key}"), texts(f"explore.{key}_hint"))}</th>' for key in columns
    )
    heads += f'<th scope="col">{escape(texts("explore.without"))}</th>'
    heads += f'<th scope="col">{hint(texts("explore.kl"), texts("explore.kl_hint"))}</th>'
    rows = "".join(_row(answer, texts) for answer in prediction.answers)
    rows += '<tr class="waiting"><td colspan="7"></td></tr>' * waiting
    dropped = max((len(answer.prompt.dropped) for answer in prediction.answers), default=0)
    note = f'<p class="quiet">{escape(texts("explore.dropped", count=dropped))}</p>' if dropped else ""
    return (
        f'<section class="answered"><span class="heading">{escape(texts("explore.answered"))}</span>'
        f'<table class="answers"><thead><tr><th scope="col"></th><th scope="col">{escape(texts("explore.answer"))}</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table>{note}</section>"
    )


def _row(answer: Answer, texts: Texts) -> str:
    bare = said(answer.zero_shot_text, answer.language) if answer.zero_shot_text else "–"
    css = ' class="changed"' if answer.zero_shot_text != answer.text else ""
    cells = [
        _measure(texts("explore.confidence"), answer.confidence, bar(answer.confidence or 0.0)),
        _measure(texts("explore.adherence"), answer.adherence, bar(answer.adherence or 0.0, "second")),
        _measure(texts("explore.coherence"), answer.coherence, bar(answer.coherence or 0.0, "second")),
        f'<td data-name="{escape(texts("explore.without"))}"{css}>{bare}</td>',
        f'<td data-name="{escape(texts("explore.kl"))}" class="figure">{number(answer.kl)}</td>',
    ]
    shown = said(answer.text, answer.language, "answer") if answer.text else "–"
    return f'<tr><th scope="row">{label_of(answer.language)}</th><td class="main">{shown}</td>{"".join(cells)}</tr>'


def _measure(name: str, value: float | None, drawn: str) -> str:
    inside = f'<span class="figure">{number(value)}</span>{drawn}' if value is not None else "–"
    return f'<td data-name="{escape(name)}" class="measure">{inside}</td>'


@dataclass(frozen=True)
class Editing:
    """How the cards of a strategy can be changed."""

    pinned: tuple[str, ...]  # ids
    ready: bool  # False while answers are still to come


def demonstration_cards(prediction: Prediction, task: Task, texts: Texts, editing: Editing | None = None) -> str:
    """Cards of one prediction; effects appear once they are measured. With ``editing`` they have buttons."""
    chosen = prediction.selection.demonstrations
    heading = hint(texts("explore.chosen"), texts("explore.chosen_hint"), "heading")
    if not chosen:
        return f'<section class="chosen">{heading}<p class="quiet">{escape(texts("explore.none_chosen"))}</p></section>'
    effects = {effect.demonstration.example.id: effect for effect in prediction.effects}
    cards = "".join(
        _card(place, prediction, task, texts, effects.get(entry.example.id), editing)
        for place, entry in enumerate(chosen)
    )
    note = ""
    held = sum(entry.example.id in editing.pinned for entry in chosen) if editing is not None else 0
    if held:
        note = f'<p class="quiet">{escape(texts("explore.pinned_note", count=held))}</p>'
    return f'<section class="chosen">{heading}<ol class="cards">{cards}</ol>{note}</section>'


def _card(
    place: int, prediction: Prediction, task: Task, texts: Texts, effect: Effect | None, editing: Editing | None
) -> str:
    entry = prediction.selection.demonstrations[place]
    example = entry.example
    origin = escape(texts(f"explore.origin_{example.origin}"))
    label = ""
    if task.is_closed:
        word = task.verbaliser(example.language).words[example.label]
        english = f' title="{escape(example.label)}"'
        label = f'<span class="label"{english}>→ {said(word, example.language)}</span>'
    css = " pinned" if editing is not None and example.id in editing.pinned else ""
    buttons = _buttons(place, len(prediction.selection.demonstrations), example.id, editing, texts) if editing else ""
    return (
        f'<li class="card{css}"><header><b class="place">{place + 1}</b>{label_of(example.language)}'
        f'<span class="origin">{origin}</span></header>'
        f"{said(example.text, example.language, 'text', 'p')}"
        f"<footer>{label}{_preference(prediction, place, texts)}{_effect(effect, texts)}</footer>{buttons}</li>"
    )


def _buttons(place: int, count: int, identity: str, editing: Editing, texts: Texts) -> str:
    """Pin, drop, move; the card's place is in every name, so that a list of buttons can be told apart."""
    pinned = identity in editing.pinned
    listed = (
        ("pin", texts("explore.unpin" if pinned else "explore.pin"), texts("explore.pin_hint"), True),
        ("drop", texts("explore.drop"), texts("explore.drop_hint"), True),
        ("earlier", "↑", texts("explore.earlier"), place > 0),
        ("later", "↓", texts("explore.later"), place + 1 < count),
    )
    inside = "".join(
        f'<button type="button" data-act="{action}" data-id="{escape(identity)}" title="{escape(told)}" '
        f'aria-label="{escape(name if name not in "↑↓" else told)} ({place + 1})"'
        f"{f' aria-pressed={chr(34)}{str(pinned).lower()}{chr(34)}' if action == 'pin' else ''}"
        f"{'' if can and editing.ready else ' disabled'}>{escape(name)}</button>"
        for action, name, told, can in listed
    )
    return f'<div class="acts">{inside}</div>'


def _preference(prediction: Prediction, place: int, texts: Texts) -> str:
    entry = prediction.selection.demonstrations[place]
    if entry.log_prob is not None:
        value = math.exp(entry.log_prob)
        shown = f"{value:.2f}" if value >= 0.005 else "<.01"
        return hint(texts("explore.probability", value=shown), texts("explore.probability_hint"), "figure")
    if entry.score is not None:
        return hint(f"{entry.score:.2f}", texts("explore.score_hint"), "figure")
    return ""


def _effect(effect: Effect | None, texts: Texts) -> str:
    if effect is None:
        return ""
    sign = "▲" if effect.change >= 0.005 else "▼" if effect.change <= -0.005 else "•"
    css = "up" if sign == "▲" else "down" if sign == "▼" else ""
    return hint(f"{sign} {effect.change:+.2f}", texts("explore.effect_hint"), f"figure {css}")
