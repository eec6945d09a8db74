"""From a run to everything the Train tab shows of it, without gradio."""

from dataclasses import dataclass
from typing import Any

from app.runs import SeenRun
from app.texts import Texts
from app.training import Progress, TrainingDesk
from app.views.html import message
from app.views.measures import accuracy_tiles, measure_tiles, time_bars
from app.views.strip import choice_strip, pool_changes
from app.views.training import development_chart, reward_chart, run_head, run_name, run_progress
from core.tasks import Task


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

    @property
    def values(self) -> list[Any]:
        """In the order of the tab's components."""
        return [getattr(self, field) for field in self.__dataclass_fields__]


def render_run(run: SeenRun | None, tasks: dict[str, Task], texts: Texts) -> RenderedRun:
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


def run_choices(desk: TrainingDesk, texts: Texts) -> list[tuple[str, str]]:
    """Every run with its state, for a list to choose from."""
    return [(f"{run_name(name, texts)} · {texts(f'train.state_{state}')}", name) for name, state in desk.runs()]


def run_status(desk: TrainingDesk, texts: Texts) -> str:
    """Where the run that goes on stands, or how the last one ended; empty before the first."""
    progress: Progress | None = desk.progress
    if progress is None:
        return ""
    if progress.going:
        return run_progress(progress, desk.stopping, texts)
    if progress.error:
        return message(progress.error, "error")
    if progress.done < progress.total:
        return message(texts("train.stopped", run=progress.run, done=progress.done, total=progress.total))
    return ""
