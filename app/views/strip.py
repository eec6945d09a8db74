"""How a run changed its mind: what fixed queries are shown at each measurement, and what happened to the pool."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from app.texts import Texts
from app.views.html import hint, label_of, said
from app.views.measures import Line, measured, moment
from core.languages import language
from core.tasks import Task

MOST_COLUMNS = 8  # measurements side by side


def choice_strip(lines: Sequence[Line], task: Task | None, texts: Texts) -> str:
    """For every fixed query one column a measurement, best demonstration first; what the column before lacks is marked."""
    found = _spread([line for line in measured(lines) if line.get("choices")])
    if not found:
        return ""
    heading = hint(texts("train.strip"), texts("train.strip_hint"), "heading")
    queries = "".join(_query(place, found, task, texts) for place in range(len(found[0]["choices"])))
    return f'<section class="strips">{heading}{queries}</section>'


def _spread(found: list[Line]) -> list[Line]:
    """At most ``MOST_COLUMNS`` lines, evenly spread, first and last among them."""
    if len(found) <= MOST_COLUMNS:
        return found
    return [found[round(place * (len(found) - 1) / (MOST_COLUMNS - 1))] for place in range(MOST_COLUMNS)]


def _query(place: int, found: Sequence[Line], task: Task | None, texts: Texts) -> str:
    query = found[0]["choices"][place]["query"]
    columns, before = "", None
    for line in found:
        choice = line["choices"][place]
        columns += _column(line["iteration"], choice, before, task, texts)
        before = {entry["id"] for entry in choice["shown"]}
    label = _label(query, task)
    text = said(query["text"], query["language"], "text")
    return (
        f'<div class="strip"><p class="asked">{text} <span class="quiet">{label_of(query["language"])} {label}</span></p>'
        f'<ol class="columns" tabindex="0">{columns}</ol></div>'
    )


def _column(iteration: int, choice: Mapping[str, Any], before: set[str] | None, task: Task | None, texts: Texts) -> str:
    shown = choice["shown"]
    fresh = {entry["id"] for entry in shown} - before if before is not None else set()
    right = choice["query"]["right"]
    verdict = (
        f'<span class="{"up" if right else "down"}">{escape(texts("train.right" if right else "train.wrong"))}</span>'
    )
    count = "" if before is None else f'<span class="quiet">{escape(texts("train.changed", count=len(fresh)))}</span>'
    cards = "".join(_card(entry, entry["id"] in fresh, task, texts) for entry in shown)
    return (
        f'<li class="column"><header><b>{escape(moment(iteration, texts))}</b>{count}{verdict}</header>'
        f"<ol>{cards}</ol></li>"
    )


def _card(entry: Mapping[str, Any], fresh: bool, task: Task | None, texts: Texts) -> str:
    mark = f"<mark>{escape(texts('train.new'))}</mark>" if fresh else ""
    origin = escape(texts(f"explore.origin_{entry['origin']}")) if entry["origin"] != "pool" else ""
    probability = math.exp(entry["log_prob"])
    value = f"{probability:.2f}" if probability >= 0.005 else "<.01"
    chance = hint(texts("explore.probability", value=value), texts("explore.probability_hint"), "figure")
    return (
        f'<li class="chip{" new" if fresh else ""}"><header>{label_of(entry["language"])}{mark}</header>'
        f'<p class="text" lang="{language(entry["language"]).tag}" dir="{language(entry["language"]).direction}" '
        f'title="{escape(entry["text"])}">{escape(entry["text"])}</p>'
        f'<footer>{_label(entry, task)}<span class="origin">{origin}</span>{chance}</footer></li>'
    )


def _label(entry: Mapping[str, Any], task: Task | None) -> str:
    """A label in the words of the entry's language, the label itself on hover."""
    if task is None or entry["language"] not in task.languages or entry["label"] not in task.labels:
        return f'<span class="label">→ {escape(entry["label"])}</span>'
    word = task.verbaliser(entry["language"]).words[entry["label"]]
    return f'<span class="label" title="{escape(entry["label"])}">→ {said(word, entry["language"])}</span>'


def pool_changes(changes: Sequence[Mapping[str, Any]], lines: Sequence[Line], texts: Texts) -> str:
    """Admitted and retired pairs, the latest first, and how many written pairs were rejected for what."""
    heading = hint(texts("train.pool"), texts("train.pool_hint"), "heading")
    if not lines:
        return ""
    if not changes:
        inside = f'<p class="quiet">{escape(texts("train.pool_none"))}</p>'
    else:
        heads = "".join(
            f'<th scope="col">{escape(texts(f"train.{key}"))}</th>' for key in ("iteration", "action", "text", "reason")
        )
        rows = "".join(_change(change, texts) for change in reversed(changes))
        inside = f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f'<section class="changes">{heading}{_rejected(lines, texts)}{inside}</section>'


def _change(change: Mapping[str, Any], texts: Texts) -> str:
    key = f"train.reason_{change['reason'].split(':')[0].split()[0]}"
    reason = texts(key) if key in texts.entries else change["reason"]
    admitted = change["action"] == "admitted"
    sign, css = ("+", "up") if admitted else ("−", "down")
    action = texts("train.action_admitted" if admitted else "train.action_retired")
    return (
        f'<tr><td class="figure">{change["iteration"]}</td>'
        f'<td class="{css}">{sign} {escape(action)}</td>'
        f'<td dir="auto" title="{escape(change["example"])}">{escape(change["text"] or change["example"])}</td>'
        f"<td>{hint(reason, change['reason'])}</td></tr>"
    )


def _rejected(lines: Sequence[Line], texts: Texts) -> str:
    """Kept and rejected written pairs in one sentence; nothing when none was tried."""
    reasons: Counter[str] = Counter()
    for line in lines:
        reasons.update(line.get("rejected", {}))
    kept = sum(line.get("written", 0) for line in lines)
    if not kept and not reasons:
        return ""
    told = ", ".join(f"{_reason(reason, texts)} {count}" for reason, count in reasons.most_common()) or "0"
    sentence = texts("train.rejected", kept=kept, tried=kept + reasons.total(), reasons=told)
    return f'<p class="quiet">{escape(sentence)}</p>'


def _reason(reason: str, texts: Texts) -> str:
    key = f"train.rejected_{reason}"
    return texts(key) if key in texts.entries else reason
