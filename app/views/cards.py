"""The chosen demonstrations as readable cards, best first."""

import math
from html import escape

from app.texts import Texts
from app.views.html import hint, label_of, said
from core.records import Effect, Prediction
from core.tasks import Task


def demonstration_cards(prediction: Prediction, task: Task, texts: Texts) -> str:
    """Cards of one prediction; effects appear once they are measured."""
    chosen = prediction.selection.demonstrations
    heading = hint(texts("explore.chosen"), texts("explore.chosen_hint"), "heading")
    if not chosen:
        return f'<section class="chosen">{heading}<p class="quiet">{escape(texts("explore.none_chosen"))}</p></section>'
    effects = {effect.demonstration.example.id: effect for effect in prediction.effects}
    cards = "".join(
        _card(place, prediction, task, texts, effects.get(entry.example.id)) for place, entry in enumerate(chosen)
    )
    return f'<section class="chosen">{heading}<ol class="cards">{cards}</ol></section>'


def _card(place: int, prediction: Prediction, task: Task, texts: Texts, effect: Effect | None) -> str:
    entry = prediction.selection.demonstrations[place]
    example = entry.example
    origin = escape(texts(f"explore.origin_{example.origin}"))
    label = ""
    if task.is_closed:
        word = task.verbaliser(example.language).words[example.label]
        english = f' title="{escape(example.label)}"'
        label = f'<span class="label"{english}>→ {said(word, example.language)}</span>'
    return (
        f'<li class="card"><header><b class="place">{place + 1}</b>{label_of(example.language)}'
        f'<span class="origin">{origin}</span></header>'
        f"{said(example.text, example.language, 'text', 'p')}"
        f"<footer>{label}{_preference(prediction, place, texts)}{_effect(effect, texts)}</footer></li>"
    )


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
