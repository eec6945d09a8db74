"""Layout and wiring of Train."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.errors import AnnotationError
from app.html import message
from app.services import Services
from app.texts import Localised, Texts, catalogue
from app.train.runs import EXAMPLE
from app.train.service import MOST_ITERATIONS, RunForm, TrainingDesk
from app.train.view import RenderedRun, render_run, run_choices, run_status
from core.errors import CoreError
from core.languages import language
from core.training.config import MODES, TRAINED, FitConfig

SECONDS = 1.5  # between looks at a run that goes on
OPTIONS: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_id": "training"}


@dataclass(frozen=True)
class TrainParts:
    """What the rest of the page needs of the tab."""

    use: gr.Button
    runs: gr.Dropdown
    status: gr.HTML


def build_train(
    services: Services, localised: Localised, tag: gr.State, texts: Texts, tab: gr.Tab, session: Any = None
) -> TrainParts:
    """Build the tab; it looks at the runs each time it is opened, and again and again while one goes on.

    ``session`` holds an organiser's, if any: where strangers come, only an organiser starts and stops runs.
    """
    session = session if session is not None else gr.State("")
    desk, bind = services.training, localised.bind
    with gr.Row(elem_id="train-row"):
        with gr.Column(scale=2, min_width=290):
            bind(gr.Markdown(texts("train.lead"), elem_id="train-lead"), value="train.lead")
            with gr.Row():
                start = bind(
                    gr.Button(texts("train.start"), variant="primary", elem_id="train-start"), value="train.start"
                )
                stop = bind(gr.Button(texts("train.stop"), elem_id="train-stop"), value="train.stop")
            with bind(gr.Accordion(texts("train.options"), open=False, elem_id="train-options"), label="train.options"):
                form = _build_options(services, localised, texts, desk.defaults())
            runs = bind(
                gr.Dropdown([], label=texts("train.runs"), elem_id="train-runs"),
                label="train.runs",
                choices=lambda now: run_choices(desk, now),
            )
            use = bind(gr.Button(texts("train.use"), interactive=False, elem_id="train-use"), value="train.use")
            go_on = bind(gr.Button(texts("train.go_on"), visible=False, elem_id="train-go-on"), value="train.go_on")
        with gr.Column(scale=7, min_width=320):
            status = gr.HTML(elem_id="train-status")
            panels = _build_panels(localised, texts)
    seen = gr.State(("", 0, ""))
    timer = gr.Timer(SECONDS, active=False)
    shown = [status, runs, use, go_on, timer, seen, *panels]
    controls = [status, *[gr.skip()] * (len(shown) - 1)]

    def open_run(tag_now: str, name: str | None) -> list[Any]:
        return _shown(services, catalogue(tag_now), name)

    def act(tag_now: str, token: str, action: Callable[[], str]) -> list[Any]:
        try:
            services.require_trainer(token)
            return open_run(tag_now, action())
        except (CoreError, AnnotationError) as error:
            return [message(str(error), "error"), *controls[1:]]

    def begin(tag_now: str, token: str, *values: Any) -> list[Any]:
        return act(tag_now, token, lambda: desk.start(form_of(dict(zip(form, values, strict=True)))))

    def again(tag_now: str, token: str, name: str | None) -> list[Any]:
        return act(tag_now, token, lambda: desk.go_on(name or ""))

    def look(tag_now: str, name: str | None, before: tuple[str, int, str]) -> list[Any]:
        """A look at a run that goes on: the charts are drawn again only when there is something new in the run on show."""
        running = desk.running
        if running and (name != running or _mark(desk, running) == before):
            return [run_status(desk, catalogue(tag_now)), *controls[1:]]
        return open_run(tag_now, name)

    def end(tag_now: str, token: str) -> Any:
        try:
            services.require_trainer(token)
        except AnnotationError as error:
            return message(str(error), "error")
        return run_status(desk, catalogue(tag_now)) if desk.stop() else message(catalogue(tag_now)("train.not_running"))

    start.click(begin, [tag, session, *form.values()], shown, **OPTIONS)
    go_on.click(again, [tag, session, runs], shown, **OPTIONS)
    stop.click(end, [tag, session], status, **OPTIONS)
    tab.select(open_run, [tag, runs], shown, **OPTIONS)
    runs.input(open_run, [tag, runs], shown, **OPTIONS)
    timer.tick(look, [tag, runs, seen], shown, **OPTIONS)
    tag.change(open_run, [tag, runs], shown, **OPTIONS)
    return TrainParts(use, runs, status)


def _build_options(services: Services, localised: Localised, texts: Texts, start: FitConfig) -> dict[str, Any]:
    """The controls by the names of ``RunForm``."""
    bind = localised.bind
    form: dict[str, Any] = {}
    named = sorted(((language(code).autonym, code) for code in services.languages), key=lambda e: e[0].casefold())

    def choices(kind: str, values: tuple[str, ...]) -> Callable[[Texts], list[tuple[str, str]]]:
        return lambda now: [(now(f"train.{kind}_{value}"), value) for value in values]

    def add(name: str, kind: Any, key: str, hint: str = "", **given: Any) -> None:
        info = {"info": texts(hint)} if hint else {}
        component = kind(label=texts(key), **info, **given)
        said = {"label": key, **({"info": hint} if hint else {})}
        form[name] = bind(component, **said)

    modes, learns = choices("mode", MODES), choices("trained", TRAINED)
    add("mode", gr.Radio, "train.mode", choices=modes(texts), value=start.mode, elem_id="train-mode")
    add("trained", gr.Radio, "train.trained", "train.trained_hint", choices=learns(texts), value=start.optim.trained)
    bind(form["mode"], choices=modes)
    bind(form["trained"], choices=learns)
    steps: dict[str, Any] = {"minimum": 1, "maximum": MOST_ITERATIONS, "step": 1, "value": start.optim.iterations}
    add("iterations", gr.Slider, "train.iterations", elem_id="train-iterations", **steps)
    add("alpha", gr.Slider, "train.alpha", minimum=0, maximum=2, step=0.1, value=start.reward.alpha)
    add("beta", gr.Slider, "train.beta", minimum=0, maximum=2, step=0.1, value=start.reward.beta)
    asked: dict[str, Any] = {"choices": named, "value": list(start.languages), "multiselect": True}
    add("languages", gr.Dropdown, "train.languages", elem_id="train-languages", **asked)
    add("seed", gr.Number, "explore.seed", value=start.seed, precision=0)
    add("name", gr.Textbox, "train.name", "train.name_hint", value="", max_length=60, elem_id="train-name")
    return form


def form_of(values: dict[str, Any]) -> RunForm:
    """The filled-in controls, by name, as a form; empty ones take their defaults."""
    plain = RunForm()
    return RunForm(
        name=(values["name"] or "").strip(),
        mode=values["mode"] or plain.mode,
        trained=values["trained"] or plain.trained,
        alpha=plain.alpha if values["alpha"] is None else float(values["alpha"]),
        beta=plain.beta if values["beta"] is None else float(values["beta"]),
        seed=int(values["seed"] or 0),
        iterations=int(values["iterations"] or 0),
        languages=tuple(values["languages"] or ()),
    )


def _build_panels(localised: Localised, texts: Texts) -> list[Any]:
    """The components in the order of ``RenderedRun``."""
    bind = localised.bind
    head = gr.HTML(elem_id="train-head")
    with gr.Row(elem_id="train-charts"):
        reward = bind(
            gr.Plot(label=texts("train.chart_reward"), elem_id="train-reward", visible=False),
            label="train.chart_reward",
        )
        development = bind(
            gr.Plot(label=texts("train.chart_development"), elem_id="train-development", visible=False),
            label="train.chart_development",
        )
    strip = gr.HTML(elem_id="train-strip")
    accuracy = gr.HTML(elem_id="train-accuracy")
    measures = gr.HTML(elem_id="train-measures")
    pool = gr.HTML(elem_id="train-pool")
    times = gr.HTML(elem_id="train-times")
    return [head, reward, development, strip, accuracy, measures, pool, times]


def _mark(desk: TrainingDesk, name: str) -> tuple[str, int, str]:
    """What tells whether a run has changed: its name, the lines of its log, its state."""
    try:
        run = desk.read(name)
    except CoreError:
        return name, 0, ""
    return name, len(run.lines), run.state


def _shown(services: Services, texts: Texts, name: str | None) -> list[Any]:
    """Updates of everything; without a name, the run that goes on or else the newest."""
    desk = services.training
    listed = run_choices(desk, texts)
    name = name or desk.running or (listed[0][1] if listed else "")
    status = run_status(desk, texts)
    try:
        run = desk.read(name) if name else None
        seen = render_run(run, services.tasks, texts)
    except CoreError as error:
        run, seen, status = None, RenderedRun(""), message(str(error), "error")
    mark = (run.name, len(run.lines), run.state) if run else ("", 0, "")
    stopped = run is not None and run.state == "unfinished" and not desk.running
    charts = [gr.update(value=figure, visible=figure is not None) for figure in (seen.reward, seen.development)]
    head, _, _, *rest = seen.values
    return [
        status,
        gr.update(choices=listed, value=name if run else None),
        gr.update(interactive=run is not None and run.state == "finished" and name != EXAMPLE),
        gr.update(visible=stopped),
        gr.Timer(active=bool(desk.running)),
        mark,
        head,
        *charts,
        *rest,
    ]
