"""The controls of Explore, and what they say as a form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.explore.form import AUTO, DETECT, LEAST_TEMPERATURE, MOST_ANSWERS, MOST_K, MOST_TEMPERATURE, UNTRAINED, Form
from app.explore.models import usual_device
from app.strategies import strategy_title
from app.texts import Localised, Texts
from core.data.prompt_variants import prompt_variants
from core.inference.label_scores import CALIBRATIONS
from core.languages import language
from core.models.catalogue import DEFAULT
from core.models.loading import PRECISIONS
from core.selection.strategies import STRATEGIES

NONE = "none"
LONGEST_TYPED = 20_000  # characters a browser lets through; longer queries are refused with a sentence


@dataclass(frozen=True)
class Offers:
    """What the controls offer."""

    languages: list[str]  # codes
    models: Callable[[Texts], list[tuple[str, str]]]
    describe: Callable[[str, Texts], list[str]]  # what is known of a model: title, size, licence, offline or not
    runs: Callable[[], list[str]]  # names of closed-loop runs

    @property
    def named(self) -> list[tuple[str, str]]:
        """Languages by their own names, in that order."""
        codes = sorted(self.languages, key=lambda code: language(code).autonym.casefold())
        return [(language(code).autonym, code) for code in codes]


def build_bar(localised: Localised, texts: Texts, offers: Offers, first: Form) -> dict[str, Any]:
    """What every question needs, by name: text, language, task, model."""
    bind = localised.bind
    form: dict[str, Any] = {}
    form["text"] = bind(
        gr.Textbox(
            first.text,
            lines=2,
            max_lines=8,
            label=texts("explore.query"),
            placeholder=texts("explore.query_hint"),
            elem_id="query",
            max_length=LONGEST_TYPED,
        ),
        label="explore.query",
        placeholder="explore.query_hint",
    )

    def queried(now: Texts) -> list[tuple[str, str]]:
        return [(now("explore.detect"), DETECT), *offers.named]

    with gr.Row(elem_id="explore-bar"):
        form["language"] = bind(
            gr.Dropdown(
                queried(texts),
                value=first.language,
                label=texts("explore.language"),
                elem_id="query-language",
                min_width=150,
            ),
            label="explore.language",
            choices=queried,
        )
        form["task"] = bind(
            gr.Dropdown(_tasks(texts), value=first.task, label=texts("explore.task"), elem_id="task", min_width=120),
            label="explore.task",
            choices=_tasks,
        )
        form["model"] = bind(
            gr.Dropdown(
                offers.models(texts),
                value=first.model,
                allow_custom_value=True,
                label=texts("explore.model"),
                elem_id="model",
                min_width=200,
            ),
            label="explore.model",
            choices=offers.models,
        )
    return form


def build_choices(localised: Localised, texts: Texts, offers: Offers, first: Form) -> dict[str, Any]:
    """Answers, demonstrations and method, by name."""
    bind = localised.bind
    form: dict[str, Any] = {}
    with bind(gr.Accordion(texts("explore.choices"), open=True, elem_id="choices"), label="explore.choices"):
        form["answer_languages"] = bind(
            gr.Dropdown(
                offers.named,
                value=list(first.answer_languages),
                multiselect=True,
                max_choices=MOST_ANSWERS,
                label=texts("explore.answers"),
                elem_id="answer-languages",
            ),
            label="explore.answers",
        )
        form["strategy"] = bind(
            gr.Dropdown(_strategies(texts), value="agl", label=texts("explore.strategy"), elem_id="strategy"),
            label="explore.strategy",
            choices=_strategies,
        )
        form["compare"] = bind(
            gr.Dropdown(_others(texts), value="knn", label=texts("explore.compare"), elem_id="compare"),
            label="explore.compare",
            choices=_others,
        )
        form["k"] = bind(
            gr.Slider(0, MOST_K, value=4, step=1, label=texts("explore.count"), elem_id="k"), label="explore.count"
        )
    with bind(gr.Accordion(texts("explore.model_section"), open=False), label="explore.model_section"):
        form["pool_languages"] = bind(
            gr.Dropdown(
                offers.named,
                value=[],
                multiselect=True,
                label=texts("explore.pool_languages"),
                info=texts("explore.pool_languages_hint"),
            ),
            label="explore.pool_languages",
            info="explore.pool_languages_hint",
        )
        form |= _method_controls(localised, texts, offers.runs)
    return form


def _method_controls(localised: Localised, texts: Texts, runs: Callable[[], list[str]]) -> dict[str, Any]:
    bind, device = localised.bind, usual_device()
    advice = "explore.precision_cpu" if device.type == "cpu" else "explore.precision_gpu"
    form: dict[str, Any] = {}
    form["precision"] = bind(
        gr.Radio(
            ["auto", *PRECISIONS],
            value="auto",
            label=texts("explore.precision"),
            info=texts(advice),
            elem_id="precision",
        ),
        label="explore.precision",
        info=advice,
    )
    form["run"] = bind(
        gr.Dropdown(
            run_names(texts, runs()),
            value="",
            label=texts("explore.run"),
            info=texts("explore.run_hint"),
            elem_id="run",
        ),
        label="explore.run",
        info="explore.run_hint",
        choices=lambda now: run_names(now, runs()),
    )
    form["temperature"] = bind(
        gr.Slider(
            LEAST_TEMPERATURE,
            MOST_TEMPERATURE,
            value=0.05,
            step=0.01,
            label=texts("explore.temperature"),
            info=texts("explore.temperature_hint"),
        ),
        label="explore.temperature",
        info="explore.temperature_hint",
    )
    form["prompt"] = bind(
        gr.Dropdown(_prompts(texts), value="", label=texts("explore.prompt"), elem_id="prompt-variant"),
        label="explore.prompt",
        choices=_prompts,
    )
    form["calibration"] = bind(
        gr.Dropdown(_calibrations(texts), value=AUTO, label=texts("explore.calibration"), elem_id="calibration"),
        label="explore.calibration",
        choices=_calibrations,
    )
    form["seed"] = bind(gr.Number(0, precision=0, label=texts("explore.seed")), label="explore.seed")
    return form


def _tasks(texts: Texts) -> list[tuple[str, str]]:
    return [(texts(f"explore.task_{name}"), name) for name in ("topic", "sentiment", "translation")]


def _strategies(texts: Texts) -> list[tuple[str, str]]:
    """All strategies, but for the untrained policy, which the comparison with the whole model before training stands for here."""
    return [(strategy_title(texts, name), name) for name in STRATEGIES if name != "agl-untrained"]


def _calibrations(texts: Texts) -> list[tuple[str, str]]:
    return [(texts(f"explore.calibration_{name}"), name) for name in (AUTO, *CALIBRATIONS)]


def _prompts(texts: Texts) -> list[tuple[str, str]]:
    """Prompt variants by their own English titles."""
    variants = [(variant.title, name) for name, variant in prompt_variants().items()]
    return [(texts("explore.calibration_auto"), ""), *variants]


def _others(texts: Texts) -> list[tuple[str, str]]:
    untrained = (texts("explore.strategy_untrained"), UNTRAINED)
    return [(texts("explore.nothing"), NONE), *_strategies(texts), untrained]


def run_names(texts: Texts, names: list[str]) -> list[tuple[str, str]]:
    """Closed-loop runs to choose from, none first."""
    return [(texts("explore.run_none"), ""), *((name, name) for name in names)]


def form_of(values: dict[str, Any]) -> Form:
    """The filled-in controls, by name, as a form; empty ones take their defaults."""
    strategies = tuple(name for name in (values["strategy"], values["compare"]) if name and name != NONE)
    return Form(
        text=values["text"] or "",
        language=values["language"] or DETECT,
        task=values["task"] or "topic",
        answer_languages=tuple(values["answer_languages"] or ()),
        strategies=strategies,
        k=int(values["k"] or 0),
        pool_languages=tuple(values["pool_languages"] or ()),
        model=values["model"] or DEFAULT,
        precision=values["precision"] or "auto",
        run=values["run"] or "",
        temperature=float(values["temperature"] or 0.05),
        prompt=values["prompt"] or "",
        calibration=values["calibration"] or AUTO,
        seed=int(values["seed"] or 0),
    )


def values_of(form: Form) -> dict[str, Any]:
    """What the controls show for a form, by name; the other way round than ``form_of``."""
    first, *others = form.strategies or ("agl",)
    return {
        "text": form.text,
        "language": form.language,
        "task": form.task,
        "answer_languages": list(form.answer_languages),
        "strategy": first,
        "compare": others[0] if others else NONE,
        "k": form.k,
        "pool_languages": list(form.pool_languages),
        "model": form.model,
        "precision": form.precision,
        "run": form.run,
        "temperature": form.temperature,
        "prompt": form.prompt,
        "calibration": form.calibration,
        "seed": form.seed,
    }
