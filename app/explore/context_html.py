"""How an answer uses its demonstrations: what all and each alone do to it, where it is copied from, and what moves token by token."""

from html import escape

from app.explore.tokens_html import measures_table
from app.html import bar, hint, label_of, message, spoken
from app.texts import Texts
from core.data.tasks import Task
from core.inference.context_use import AnswerToken, ContextUse, Source
from core.inference.explanation_records import Unmeasured
from core.models.chat import readable
from core.records import Prediction


def context_view(result: ContextUse | Unmeasured, prediction: Prediction, index: int, task: Task, texts: Texts) -> str:
    """A sentence first, then the demonstrations, then the answer's tokens; nothing where the Tokens view says already why not."""
    if isinstance(result, Unmeasured):
        return message(texts("why.reason_none_shown")) if result.reason == "none_shown" else ""
    code = prediction.answers[index].language
    return (
        f'<div class="agl tokens" dir="{texts.direction}">{_sources(result, prediction, code, task, texts)}'
        f"{_tokens(result, code, texts)}</div>"
    )


def _sources(result: ContextUse, prediction: Prediction, code: str, task: Task, texts: Texts) -> str:
    ids = [entry.example.id for entry in prediction.selection.demonstrations]
    numbers = {
        source.demonstration.example.id: ids.index(source.demonstration.example.id) + 1 for source in result.sources
    }
    rows = "".join(_source(source, numbers, code, task, texts) for source in result.sources)
    return (
        f"<section>{hint(texts('context.heading'), texts('context.heading_hint'), 'heading')}"
        f"<p>{escape(_verdict(result, numbers, task, texts))}</p>"
        f"{measures_table('explore.demonstration', ('context.alone', 'context.copied'), rows, texts)}</section>"
    )


def _verdict(result: ContextUse, numbers: dict[str, int], task: Task, texts: Texts) -> str:
    """What the demonstrations do together, and which of them the answer can be copied from."""
    key = "raise" if result.pvi > 0 else "lower"
    sentence = texts(f"context.{key}", value=f"{abs(result.pvi):.2f}")
    copied = [numbers[source.demonstration.example.id] for source in result.sources if source.same_label or source.span]
    if not copied:
        return f"{sentence} {texts('context.copied_none_label' if task.is_closed else 'context.copied_none')}"
    listed = ", ".join(map(str, copied))
    return f"{sentence} {texts('context.copied_label' if task.is_closed else 'context.copied_text', numbers=listed)}"


def _source(source: Source, numbers: dict[str, int], code: str, task: Task, texts: Texts) -> str:
    example = source.demonstration.example
    name = (
        f'<b class="number">{numbers[example.id]}</b> {label_of(example.language)} '
        f"{spoken(example.text[:60], example.language)}"
    )
    if task.is_closed:
        copied = escape(texts("context.same_label" if source.same_label else "context.other_label"))
    else:
        copied = spoken(source.span, code) if source.span else "–"
    css = "up" if source.pvi >= 0 else "down"
    return f'<tr><th scope="row">{name}</th><td class="figure"><span class="{css}">{source.pvi:+.2f}</span></td><td>{copied}</td></tr>'


def _tokens(result: ContextUse, code: str, texts: Texts) -> str:
    heading = hint(texts("context.by_token"), texts("context.by_token_hint"), "heading")
    if not result.tokens:
        return f'<section>{heading}<p class="quiet">{escape(texts("context.other_tokens"))}</p></section>'
    most = max(token.kl for token in result.tokens) or 1.0
    rows = "".join(_token(token, most, code) for token in result.tokens)
    return (
        f"<section>{heading}{measures_table('context.token', ('context.kl', 'context.change'), rows, texts)}</section>"
    )


def _token(token: AnswerToken, most: float, code: str) -> str:
    css = "up" if token.change >= 0 else "down"
    return (
        f'<tr><th scope="row">{spoken(readable(token.text).strip() or "␣", code)}</th>'
        f'<td class="figure">{bar(token.kl / most)} {token.kl:.2f}</td>'
        f'<td class="figure"><span class="{css}">{token.change:+.2f}</span></td></tr>'
    )
