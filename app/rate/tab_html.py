"""HTML of the rating page."""

from html import escape

import langcodes

from annotation.records import AssignmentView, Progress, Receipt
from app.html import bar
from app.texts import Texts
from core.languages import direction_of


def spoken(text: str, tag: str, css: str) -> str:
    """A text of a rated item, in the direction of its BCP-47 tag."""
    direction = direction_of(langcodes.Language.get(tag).maximize().script or "")
    return f'<p class="{css}" lang="{escape(tag)}" dir="{direction}">{escape(text)}</p>'


def head(progress: Progress, receipt: Receipt | None, texts: Texts) -> str:
    """How far the rater is, and when her last rating was saved."""
    settled = progress.done + progress.skipped
    share = settled / progress.total if progress.total else 0.0
    saved = texts("rate.saved", time=receipt.saved_at.strftime("%H:%M:%S UTC")) if receipt else texts("rate.not_saved")
    css = "saved" if receipt else "quiet"
    return (
        f'<div class="agl rate-head" dir="{texts.direction}"><b>{escape(texts("rate.progress", done=settled, total=progress.total))}</b>'
        f'{bar(share)}<span class="{css}" role="status">{escape(saved)}</span></div>'
    )


def item(view: AssignmentView, texts: Texts) -> str:
    """The source text and the task."""
    target = langcodes.Language.get(view.outputs[0].language)
    name = target.display_name(texts.tag)
    task = texts(f"rate.task_{view.task}", language=name)
    return (
        f'<div class="agl" dir="{texts.direction}"><span class="heading">{escape(texts("rate.source"))}</span>'
        f"{spoken(view.source_text, view.language, 'source')}"
        f'<span class="heading">{escape(texts("rate.task"))}</span><p>{escape(task)}</p></div>'
    )


def output(view: AssignmentView, place: int, texts: Texts) -> str:
    """One blind output."""
    found = view.outputs[place]
    heading = escape(texts("rate.output", letter=found.letter))
    return (
        f'<div class="agl"><span class="heading">{heading}</span>{spoken(found.text, found.language, "output")}</div>'
    )


def farewell(progress: Progress, texts: Texts) -> str:
    """Shown when nothing is left to rate."""
    done = texts("rate.done", done=progress.done, total=progress.total, skipped=progress.skipped)
    return f'<div class="agl" dir="{texts.direction}"><p class="message" role="status">{escape(done)}</p></div>'
