"""From a finished response to everything Explore shows of it, without gradio."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from app.explore.answer import Response, Thread
from app.explore.cards import Replacing
from app.explore.context_html import context_view
from app.explore.explanation_html import why_view
from app.explore.figures import pool_map
from app.explore.measures_html import coherence_table, label_table
from app.explore.names import panel_names
from app.explore.panels import details_view, prompt_view, result_panels, variants_view
from app.explore.service import ExploreService
from app.explore.tokens_html import tokens_view
from app.html import message
from app.texts import Texts
from core.data.tasks import Task
from core.inference.predictor import Predictor
from core.languages import language
from core.records import Prediction, Query


@dataclass(frozen=True)
class Reasons:
    """The Why section of one strategy and language, apart from what is measured on demand."""

    labels: str = ""
    coherence: str = ""
    prompt: str = ""


@dataclass(frozen=True)
class View:
    """All views of one response."""

    results: str = ""
    variants: str = ""
    details: str = ""
    reasons: Reasons = field(default_factory=Reasons)
    strategies: tuple[tuple[str, str], ...] = ()  # name and position, to choose from in Why
    languages: tuple[tuple[str, str], ...] = ()  # name and code, likewise


def render(
    explore: ExploreService, tasks: Mapping[str, Task], thread: Thread, texts: Texts, replacing: Replacing | None = None
) -> View:
    """The views of the response on show; empty ones where there is none. ``replacing``: candidates for one of its cards."""
    response = thread.response
    if response is None:
        return View()
    predictions = response.predictions
    memory = [explore.models.memory(prediction.provenance) for prediction in predictions]
    return View(
        result_panels(
            predictions,
            tasks,
            texts,
            pinned=thread.pinned,
            response_id=response.id,
            detected=response.detected,
            replacing=replacing,
            tests=explore.self_tests,
        ),
        variants_view(thread, texts),
        details_view(predictions, texts, memory),
        reasons_of(response, tasks, texts, "0", None),
        tuple((name, str(index)) for index, name in enumerate(panel_names(predictions, texts))),
        tuple((language(answer.language).autonym, answer.language) for answer in predictions[0].answers),
    )


def reasons_of(
    response: Response, tasks: Mapping[str, Task], texts: Texts, strategy: str | None, code: str | None
) -> Reasons:
    """Label probabilities, coherence and exact prompt of one strategy and language."""
    prediction, index = picked(response, strategy, code)
    labels = label_table(prediction, tasks[prediction.task], index, texts)
    return Reasons(labels, coherence_table(prediction, texts), prompt_view(prediction, index))


def measure_why(
    explore: ExploreService,
    tasks: Mapping[str, Task],
    response: Response | None,
    texts: Texts,
    strategy: str | None,
    code: str | None,
) -> str:
    """What order, labels and sentences do to one answer, and what its demonstrations are; measured now."""
    if response is None:
        return message(texts("explore.nothing_to_send"))
    prediction, index = picked(response, strategy, code)
    why = explore.why(prediction, index)
    return why_view(why, prediction, index, tasks[prediction.task], texts)


def measure_tokens(
    explore: ExploreService,
    tasks: Mapping[str, Task],
    response: Response | None,
    texts: Texts,
    strategy: str | None,
    code: str | None,
) -> str:
    """What raised one answer over its runner-up, by token and by demonstration, and how it uses its demonstrations; measured now."""
    if response is None:
        return message(texts("explore.nothing_to_send"))
    prediction, index = picked(response, strategy, code)
    task = tasks[prediction.task]
    contrast = tokens_view(explore.attribution(prediction, index), prediction, index, task, texts)
    return contrast + context_view(explore.context_use(prediction, index), prediction, index, task, texts)


def draw_map(
    explore: ExploreService, tasks: Mapping[str, Task], response: Response | None, texts: Texts, strategy: str | None
) -> Any:
    """The map of the pool as a Plotly figure; None where there is nothing to draw."""
    if response is None:
        return None
    prediction, _ = picked(response, strategy, None)
    if explore.models.needs_gpu(prediction.provenance["model"]):
        return None
    predictor = explore.predictor_of(prediction)
    vectors = pool_vectors(predictor, prediction.query)
    if vectors is None:
        return None
    return pool_map(predictor.index.pool, *vectors, prediction, tasks[prediction.task], texts)


def pool_vectors(predictor: Predictor, query: Query) -> tuple[np.ndarray, np.ndarray] | None:
    """Own vectors of the pool ``(N, D)`` and of a query ``(D,)``; None where the model's states are out of reach."""
    if not predictor.index.sees:
        return None
    with torch.inference_mode():
        return predictor.index.own_vectors().numpy(), predictor.index.own_vector(query).numpy()


def picked(response: Response, strategy: str | None, code: str | None) -> tuple[Prediction, int]:
    """The prediction at a strategy's position and the position of the answer in ``code``; the first ones where there are none such."""
    index = int(strategy or 0) if (strategy or "0").isdigit() else 0
    prediction = response.predictions[min(index, len(response.predictions) - 1)]
    codes = [answer.language for answer in prediction.answers]
    return prediction, codes.index(code) if code in codes else 0
