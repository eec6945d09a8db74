"""What the planned size can find, on the organiser's page. Every text is escaped."""

from collections.abc import Sequence

from annotation.statistics.power import Power
from annotation.statistics.values import Undefined
from app.html import isolated
from app.study.board import Board
from app.study.html import isolated_name, paragraph
from app.texts import Texts


def power_panel(board: Board, powers: Sequence[Power], texts: Texts) -> str:
    """What the planned size can find by the looks of early stopping and on each scale, and how many raters it asks for."""
    study = board.study
    needed = []
    for tag, count in board.stock.items.items():
        k = study.raters_for(tag)
        slots = count * k
        each = min(study.items_per_rater or count, count)
        raters = max(k, -(-slots // each))
        needed.append(
            paragraph(texts, texts("study.raters_needed", language=isolated_name(tag), slots=slots, raters=raters))
        )
    if not powers:
        return paragraph(texts, texts("study.power_none"), "message") + "".join(needed)
    at_the_end = [one for one in powers if one.plan.looks == 1]
    parts = [_power(one, texts, several=False) for one in powers if one.plan.looks > 1]
    if parts:
        parts.append(paragraph(texts, texts("study.power_at_end")))
    parts += [_power(one, texts, several=len(at_the_end) > 1) for one in at_the_end]
    return "".join(parts + needed)


def _power(power: Power, texts: Texts, *, several: bool) -> str:
    plan = power.plan
    sentence = texts(
        "study.power",
        items=plan.items,
        k=plan.raters_per_item,
        difference=f"{plan.difference:.2f}",
        power=f"{power.power:.2f}",
        low=f"{power.interval.low:.2f}",
        high=f"{power.interval.high:.2f}",
        tests=plan.tests,
    )
    more = []
    for key, value in (("power_detectable", power.detectable), ("power_needed", power.items_needed)):
        figure = texts("study.not_yet", reason=value.reason) if isinstance(value, Undefined) else f"{value:.4g}"
        more.append(paragraph(texts, texts(f"study.{key}", value=figure)))
    scale = f"{plan.scale.low}–{plan.scale.high}"
    lead = isolated(f"{scale}: ", texts) if several else ""
    return paragraph(texts, lead + sentence, "message") + "".join(more) + paragraph(texts, _assumed(power, texts))


def _assumed(power: Power, texts: Texts) -> str:
    """What the numbers rest on."""
    plan = power.plan
    sentence = texts(
        "study.power_assumed",
        scale=isolated(f"{plan.scale.low}\u2060–\u2060{plan.scale.high}", texts),  # in one line
        item=f"{plan.item_sd:g}",
        system=f"{plan.system_sd:g}",
        rater=f"{plan.rater_sd:g}",
        noise=f"{plan.noise_sd:g}",
        middle=f"{plan.middle:g}",
    )
    if plan.looks == 1:
        return sentence
    return f"{texts('study.power_looks', looks=plan.looks, more=f'{100 * power.more_items:.1f}')} {sentence}"
