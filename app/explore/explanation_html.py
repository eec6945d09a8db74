"""Order, labels and make-up of the demonstrations: plain sentences first, the numbers behind them below."""

import math
from collections.abc import Sequence
from html import escape

from app.html import bar, hint, label_of, message, number, spoken, wide
from app.texts import Texts
from core.data.tasks import Task
from core.inference.explanation_records import (
    Change,
    LabelsAgainstInputs,
    MakeUp,
    OrderSensitivity,
    Share,
    Unmeasured,
    Why,
)
from core.records import Answer, Prediction

WIDTH, HEIGHT, EDGE = 320, 46, 8  # of the strip of dots, in its own coordinates
MOST_ROWS = 5  # of the pool's own, under those chosen


def why_view(why: Why, prediction: Prediction, index: int, task: Task, texts: Texts) -> str:
    """The three sections of one answer."""
    answer = prediction.answers[index]
    return (
        f'<div class="agl why" dir="{texts.direction}">{_order(why.order, prediction, answer, task, texts)}'
        f"{_against(why.against, answer, task, texts)}{_make_up(why.make_up, answer, task, texts)}</div>"
    )


def _section(key: str, texts: Texts, inside: str) -> str:
    return f"<section>{hint(texts(f'why.{key}'), texts(f'why.{key}_hint'), 'heading')}{inside}</section>"


def _reason(measured: Unmeasured, texts: Texts) -> str:
    return message(texts(f"why.reason_{measured.reason}"))


def _word(label: str | None, answer: Answer, task: Task) -> str:
    """A label in the language of the answer, else the text that was written."""
    if label is None or not task.is_closed:
        return answer.text
    return task.verbaliser(answer.language).words[label]


def _filled(texts: Texts, key: str, marked: str, code: str, **values: object) -> str:
    """A sentence whose ``{answer}`` is shown in its own language and direction."""
    start, _, end = texts(key, answer="\0", **values).partition("\0")
    return f"{escape(start)}{spoken(marked, code, 'answer')}{escape(end)}"


def _order(
    measured: OrderSensitivity | Unmeasured, prediction: Prediction, answer: Answer, task: Task, texts: Texts
) -> str:
    if isinstance(measured, Unmeasured):
        return _section("order", texts, _reason(measured, texts))
    total = len(measured.orders)
    numbers = {"low": number(measured.lowest), "high": number(measured.highest)}
    value = number(measured.orders[0].probability)
    sentences = [escape(texts("why.every" if measured.every else "why.some", total=total))]
    if measured.agreement is None:
        sentences.insert(0, escape(texts("why.range_text", value=value, **numbers)))
    else:
        same = round(measured.agreement * total)
        word = _word(measured.answer, answer, task)
        stays = _filled(texts, "why.kept", word, answer.language, same=same, total=total)
        sentences = [stays, escape(texts("why.range", value=value, **numbers)), *sentences]
    if measured.flip is not None:
        ids = [entry.example.id for entry in prediction.selection.demonstrations]
        numbered = " · ".join(str(ids.index(entry.example.id) + 1) for entry in measured.flip.demonstrations)
        word = _word(measured.flip.answer, answer, task)
        sentences.append(_filled(texts, "why.flip", word, answer.language, order=numbered))
    return _section("order", texts, f"<p>{' '.join(sentences)}</p>{_dots(measured, texts)}")


