"""Layout of Train, and what its events do: every handler returns updates by component."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import gradio as gr

from annotation.errors import AnnotationError
from app.events import QUIET, Updates
from app.html import message
from app.texts import Localised, Texts, catalogue
from app.train.compare_tab import build_compare
from app.train.service import MOST_ITERATIONS, RunForm, TrainingService
from app.train.view import PANELS, RenderedRun, render_run, run_choices, run_status
from core.data.tasks import Task
from core.errors import CoreError
from core.languages import language
from core.training.config import MODES, TRAINED, FitConfig

SECONDS = 1.5  # between looks at a run that goes on
OPTIONS: dict[str, Any] = {**QUIET, "concurrency_id": "training"}
Values: TypeAlias = dict[Any, Any]  # of components


class Host(Protocol):
    """What the tab needs of the app besides its service."""

    tasks: dict[str, Task]

    @property
    def languages(self) -> list[str]:
        """Codes that queries may be in."""
        ...

    def require_trainer(self, session: object) -> None:
        """Raises ``NotAuthorised`` unless whoever holds ``session`` may start and stop runs here."""
        ...


@dataclass(frozen=True)
class TrainParts:
    """The components of the tab."""

    tag: gr.State
    session: Any  # an organiser's, if any: where strangers come, only an organiser starts and stops runs
    form: dict[str, Any]  # controls by the names of ``RunForm``
    start: gr.Button
    stop: gr.Button
    runs: gr.Dropdown
    use: gr.Button
    go_on: gr.Button
    notice: gr.HTML  # why a press did nothing; it stays until the next press, while the status is renewed by the timer
    status: gr.HTML
    mark: gr.State  # of the run as it was drawn last, see ``TrainHandlers.look``
    timer: gr.Timer
    panels: dict[str, Any]  # by the fields of ``RenderedRun``

    @property
    def outputs(self) -> list[Any]:
        """What a look at a run changes."""
        return [self.notice, self.status, self.runs, self.use, self.go_on, self.timer, self.mark, *self.panels.values()]


class TrainHandlers:
    """What the events of the tab do."""

    def __init__(self, service: TrainingService, host: Host, parts: TrainParts) -> None:
        self.service, self.host, self.parts = service, host, parts

    def open_run(self, values: Values) -> Updates:
        """The chosen run; without one, the run that goes on or else the newest."""
        return self.show(catalogue(values[self.parts.tag]), values[self.parts.runs])

    def begin(self, values: Values) -> Updates:
        """Start a run, as the controls say it."""
        form = {name: values[component] for name, component in self.parts.form.items()}
        return self._act(values, lambda: self.service.start(form_of(form)))

    def resume(self, values: Values) -> Updates:
        """Go on with the chosen run."""
        return self._act(values, lambda: self.service.go_on(values[self.parts.runs] or ""))

    def end(self, values: Values) -> Updates:
        """Ask the run that goes on to end."""
        texts, parts = catalogue(values[self.parts.tag]), self.parts
        try:
            self.host.require_trainer(values[parts.session])
        except AnnotationError as error:
            return {parts.notice: message(str(error), "error")}
        if not self.service.stop():
            return {parts.notice: message(texts("train.not_running"))}
        return {parts.notice: "", parts.status: run_status(self.service, texts)}

    def look(self, values: Values) -> Updates:
        """A look at a run that goes on: its charts are drawn again only when the run on show has something new."""
        running, name = self.service.running, values[self.parts.runs]
        if running and (name != running or _mark(self.service, running) == values[self.parts.mark]):
            return {self.parts.status: run_status(self.service, catalogue(values[self.parts.tag]))}
        return self.open_run(values)

    def _act(self, values: Values, action: Callable[[], str]) -> Updates:
        try:
            self.host.require_trainer(values[self.parts.session])
            return {**self.show(catalogue(values[self.parts.tag]), action()), self.parts.notice: ""}
        except (CoreError, AnnotationError) as error:
            return {self.parts.notice: message(str(error), "error")}

    def show(self, texts: Texts, name: str | None) -> Updates:
        """Updates of everything; without a name, the run that goes on or else the newest."""
        parts, service = self.parts, self.service
        listed = run_choices(service, texts)
        name = name or service.running or (listed[0][1] if listed else "")
        status = run_status(service, texts)
        try:
            run = service.read(name) if name else None
            view = render_run(run, self.host.tasks, texts)
        except CoreError as error:
            run, view, status = None, RenderedRun(""), message(str(error), "error")
        stopped = run is not None and run.state == "unfinished" and not service.running
        updates: Updates = {
            parts.status: status,
            parts.runs: gr.update(choices=listed, value=name if run else None),
            parts.use: gr.update(interactive=name in service.finished()),
            parts.go_on: gr.update(visible=stopped),
            parts.timer: gr.Timer(active=bool(service.running)),
            parts.mark: (run.name, len(run.lines), run.state) if run else ("", 0, ""),
        }
        for panel, component in parts.panels.items():
            value = getattr(view, panel)
            figure = isinstance(component, gr.Plot)
            updates[component] = gr.update(value=value, visible=value is not None) if figure else value
        return updates


def build_train(
    service: TrainingService,
    host: Host,
    localised: Localised,
    tag: gr.State,
    texts: Texts,
    tab: gr.Tab,
    session: Any = None,
) -> TrainHandlers:
    """Build the tab; it looks at the runs each time it is opened, and again and again while one goes on."""
    session = session if session is not None else gr.State("")
    bind = localised.bind
    with gr.Row(elem_id="train-row"):
        with gr.Column(scale=2, min_width=290):
            bind(gr.Markdown(texts("train.lead"), elem_id="train-lead"), value="train.lead")
            with gr.Row():
                start = bind(
                    gr.Button(texts("train.start"), variant="primary", elem_id="train-start"), value="train.start"
                )
                stop = bind(gr.Button(texts("train.stop"), elem_id="train-stop"), value="train.stop")
            with bind(gr.Accordion(texts("train.options"), open=False, elem_id="train-options"), label="train.options"):
                form = _build_options(host.languages, localised, texts, service.defaults())
            runs = bind(
                gr.Dropdown([], label=texts("train.runs"), elem_id="train-runs"),
                label="train.runs",
                choices=lambda now: run_choices(service, now),
            )
            use = bind(gr.Button(texts("train.use"), interactive=False, elem_id="train-use"), value="train.use")
            go_on = bind(gr.Button(texts("train.go_on"), visible=False, elem_id="train-go-on"), value="train.go_on")
        with gr.Column(scale=7, min_width=320):
            notice = gr.HTML(elem_id="train-notice")
            status = gr.HTML(elem_id="train-status")
            panels = _build_panels(localised, texts)
            build_compare(service, localised, tag, texts, tab)
    timer = gr.Timer(SECONDS, active=False)
    mark = gr.State(("", 0, ""))
    parts = TrainParts(tag, session, form, start, stop, runs, use, go_on, notice, status, mark, timer, panels)
    handlers = TrainHandlers(service, host, parts)
    _wire(handlers, tab)
    return handlers


def _wire(handlers: TrainHandlers, tab: gr.Tab) -> None:
    parts = handlers.parts
    chosen = {parts.tag, parts.runs}
    parts.start.click(handlers.begin, {parts.tag, parts.session, *parts.form.values()}, parts.outputs, **OPTIONS)
    parts.go_on.click(handlers.resume, {*chosen, parts.session}, parts.outputs, **OPTIONS)
    parts.form["trained"].input(
        _weight_updates, parts.form["trained"], [parts.form["alpha"], parts.form["beta"]], **QUIET
    )
    parts.stop.click(handlers.end, {parts.tag, parts.session}, [parts.notice, parts.status], **OPTIONS)
    parts.timer.tick(handlers.look, {*chosen, parts.mark}, parts.outputs, **OPTIONS)
    for event in (tab.select, parts.runs.input, parts.tag.change):
        event(handlers.open_run, chosen, parts.outputs, **OPTIONS)


def _build_options(codes: list[str], localised: Localised, texts: Texts, start: FitConfig) -> dict[str, Any]:
    """The controls by the names of ``RunForm``."""
    bind = localised.bind
    form: dict[str, Any] = {}
    named = sorted(((language(code).autonym, code) for code in codes), key=lambda e: e[0].casefold())

    def choices(kind: str, values: tuple[str, ...]) -> Callable[[Texts], list[tuple[str, str]]]:
        return lambda now: [(now(f"train.{kind}_{value}"), value) for value in values]

    def add(name: str, kind: Any, key: str, hint: str = "", **options: Any) -> None:
        info = {"info": texts(hint)} if hint else {}
        keys = {"label": key, **({"info": hint} if hint else {})}
        form[name] = bind(kind(label=texts(key), **info, **options), **keys)

    modes, learns = choices("mode", MODES), choices("trained", TRAINED)
    add("mode", gr.Radio, "train.mode", choices=modes(texts), value=start.mode, elem_id="train-mode")
    add("trained", gr.Radio, "train.trained", "train.trained_hint", choices=learns(texts), value=start.optim.trained)
    bind(form["mode"], choices=modes)
    bind(form["trained"], choices=learns)
    weighted: dict[str, Any] = {"visible": _has_weights(start.optim.trained)}
    steps: dict[str, Any] = {"minimum": 1, "maximum": MOST_ITERATIONS, "step": 1, "value": start.optim.iterations}
    add("iterations", gr.Slider, "train.iterations", elem_id="train-iterations", **steps)
    add("alpha", gr.Slider, "train.alpha", minimum=0, maximum=2, step=0.1, value=start.reward.alpha, **weighted)
    add("beta", gr.Slider, "train.beta", minimum=0, maximum=2, step=0.1, value=start.reward.beta, **weighted)
    several: dict[str, Any] = {"choices": named, "value": list(start.languages), "multiselect": True}
    add("languages", gr.Dropdown, "train.languages", elem_id="train-languages", **several)
    add("seed", gr.Number, "explore.seed", value=start.seed, precision=0)
    add("name", gr.Textbox, "train.name", "train.name_hint", value="", max_length=60, elem_id="train-name")
    return form


def _has_weights(trained: str) -> bool:
    """Whether the weights of accuracy and diversity count: a choice that learns alone learns from a bank of log-probabilities."""
    return trained != "policy"


def _weight_updates(trained: str) -> tuple[Any, Any]:
    return gr.update(visible=_has_weights(trained)), gr.update(visible=_has_weights(trained))


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


def _build_panels(localised: Localised, texts: Texts) -> dict[str, Any]:
    """The components by the fields of ``RenderedRun``, in the order of the page."""
    panels: dict[str, Any] = {}
    with gr.Row(elem_id="train-top"):
        panels["head"] = gr.HTML(elem_id="train-head")
    with gr.Row(elem_id="train-charts"):
        for name in ("reward", "development"):
            plot = gr.Plot(label=texts(f"train.chart_{name}"), elem_id=f"train-{name}", visible=False)
            panels[name] = localised.bind(plot, label=f"train.chart_{name}")
    for name in PANELS[3:]:
        panels[name] = gr.HTML(elem_id=f"train-{name}")
    return panels


def _mark(service: TrainingService, name: str) -> tuple[str, int, str]:
    """The identity of a run's state, by which changes are noticed: its name, the lines of its log, its state."""
    try:
        run = service.read(name)
    except CoreError:
        return name, 0, ""
    return name, len(run.lines), run.state
