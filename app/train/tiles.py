"""Pieces of a run's page: tiles of the log's numbers with their courses, the changing choice of fixed queries, the pool's changes."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from app.html import hint, label_of, spoken
from app.texts import Texts
from core.data.tasks import Task
from core.languages import language
from core.training.config import FitConfig
from core.training.run_log import KEYS

LOSSES = ("loss_total", "loss_rl", "loss_align", "loss_coherence", "loss_reference", "loss_writing")
HEALTH = ("right", "right_without", "policy_entropy", "answer_entropy", "zero_spread", "copy_rate", "pool_size")
WIDTH, HEIGHT, EDGE = 120, 34, 3  # of a small line's own coordinates
UNIT_KEYS = {"[0, 1]": "unit", "squared distance": "distance"}  # units whose catalogue key is another word

Line = dict[str, Any]


def meaning(key: str, texts: Texts) -> str:
    """What a key of the log means, its unit and which way is better, as one hover text."""
    declared = KEYS[key]
    unit = texts(f"measures.in_{UNIT_KEYS.get(declared.unit, declared.unit)}")
    better = f"; {texts(f'measures.better_{declared.better}')}" if declared.better else ""
    return f"{texts(f'measures.{key}_meaning')} ({unit}{better})"


def series(lines: Sequence[Line], key: str) -> list[tuple[int, float]]:
    """Iteration and value of a key, where a line has it."""
    return [(line["iteration"], float(line[key])) for line in lines if line.get(key) is not None]


def measured(lines: Sequence[Line]) -> list[Line]:
    """Lines that hold a measurement on development items, the one before training first."""
    return [line for line in lines if line.get("development")]


def measure_tiles(lines: Sequence[Line], texts: Texts) -> str:
    """Losses, then what tells whether the run is healthy; each with its latest value and its course."""
    return _tiles(lines, LOSSES, texts("train.losses"), texts) + _tiles(lines, HEALTH, texts("train.health"), texts)


def _tiles(lines: Sequence[Line], keys: Sequence[str], heading: str, texts: Texts) -> str:
    tiles = "".join(_tile(key, series(lines, key), texts) for key in keys)
    title = f'<span class="heading">{escape(heading)}</span>'
    return f'<section>{title}<ul class="tiles">{tiles}</ul></section>' if tiles else ""


def _tile(key: str, points: list[tuple[int, float]], texts: Texts) -> str:
    if not points:
        return ""
    unit = texts(f"measures.in_{UNIT_KEYS.get(KEYS[key].unit, KEYS[key].unit)}")
    values = [value for _, value in points]
    name = hint(texts(f"measures.{key}"), meaning(key, texts))
    share = KEYS[key].unit == "share"
    latest = f"{values[-1]:.0%}" if share else _short(values[-1])
    value = f'<b class="figure">{latest}</b> <span class="quiet">{"" if share else escape(unit)}</span>'
    return f'<li class="tile"><header>{name}</header><p>{value}</p>{small_line(points, texts)}</li>'


def accuracy_tiles(lines: Sequence[Line], config: FitConfig | None, texts: Texts) -> str:
    """Accuracy of every language: the measurement before training as a dashed line, all later ones against it."""
    measurements = measured(lines)
    if not measurements or not measurements[0].get("accuracy"):
        return ""
    tiles = ""
    for code in measurements[0]["accuracy"]:
        points = [(line["iteration"], line["accuracy"][code]) for line in measurements if code in line["accuracy"]]
        first, last = points[0][1], points[-1][1]
        css = "up" if last > first else "down" if last < first else ""
        sign = "▲" if last > first else "▼" if last < first else "•"
        change = (
            f'<b class="figure">{first:.0%} → {last:.0%}</b> <span class="{css}" aria-hidden="true">{sign}</span>'
            if len(points) > 1
            else f'<b class="figure">{first:.0%}</b>'
        )
        drawn = small_line(points, texts, (0.0, 1.0), first)
        tiles += f'<li class="tile"><header>{label_of(code)}</header><p>{change}</p>{drawn}</li>'
    heading = hint(texts("measures.accuracy"), meaning("accuracy", texts), "heading")
    return f'<section>{heading}{_coarse(measurements, config, texts)}<ul class="tiles">{tiles}</ul></section>'


def _coarse(measurements: Sequence[Line], config: FitConfig | None, texts: Texts) -> str:
    """The weight of one query in an accuracy: few development queries make coarse accuracies."""
    if config is None:
        return ""
    most = -(-config.watch.queries // len(measurements[0]["accuracy"]))
    note = texts("train.accuracy_note", count=most, points=f"{100 / most:.0f}")
    return f'<p class="quiet">{escape(note)}</p>'


def small_line(
    points: Sequence[tuple[int, float]],
    texts: Texts,
    span: tuple[float, float] | None = None,
    baseline: float | None = None,
) -> str:
    """A line without axes; hovering shows every value. ``span``: least and most value shown; default those of the points."""
    values = [value for _, value in points]
    low, high = span or (min(values), max(values))
    steps = [iteration for iteration, _ in points]
    wide, tall = max(1, steps[-1] - steps[0]), (high - low) or 1.0

    def at(iteration: int, value: float) -> tuple[float, float]:
        level = 0.5 if high == low else (value - low) / tall
        return EDGE + (WIDTH - 2 * EDGE) * (iteration - steps[0]) / wide, HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * level

    spots = [at(*point) for point in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    dashed = ""
    if baseline is not None:
        level = at(steps[0], baseline)[1]
        dashed = f'<line class="baseline" x1="0" x2="{WIDTH}" y1="{level:.1f}" y2="{level:.1f}"/>'
    listed = " · ".join(f"{moment(iteration, texts)}: {_short(value)}" for iteration, value in _thinned(points))
    x, y = spots[-1]
    return (
        f'<svg class="course" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(listed)}"><title>{escape(listed)}</title>'
        f'{dashed}<polyline points="{path}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/></svg>'
    )


def _thinned(points: Sequence[tuple[int, float]], most: int = 12) -> Sequence[tuple[int, float]]:
    """At most about ``most`` points, the last one among them."""
    return points[:: -1 if len(points) <= most else -(len(points) // most)][::-1]


def moment(iteration: int, texts: Texts) -> str:
    """When a line of the log was written, in words."""
    return texts("train.after", iteration=iteration) if iteration else texts("train.before")


def time_bars(lines: Sequence[Line], texts: Texts) -> str:
    """Seconds of each phase over all iterations, longest first."""
    sums: dict[str, float] = {}
    for line in lines:
        for phase, seconds in line.get("seconds", {}).items():
            sums[phase] = sums.get(phase, 0.0) + seconds
    if not sums:
        return ""
    whole = sum(sums.values())
    rows = "".join(
        f'<tr><th scope="row">{escape(_phase(phase, texts))}</th><td class="figure">{seconds:.1f} s</td>'
        f'<td><span class="bar" aria-hidden="true"><i style="width:{100 * seconds / whole:.0f}%"></i></span>'
        f'<span class="figure">{seconds / whole:.0%}</span></td></tr>'
        for phase, seconds in sorted(sums.items(), key=lambda entry: -entry[1])
    )
    heading = hint(texts("train.times"), texts("train.times_hint"), "heading")
    return f'<section class="times">{heading}<table>{rows}</table></section>'


def _phase(phase: str, texts: Texts) -> str:
    key = f"train.phase_{phase}"
    return texts(key) if texts.knows(key) else phase


def _short(value: float) -> str:
    """Three significant digits; whole numbers as they are."""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) >= 2 else f"{value:.3g}"


MOST_COLUMNS = 8  # measurements side by side


def choice_strip(lines: Sequence[Line], task: Task | None, texts: Texts) -> str:
    """For every fixed query one column a measurement, best demonstration first; what the column before it lacks is marked."""
    measurements = _spread([line for line in measured(lines) if line.get("choices")])
    if not measurements:
        return ""
    heading = hint(texts("train.strip"), texts("train.strip_hint"), "heading")
    queries = "".join(_query(index, measurements, task, texts) for index in range(len(measurements[0]["choices"])))
    return f'<section class="strips">{heading}{queries}</section>'


def _spread(measurements: list[Line]) -> list[Line]:
    """At most ``MOST_COLUMNS`` lines, evenly spread, first and last among them."""
    if len(measurements) <= MOST_COLUMNS:
        return measurements
    return [measurements[round(index * (len(measurements) - 1) / (MOST_COLUMNS - 1))] for index in range(MOST_COLUMNS)]


def _query(index: int, measurements: Sequence[Line], task: Task | None, texts: Texts) -> str:
    query = measurements[0]["choices"][index]["query"]
    columns, former = "", None
    for line in measurements:
        choice = line["choices"][index]
        columns += _column(line["iteration"], choice, former, task, texts)
        former = {entry["id"] for entry in choice["shown"]}
    label = _label(query, task)
    text = spoken(query["text"], query["language"], "text")
    return (
        f'<div class="strip"><p class="asked">{text} <span class="quiet">{label_of(query["language"])} {label}</span></p>'
        f'<ol class="columns" tabindex="0">{columns}</ol></div>'
    )


def _column(iteration: int, choice: Mapping[str, Any], former: set[str] | None, task: Task | None, texts: Texts) -> str:
    demonstrations = choice["shown"]
    fresh = {entry["id"] for entry in demonstrations} - former if former is not None else set()
    right = choice["query"]["right"]
    verdict = (
        f'<span class="{"up" if right else "down"}">{escape(texts("train.right" if right else "train.wrong"))}</span>'
    )
    count = "" if former is None else f'<span class="quiet">{escape(texts("train.changed", count=len(fresh)))}</span>'
    cards = "".join(_card(entry, entry["id"] in fresh, task, texts) for entry in demonstrations)
    return (
        f'<li class="column"><header><b>{escape(moment(iteration, texts))}</b>{count}{verdict}</header>'
        f"<ol>{cards}</ol></li>"
    )


def _card(entry: Mapping[str, Any], fresh: bool, task: Task | None, texts: Texts) -> str:
    mark = f"<mark>{escape(texts('train.new'))}</mark>" if fresh else ""
    origin = escape(texts(f"explore.origin_{entry['origin']}")) if entry["origin"] != "pool" else ""
    probability = math.exp(entry["log_prob"])
    value = f"{probability:.2f}" if probability >= 0.005 else "<.01"
    chance = f'<span class="figure">{escape(texts("explore.probability", value=value))}</span>'
    return (
        f'<li class="chip{" new" if fresh else ""}"><header>{label_of(entry["language"])}{mark}</header>'
        f'<p class="text" lang="{language(entry["language"]).tag}" dir="{language(entry["language"]).direction}" '
        f'title="{escape(entry["text"])}">{escape(entry["text"])}</p>'
        f'<footer>{_label(entry, task)}<span class="origin">{origin}</span>{chance}</footer></li>'
    )


def _label(entry: Mapping[str, Any], task: Task | None) -> str:
    """A label in the words of the entry's language, the label itself on hover."""
    if task is None or entry["language"] not in task.languages or entry["label"] not in task.labels:
        return f'<span class="label"><span class="arrow">→</span> {escape(entry["label"])}</span>'
    word = task.verbaliser(entry["language"]).words[entry["label"]]
    return f'<span class="label" title="{escape(entry["label"])}"><span class="arrow">→</span> {spoken(word, entry["language"])}</span>'


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
    reason = texts(key) if texts.knows(key) else change["reason"]
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
    admitted = sum(line.get("written", 0) for line in lines)
    if not admitted and not reasons:
        return ""
    listed = ", ".join(f"{_reason(reason, texts)} {count}" for reason, count in reasons.most_common()) or "0"
    sentence = texts("train.rejected", admitted=admitted, tried=admitted + reasons.total(), reasons=listed)
    return f'<p class="quiet">{escape(sentence)}</p>'


def _reason(reason: str, texts: Texts) -> str:
    key = f"train.rejected_{reason}"
    return texts(key) if texts.knows(key) else reason
