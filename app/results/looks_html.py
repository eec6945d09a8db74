"""Interim looks as HTML, for Results and for the organiser's page. Every text is escaped."""

from collections.abc import Sequence
from html import escape

from annotation.report.results import Report
from annotation.report.words import figure, minus
from annotation.stopping import Look, closed, decided
from app.html import isolated
from app.results.ratings_html import criterion, table
from app.texts import Texts


def looks(report: Report, texts: Texts) -> str:
    """Every look with its boundary, and what was decided; "" where the study plans none."""
    study = report.study
    if study.stopping is None:
        return ""
    rows = []
    for look in study.looks:
        for one in look.pairs:
            outcome = texts("results.look_decided" if one.decided else "results.look_open")
            rows.append(
                [
                    escape(report.named(one.first)),
                    escape(report.named(one.second)),
                    escape(texts("results.look_last")) if look.ended else f"{look.number} / {study.stopping.looks}",
                    str(one.items),
                    "–" if one.difference is None else minus(f"{one.difference:+.2f}"),
                    short(one.p),
                    short(one.level),
                    f"<strong>{escape(outcome)}</strong>" if one.decided else escape(outcome),
                ]
            )
    name = criterion(report, study.stopping.criterion, texts)
    planned = texts(
        "results.looks_plan", looks=study.stopping.looks, criterion=name, alpha=figure(study.stopping.alpha)
    )
    lines = [
        planned,
        *ending(study.looks, texts),
        *([decisions(report, texts), texts("results.looks_bias")] if rows else [texts("results.looks_none")]),
    ]
    notes = "".join(f'<p class="agl quiet" dir="{texts.direction}">{escape(one)}</p>' for one in lines)
    heads = [texts(f"results.{key}") for key in ("first", "second", "look", "items", "difference")]
    heads += ["p", texts("results.look_boundary"), texts("results.look_outcome")]
    title = texts("results.looks")
    return table("looks", title, [escape(one) for one in heads], rows, texts, 2) + notes if rows else notes


def ending(taken: Sequence[Look], texts: Texts) -> list[str]:
    """That the study was closed early and what its last look spent, as a sentence; nothing where it was not."""
    return [texts("results.looks_ended", done=one.done, slots=one.slots) for one in taken if one.ended]


def decisions(report: Report, texts: Texts) -> str:
    """Which pairs are decided and which systems are handed out no more, as sentences."""
    pairs = decided(report.study.looks)
    if not pairs:
        return texts("results.looks_undecided")
    named = "; ".join(isolated(f"{report.named(one.first)} – {report.named(one.second)}", texts) for one in pairs)
    gone = ", ".join(report.named(one) for one in sorted(closed(report.study.looks)))
    sentence = texts("results.looks_decided", pairs=named)
    return f"{sentence} {texts('results.looks_closed', systems=gone)}" if gone else sentence


def short(p: float) -> str:
    """A small p with as many digits as it takes to see it."""
    return f"{p:.3f}" if p >= 0.001 else f"{p:.5f}" if p >= 0.00001 else "&lt; 0.00001"