def _dots(measured: OrderSensitivity, texts: Texts) -> str:
    """A dot an order at its probability, from 0 to 1; filled where the answer stays, hollow where not; the one shown is a tall line."""
    span = WIDTH - 2 * EDGE
    heights = [HEIGHT / 2 - 10 + 5 * (index % 3) for index in range(len(measured.orders))]
    dots = "".join(
        f'<circle cx="{EDGE + span * order.probability:.1f}" cy="{height:.1f}" r="4" '
        f'class="{"kept" if order.answer in (None, measured.answer) else "turned"}"/>'
        for order, height in zip(measured.orders, heights, strict=True)
    )
    at = EDGE + span * measured.orders[0].probability
    ticks = "".join(
        f'<text x="{EDGE + span * share:.0f}" y="{HEIGHT - 3}" text-anchor="{anchor}">{share:g}</text>'
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    legend = escape(texts("why.dots"))
    return (
        f'<svg class="orders" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{legend}"><title>{legend}</title>'
        f'<line x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{HEIGHT - 14}" y2="{HEIGHT - 14}"/>'
        f'<line class="shown" x1="{at:.1f}" x2="{at:.1f}" y1="2" y2="{HEIGHT - 14}"/>{dots}{ticks}</svg>'
        f'<p class="quiet">{legend}</p>'
    )


def _against(measured: LabelsAgainstInputs | Unmeasured, answer: Answer, task: Task, texts: Texts) -> str:
    if isinstance(measured, Unmeasured):
        return _section("against", texts, _reason(measured, texts))
    verdict = f'<p class="verdict">{escape(texts(f"why.verdict_{measured.verdict}"))}</p>' if measured.verdict else ""
    swapped = measured.by("swapped")
    followed = ""
    if swapped.followed is not None:
        count = round(swapped.followed * swapped.draws)
        followed = f"<p>{escape(texts('why.followed', count=count, total=swapped.draws))}</p>"
    heads = "".join(
        f'<th scope="col">{hint(texts(f"why.{key}"), texts(f"why.{key}_hint"))}</th>'
        for key in ("same", "probability", "shift")
    )
    word = spoken(_word(measured.answer, answer, task), answer.language, "answer")
    rows = _row(texts("why.shown"), word, number(measured.probability), bar(measured.probability), "–")
    rows += "".join(_change(change, texts) for change in measured.changes)
    table = wide(
        texts("why.change"),
        f'<table class="changes"><thead><tr><th scope="col">{escape(texts("why.change"))}</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table>",
    )
    return _section("against", texts, f"{verdict}{followed}{table}")


def _change(change: Change, texts: Texts) -> str:
    name = texts(f"why.how_{change.how}")
    if change.probability is None or change.agreement is None:
        quiet = f'<td colspan="3" class="quiet">{escape(texts("why.not_drawn"))}</td>'
        return f'<tr><th scope="row">{escape(name)}</th>{quiet}</tr>'
    same = escape(texts("why.of", same=round(change.agreement * change.draws), total=change.draws))
    return _row(name, same, number(change.probability), bar(change.probability), number(change.kl))


def _row(name: str, same: str, probability: str, drawn: str, shift: str) -> str:
    return (
        f'<tr><th scope="row">{escape(name)}</th><td>{same}</td>'
        f'<td><span class="figure">{probability}</span> {drawn}</td><td class="figure">{shift}</td></tr>'
    )


def _make_up(measured: MakeUp | Unmeasured, answer: Answer, task: Task, texts: Texts) -> str:
    if isinstance(measured, Unmeasured):
        return ""
    words = task.verbaliser(answer.language).words if task.is_closed else {}
    tables = (
        ("languages", measured.languages, label_of),
        ("families", measured.families, lambda name: escape(texts("why.unknown") if name == "unknown" else name)),
        ("labels", measured.labels, lambda name: spoken(words.get(name) or name, answer.language)),
        ("origins", measured.origins, lambda name: escape(texts(f"explore.origin_{name}"))),
    )
    inside = "".join(
        _shares(texts(f"why.{key}"), [(name(share.name), share) for share in shares], measured, texts)
        for key, shares, name in tables
        if shares
    )
    facts = [] if measured.diversity is None else [texts("why.diversity", value=number(measured.diversity))]
    if measured.label_entropy is not None:
        most = number(math.log(len(task.labels)))
        values = {"value": number(measured.label_entropy), "pool": number(measured.pool_label_entropy), "most": most}
        facts.append(texts("why.entropy", **values))
    return _section("make_up", texts, f'<p>{escape(" ".join(facts))}</p><div class="shares">{inside}</div>')


def _shares(heading: str, named: Sequence[tuple[str, Share]], measured: MakeUp, texts: Texts) -> str:
    """A small table: those chosen, then the pool's most frequent, then the others in one row."""
    chosen = sum(1 for _, share in named if share.chosen)
    listed = named[: max(chosen, MOST_ROWS) + 1]
    if len(named) > len(listed):
        listed = named[: max(chosen, MOST_ROWS)]
    rest = [share for _, share in named[len(listed) :]]
    rows = "".join(_share(name, share.chosen, share.pool, measured) for name, share in listed)
    if rest:
        others = escape(texts("why.others", count=len(rest)))
        rows += _share(f'<span class="quiet">{others}</span>', 0, sum(share.pool for share in rest), measured)
    heads = f'<th scope="col">{escape(texts("why.chosen"))}</th><th scope="col">{escape(texts("why.pool"))}</th>'
    return f'<table><thead><tr><th scope="col">{escape(heading)}</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _share(name: str, chosen: int, pool: int, measured: MakeUp) -> str:
    here, there = chosen / measured.chosen, pool / measured.pool if measured.pool else 0.0
    part = f"{there:.0%}" if there >= 0.005 or not pool else "<1%"
    return (
        f'<tr><th scope="row">{name}</th><td><span class="figure">{chosen}</span> {bar(here)}</td>'
        f'<td><span class="figure">{part}</span> {bar(there, "second")}</td></tr>'
    )
