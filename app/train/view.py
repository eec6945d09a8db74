"""Everything the Train tab shows of a run, without gradio: settings, verdict, alarms, the course of reward and accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from html import escape
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from app.html import hint, isolated, message
from app.texts import Texts
from app.train.progress import Progress
from app.train.runs import Run
from app.train.service import TrainingService
from app.train.tiles import (
    Line,
    accuracy_tiles,
    choice_strip,
    meaning,
    measure_tiles,
    measured,
    pool_changes,
    series,
    time_bars,
)
from core.data.tasks import Task
from core.report.charts import COLOURS, style
from core.training.development import SYSTEMS
from core.training.run_log import RECENT


@dataclass(frozen=True)
class RenderedRun:
    """What is on show; figures are None where there is nothing to draw."""

    head: str
    reward: Any = None
    development: Any = None
    strip: str = ""
    accuracy: str = ""
    measures: str = ""
    pool: str = ""
    times: str = ""


PANELS = tuple(field.name for field in fields(RenderedRun))


def render_run(run: Run | None, tasks: dict[str, Task], texts: Texts) -> RenderedRun:
    """The whole view; a sentence where there is no run, or nothing measured yet."""
    if run is None:
        return RenderedRun(message(texts("train.empty")))
    head = run_head(run, texts)
    if not run.lines:
        waiting = message(texts("train.waiting" if run.state == "running" else "train.nothing_logged"))
        return RenderedRun(_framed(head + waiting, texts, "run-head"))
    task = tasks.get(run.config.task) if run.config else None
    return RenderedRun(
        _framed(head, texts, "run-head"),
        reward_chart(run.lines, run.total, texts),
        development_chart(run.lines, run.total, texts),
        _framed(choice_strip(run.lines, task, texts), texts),
        _framed(accuracy_tiles(run.lines, run.config, texts), texts),
        _framed(measure_tiles(run.lines, texts), texts),
        _framed(pool_changes(run.changes, run.lines, texts), texts),
        _framed(time_bars(run.lines, texts), texts),
    )


def _framed(inside: str, texts: Texts, css: str = "") -> str:
    return f'<div class="agl {css}" dir="{texts.direction}">{inside}</div>' if inside else ""


def run_choices(service: TrainingService, texts: Texts) -> list[tuple[str, str]]:
    """Every run with its state, for a list to choose from."""
    return [(_listed(service, name, state, texts), name) for name, state in service.runs()]


def _listed(service: TrainingService, name: str, state: str, texts: Texts) -> str:
    return f"{name} · {texts('train.shipped' if service.is_shipped(name) else f'train.state_{state}')}"


def run_status(service: TrainingService, texts: Texts) -> str:
    """Where the run that goes on stands, or how the last one ended; empty before the first."""
    progress: Progress | None = service.progress
    if progress is None:
        return ""
    if progress.going:
        return run_progress(progress, service.stopping, texts)
    if progress.error:
        return message(progress.error, "error")
    if progress.done < progress.total:
        return message(texts("train.stopped", run=progress.run, done=progress.done, total=progress.total))
    return ""


REWARDS = ("reward", "acc", "div")
ONE_PART = ("right",)  # of a run that learns from a bank, or whose answers were tuned: no context's diversity counts
SYMBOLS = ("circle", "square", "diamond", "x")  # so that colour is never alone


def run_head(run: Run, texts: Texts) -> str:
    """Name, settings, and the verdict once there is one; alarms as sentences."""
    done = max((line["iteration"] for line in run.lines), default=0)
    about = ""
    if run.config is not None:
        config = run.config
        facts = (
            texts(f"train.mode_{config.mode}"),
            texts(f"train.trained_{run.tuned_by or config.optim.trained}"),
            *(() if config.bank.queries else (f"α {config.reward.alpha:g}", f"β {config.reward.beta:g}")),
            f"{texts('explore.seed')} {config.seed}",
            texts("train.step_iteration", done=done, total=run.total),
        )
        about = f'<p class="quiet">{" · ".join(escape(fact) for fact in facts)}</p>'
    state = f'<span class="quiet">{escape(texts(f"train.state_{run.state}"))}</span>'
    title = f"<h2>{escape(run.name)} {state}</h2>"
    learnt = learning(run.lines, run.entry, texts)
    sentences = " ".join(sentence for sentence in (learnt, verdict(run.entry, texts) if run.entry else "") if sentence)
    ending = f'<p class="verdict">{escape(sentences)}</p>' if sentences else ""
    return f"{title}{about}{ending}{_compared(run, texts)}{_alarms(run.lines, texts)}"


def _compared(run: Run, texts: Texts) -> str:
    """What came of it on queries that nothing was learnt from, in English as the record says it; "" where nobody measured that."""
    if not run.compared:
        return ""
    findings = "".join(f'<li lang="en" dir="ltr">{escape(finding)}</li>' for finding in run.compared)
    return f'<div class="compared"><p>{escape(texts("train.compared"))}</p><ul>{findings}</ul></div>'


def learning(lines: Sequence[Line], entry: dict[str, Any] | None, texts: Texts) -> str:
    """Whether anything was shown to be learnt by the last measurement, with the gain's interval over items; "" before the first."""
    last = (measured(lines) or [{}])[-1]
    gain = last.get("gain") or _gain_of_tests(entry)  # runs of before have it in their tests alone
    if gain is None:
        counted = "gain" in last or (entry is not None and "fallback_tests" in entry)
        return texts("train.learnt_unknown") if counted else ""
    outcome = "better" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "nothing"
    values = {key: isolated(f"{100 * gain[key]:+.1f}", texts) for key in ("value", "low", "high")}
    return texts(f"train.learnt_{outcome}", **values, items=gain["items"])


