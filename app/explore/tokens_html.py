"""What raised an answer over its runner-up, token by token and demonstration by demonstration, drawn by the browser alone."""

from collections.abc import Sequence
from html import escape

from app.html import hint, label_of, message, spoken, wide
from app.texts import Texts
from core.data.tasks import Task
from core.inference.attribution import Attribution, DemonstrationEffect, Piece
from core.inference.explanation_records import Unmeasured
from core.languages import language
from core.models.chat import readable
from core.records import Answer, Prediction

MOST_LISTED = 6  # tokens for the answer, and as many against it
LEAST_SHARE = 0.08  # of the strongest token, below which a token is left plain


def tokens_view(result: Attribution | Unmeasured, prediction: Prediction, index: int, task: Task, texts: Texts) -> str:
    """The contrast in a sentence, demonstrations by both measures, then the prompt with its tokens shaded."""
    if isinstance(result, Unmeasured):
        return message(texts(f"why.reason_{result.reason}"))
    answer = prediction.answers[index]
    return (
        f'<div class="agl tokens" dir="{texts.direction}"><p>{_contrast(result, answer, task, texts)}</p>'
        f"{_demonstrations(result, texts)}{_prompt(result, answer, texts)}</div>"
    )


def _contrast(result: Attribution, answer: Answer, task: Task, texts: Texts) -> str:
    figure = f'<span class="figure">{result.contrast:+.2f}</span>'
    if result.runner_up is None:
        return f"{escape(texts('tokens.alone'))} {figure} nats."
    words = task.verbaliser(answer.language).words
    own, rival = (
        spoken(words.get(label, label), answer.language, "answer") for label in (result.answer, result.runner_up)
    )
    return f"{own} {escape(texts('tokens.over'))} {rival}: {figure} nats. {escape(texts('tokens.meaning'))}"


def _demonstrations(result: Attribution, texts: Texts) -> str:
    if not result.effects:
        return f'<p class="quiet">{escape(texts("explore.none_chosen"))}</p>'
    largest = (
        max(abs(value) for effect in result.effects for value in (effect.occlusion, effect.gradient or 0.0)) or 1.0
    )
    rows = "".join(_effect(index, effect, largest) for index, effect in enumerate(result.effects))
    verdict = ""
    if result.agree is not None:
        verdict = f"<p>{escape(texts('tokens.agree' if result.agree else 'tokens.disagree'))}</p>"
    return (
        f"<section>{hint(texts('tokens.by_demonstration'), texts('tokens.by_demonstration_hint'), 'heading')}"
        f"{measures_table('explore.demonstration', ('tokens.occlusion', 'tokens.gradient'), rows, texts)}{verdict}</section>"
    )


def measures_table(first: str, measures: Sequence[str], rows: str, texts: Texts) -> str:
    """A table under the word ``first`` and measures with their definitions behind "?", all keys of texts; ``rows`` are HTML."""
    heads = "".join(f'<th scope="col">{hint(texts(key), texts(f"{key}_hint"))}</th>' for key in measures)
    return wide(
        texts(first),
        f'<table><thead><tr><th scope="col">{escape(texts(first))}</th>{heads}</tr></thead><tbody>{rows}</tbody></table>',
    )


def _effect(index: int, effect: DemonstrationEffect, largest: float) -> str:
    example = effect.demonstration.example
    name = (
        f'<b class="number">{index + 1}</b> {label_of(example.language)} {spoken(example.text[:60], example.language)}'
    )
    cells = "".join(_signed(value, largest) for value in (effect.occlusion, effect.gradient))
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _signed(value: float | None, largest: float) -> str:
    """A figure with its sign and a bar; blue for the answer, orange against it."""
    if value is None:
        return '<td class="figure">–</td>'
    css, width = "up" if value >= 0 else "down", 100 * abs(value) / largest
    drawn = f'<span class="bar {css}" aria-hidden="true"><i style="width:{width:.0f}%"></i></span>'
    return f'<td class="figure">{drawn}<span class="{css}">{value:+.2f}</span></td>'


def _prompt(result: Attribution, answer: Answer, texts: Texts) -> str:
    largest = max((abs(piece.value) for piece in result.pieces), default=0.0) or 1.0
    own = language(answer.prompt.language)
    inside = "".join(_piece(piece, largest) for piece in result.pieces)
    return (
        f"<section>{hint(texts('tokens.by_token'), texts('tokens.by_token_hint'), 'heading')}{_strongest(result, texts)}"
        f'<pre class="prompt" tabindex="0" dir="{own.direction}" lang="{own.tag}">{inside}</pre></section>'
    )


def _piece(piece: Piece, largest: float) -> str:
    text, share = escape(readable(piece.text)), abs(piece.value) / largest
    if share < LEAST_SHARE:
        return text
    return f'<span class="{"for" if piece.value > 0 else "against"}" style="--share:{share:.2f}" title="{piece.value:+.3f}">{text}</span>'


def _strongest(result: Attribution, texts: Texts) -> str:
    """The strongest tokens by name, for those who do not see shades."""
    ranked = sorted((piece for piece in result.pieces if piece.text.strip()), key=lambda piece: -piece.value)
    lists = (("for", ranked[:MOST_LISTED]), ("against", ranked[::-1][:MOST_LISTED]))
    lines = ""
    for key, pieces in lists:
        listed = [piece for piece in pieces if (piece.value > 0) == (key == "for")]
        if listed:
            named = " · ".join(
                f'<bdi>{escape(readable(piece.text.strip()))}</bdi> <span class="figure">{piece.value:+.2f}</span>'
                for piece in listed
            )
            lines += f"<p><b>{escape(texts(f'tokens.{key}'))}</b> {named}</p>"
    return lines
