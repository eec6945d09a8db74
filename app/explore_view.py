"""From finished predictions to everything Explore shows, without gradio."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.explorer import as_json, pool_vectors
from app.services import Services
from app.texts import Texts
from app.views.figures import coherence_map, label_bars, pool_map
from app.views.panels import details_view, panel_names, prompt_view, result_panels
from core.languages import language
from core.records import Prediction


@dataclass(frozen=True)
class Rendered:
    """What is on show; figures are None where there is nothing to draw."""

    results: str
    strategies: list[tuple[str, str]]
    languages: list[tuple[str, str]]
    labels: Any = None
    coherence: Any = None
    map: Any = None
    prompt: str = ""
    details: str = ""
    chosen: list[tuple[str, str]] = field(default_factory=list)  # the first strategy's demonstrations: text, id


def render(services: Services, predictions: tuple[Prediction, ...], texts: Texts, languages: int = 0) -> Rendered:
    """The whole view; with ``languages`` > 0 only the panels, with rows for the answers still to come."""
    tasks = services.tasks
    results = result_panels(predictions, tasks, texts, languages)
    if languages or not predictions:
        return Rendered(results, [], [])
    strategies = [(name, str(place)) for place, name in enumerate(panel_names(predictions, texts))]
    codes = [(language(answer.language).autonym, answer.language) for answer in predictions[0].answers]
    labels, prompt, coherence, pool = render_why(services, predictions, texts, "0", codes[0][1])
    chosen = [
        (f"{language(entry.example.language).autonym}: {entry.example.text}", entry.example.id)
        for entry in predictions[0].selection.demonstrations
    ]
    details = details_view(predictions, texts)
    return Rendered(results, strategies, codes, labels, coherence, pool, prompt, details, chosen)


def render_why(
    services: Services, predictions: tuple[Prediction, ...], texts: Texts, strategy: str | None, code: str | None
) -> tuple[Any, ...]:
    """Label bars, prompt, coherence map and pool map of one strategy and language."""
    if not predictions:
        return None, "", None, None
    place = int(strategy or 0) if (strategy or "0").isdigit() else 0
    prediction = predictions[min(place, len(predictions) - 1)]
    codes = [answer.language for answer in prediction.answers]
    answer = codes.index(code) if code in codes else 0
    task = services.tasks[prediction.task]
    labels = label_bars(prediction, task, answer, texts) if task.is_closed else None
    origin = prediction.provenance
    run = origin["adapter"] if origin["adapter"] != "none" else ""
    config = services.explorer.config(origin["model"], origin["precision"], run)  # type: ignore[arg-type]
    predictor = services.explorer.workbench(config).predictor(prediction.task)
    vectors, query = pool_vectors(predictor, prediction.query)
    pool = pool_map(predictor.index.pool, vectors, query, prediction, task, texts)
    return labels, prompt_view(prediction, answer), coherence_map(prediction, texts), pool


def write_json(folder: Path, predictions: tuple[Prediction, ...]) -> str | None:
    """A file with everything about the predictions; None when there are none."""
    if not predictions:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=folder)) / "agl-predictions.json"
    path.write_text(as_json(predictions), encoding="utf-8")
    return str(path)