def _gain_of_tests(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    """The gain over the choice before training, out of the tests that decided on a fallback, which have it the other way round."""
    if entry is not None and "agl" in entry.get("tuned_tests", {}):  # of tuned answers, against the run that was tuned
        test = entry["tuned_tests"]["agl"]
        return {"value": test["difference"], **{key: test[key] for key in ("low", "high", "items")}}
    tests = [] if entry is None else entry.get("fallback_tests", [])
    test = next((test for test in tests if test["rival"] == "untrained"), None)
    if test is None:
        return None
    return {"value": -test["difference"], "low": -test["high"], "high": -test["low"], "items": test["items"]}


def verdict(entry: dict[str, Any], texts: Texts) -> str:
    """What a finished run achieved on its development items, and what inference uses: the numbers of ``core.training.run.verdict``."""
    untrained, after = entry["before"], entry["after"]
    shares = {"before": untrained["agl"], "after": after["agl"], "zero": after["zero-shot"], "knn": after["knn"]}
    written = {name: isolated(f"{value:.1%}", texts) for name, value in shares.items()}
    gain = texts("train.points", value=isolated(f"{100 * (after['agl'] - untrained['agl']):+.1f}", texts))
    sentence = texts("train.verdict", **written, gain=gain)
    if not entry["fallback"]:
        return f"{sentence} {texts('train.verdict_kept')}"
    instead = texts(f"train.fallback_{entry['fallback']}")
    return f"{sentence} {texts('train.verdict_fallback', name=instead)}"


def _alarms(lines: Sequence[Line], texts: Texts) -> str:
    """Sentences of the last line of the log, in English as the run wrote them."""
    if not lines:
        return ""
    alarms = lines[-1].get("alarms", [])
    if not alarms:
        done = sum("reward" in line or "right" in line for line in lines)
        early = texts("train.alarms_early", count=RECENT, done=done)
        return f'<p class="quiet">{escape(early if done < RECENT else texts("train.no_alarms"))}</p>'
    sentences = "".join(f'<li lang="en" dir="ltr">{escape(sentence)}</li>' for sentence in alarms)
    return f'<div class="message alarms">{hint(texts("train.alarms"), texts("train.alarms_hint"))}<ul>{sentences}</ul></div>'


def run_progress(progress: Progress, stopping: bool, texts: Texts) -> str:
    """What is being done now, with a bar."""
    now = min(progress.done + 1, progress.total)  # the iteration in progress
    stage = texts(progress.stage, done=now, total=progress.total) if progress.stage else ""
    if progress.seconds_left is not None and not stopping:
        stage = f"{stage}, {_time_left(progress.seconds_left, texts)}"
    if stopping:
        stage = f"{stage} · {texts('train.stopping')}"
    return (
        f'<div class="agl progress" role="status" dir="{texts.direction}"><span>{escape(progress.run)}: {escape(stage)}</span>'
        f'<span class="bar"><i style="width:{100 * progress.share:.0f}%"></i></span></div>'
    )


def _time_left(seconds: float, texts: Texts) -> str:
    if seconds < 90:
        return texts("train.seconds_left", count=max(5, 5 * round(seconds / 5)))
    return texts("train.minutes_left", count=round(seconds / 60))


def reward_chart(lines: Sequence[Line], total: int, texts: Texts) -> go.Figure:
    """The reward and its two parts, mean of each iteration; the axis runs to ``total`` iterations from the start, so nothing jumps."""
    figure = go.Figure()
    keys = REWARDS if any("div" in line for line in lines) else ONE_PART
    for index, key in enumerate(keys):
        points = series(lines, key)
        figure.add_scatter(
            x=[iteration for iteration, _ in points],
            y=[value for _, value in points],
            mode="lines+markers",
            name=texts(f"measures.{key}"),
            line={"color": COLOURS[index], "width": 3 if index == 0 else 1.5},
            marker={"symbol": SYMBOLS[index], "size": 6},
            hovertemplate=f"%{{x}}: %{{y:.3f}}<br>{_wrapped(meaning(key, texts))}<extra>%{{fullData.name}}</extra>",
        )
    return over_iterations(figure, max(total, lines[-1]["iteration"]), texts)


def development_chart(lines: Sequence[Line], total: int, texts: Texts) -> go.Figure:
    """Accuracy on development items by system, at every measurement."""
    measurements = measured(lines)
    figure = go.Figure()
    for index, system in enumerate(SYSTEMS):
        if not all(system in line["development"] for line in measurements):
            continue  # a run that tuned answers asks fewer
        own = system == "agl"
        figure.add_scatter(
            x=[line["iteration"] for line in measurements],
            y=[line["development"][system] for line in measurements],
            mode="lines+markers",
            name=texts(f"train.system_{system.replace(' ', '_')}"),
            line={"color": COLOURS[(1, 2, 0, 6)[index]], "width": 3 if own else 1.5, "dash": "solid" if own else "dot"},
            marker={"symbol": SYMBOLS[index], "size": 9 if own else 7},
            hovertemplate=f"%{{x}}: %{{y:.1%}}<br>{_wrapped(meaning('development', texts))}<extra>%{{fullData.name}}</extra>",
        )
    figure.update_yaxes(tickformat=".0%")
    return over_iterations(figure, max(total, lines[-1]["iteration"]), texts)


def over_iterations(figure: go.Figure, last: int, texts: Texts) -> go.Figure:
    """The figure in the common style, over iterations from 0 to ``last``."""
    styled = style(figure, height=320, xaxis={"title": {"text": texts("train.iteration"), "font": {"size": 12}}})
    styled.update_xaxes(range=[-0.03 * max(1, last), 1.03 * max(1, last)])
    styled.update_layout(margin={"t": 44}, legend={"y": -0.28, "yanchor": "top"})  # clear of the component's own label
    styled.update_yaxes(rangemode="tozero")
    if last <= 10:  # else plotly would mark halves of an iteration
        styled.update_xaxes(dtick=1)
    return styled


def _wrapped(text: str) -> str:
    """A text for a hover label, which neither wraps nor escapes by itself."""
    return "<br>".join(escape(part) for part in wrap(text, 52))
