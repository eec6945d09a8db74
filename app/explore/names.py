"""What panels and labels are called on a page."""

from collections.abc import Sequence

from app.strategies import strategy_title
from app.texts import Texts
from core.data.tasks import FALLBACK, Task
from core.records import Example, Prediction


def panel_names(predictions: Sequence[Prediction], texts: Texts) -> list[str]:
    """What each panel shows: the strategy, and where a closed-loop run is in play, whether it is used."""
    runs = [prediction.provenance["adapter"] for prediction in predictions]
    names = []
    for prediction, run in zip(predictions, runs, strict=True):
        strategy = strategy_title(texts, prediction.provenance["strategy"])
        if run != "none":
            strategy = texts("explore.with_run", strategy=strategy, run=run)
        elif set(runs) != {"none"}:
            strategy = texts("explore.without_run", strategy=strategy)
        names.append(strategy)
    return names


def label_as_read(example: Example, prediction: Prediction, task: Task, code: str) -> tuple[str, str]:
    """The word that stands for a demonstration's label in the prompt asking for an answer in ``code``, and that word's language."""
    setting = prediction.selection.framing.labels or prediction.provenance.get("labels", "answer")
    own = {"answer": code, "english": FALLBACK, "demonstration": example.language}.get(setting, code)
    if example.choices:
        return example.choices[task.labels.index(example.label)], example.language
    return task.verbaliser(own).words[example.label], own
