"""Which prompt variant and which calibration suit a model: accuracy of each on labelled items of the pool, never on queries of a test.

Every item is asked in some of the named languages, with its own translations left out of its pool, without demonstrations and with the
nearest ones. All calibrations read the same label scores. The best variant and calibration with demonstrations are what a model's card
names (assets/models/cards). Accuracies are means over languages; ties go to what comes first.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.data.prompt_variants import prompt_variants
from core.data.tasks import Task
from core.errors import InvalidData
from core.evaluation import ZERO_SHOT
from core.experiments.runner import Row, record_facts
from core.inference.label_scores import CALIBRATIONS, Ask, LabelScorer
from core.inference.predictor import Predictor, Question, Settings
from core.progress import Progress
from core.prompting import PromptConfig
from core.records import Example
from core.report.cells import SHARE
from core.scoring.calibration import batch, log_softmax
from core.seeds import random_of
from core.statistics.reliability import calibration_error
from core.workbench import Workbench

IN_BATCH = "batch"  # needs all queries at once, so that no single question can have it
BINS = 15  # of the calibration error, of equal width (Guo et al. 2017, arXiv 1706.04599)


@dataclass(frozen=True)
class PromptChoiceConfig:
    """What is compared."""

    languages: tuple[str, ...]
    items: int = 60  # different ones, of the pool
    each: int = 2  # languages that an item is asked in
    strategy: str = "knn"
    k: int = 4
    variants: tuple[str, ...] = ()  # (): all that the model has; a chat variant needs a chat template


def chosen_queries(pool: Sequence[Example], config: PromptChoiceConfig, seed: str = "prompt choice") -> list[Example]:
    """The items, each in ``each`` of the languages in turn, the same whatever the model. Raises ``InvalidData`` for too small a pool."""
    by_item: dict[str, dict[str, Example]] = {}
    for example in pool:
        if example.language in config.languages:
            by_item.setdefault(example.item, {})[example.language] = example
    whole = sorted(item for item, sides in by_item.items() if len(sides) == len(config.languages))
    if len(whole) < config.items:
        raise InvalidData(
            f"The pool has {len(whole)} items in all of the languages named, but {config.items} are needed; name fewer."
        )
    items = random_of(seed).sample(whole, config.items)
    count = len(config.languages)
    return [
        by_item[item][config.languages[(number + step) % count]]
        for number, item in enumerate(items)
        for step in range(config.each)
    ]


def prompt_choice(
    benches: Sequence[Workbench], task: Task, pool: Sequence[Example], config: PromptChoiceConfig, progress: Progress
) -> Row:
    """The record: a row for every model, variant, strategy and calibration, and the best of each model."""
    began = time.perf_counter()
    queries = chosen_queries(pool, config)
    rows: list[Row] = []
    for number, workbench in enumerate(benches):
        predictor = workbench.predictor(task.name)
        variants = _variants(predictor, config)
        for step, variant in enumerate(variants):
            progress((number + step / len(variants)) / len(benches), f"{workbench.model.config.name}, {variant}")
            for strategy, k in ((ZERO_SHOT, 0), (config.strategy, config.k)):
                rows += _measured(predictor, queries, variant, strategy, k)
    best = [best_of(rows, workbench.model.config.name, config.strategy) for workbench in benches]
    title = "Prompt variants and calibrations"
    return {
        **record_facts("prompts", title, benches[0].model, config, {"queries": queries}),
        "models": [workbench.model.facts for workbench in benches],
        "task": task.name,
        "items": [example.id for example in queries],
        "seconds": round(time.perf_counter() - began, 1),
        "findings": [_finding(row, rows) for row in best],
        "units": {"accuracy": SHARE, "calibration error": SHARE},
        "tables": {"variants": rows, "chosen": best},
    }


def best_of(rows: Sequence[Row], model: str, strategy: str) -> Row:
    """The variant and calibration with the highest accuracy with demonstrations, of those that a single question can have."""
    usable = [
        row for row in rows if (row["model"], row["strategy"]) == (model, strategy) and row["calibration"] != IN_BATCH
    ]
    return max(usable, key=lambda row: row["accuracy"])


def _variants(predictor: Predictor, config: PromptChoiceConfig) -> list[str]:
    chat = predictor.model.has_chat_template
    names = config.variants or tuple(prompt_variants())
    return [name for name in names if chat or not prompt_variants()[name].chat]


def _measured(predictor: Predictor, queries: Sequence[Example], variant: str, strategy: str, k: int) -> list[Row]:
    """A row for each calibration of one variant and strategy."""
    settings = Settings(predictor.settings.policy, PromptConfig.of(variant), label_temperature=1.0)
    asker = predictor.with_settings(settings)
    asks, raw = scored(asker, queries, strategy, k)
    by_name = {}
    for name in CALIBRATIONS:
        calibrated = LabelScorer(asker.writer, asker.scorer, asker.priors, name).calibrated(asks, raw)
        by_name[name] = np.stack([log_softmax(row) for row in calibrated])
    by_name[IN_BATCH] = _in_batch(np.stack(raw), [example.language for example in queries])
    common = {"model": predictor.model.config.name, "prompt": variant, "strategy": strategy, "k": k}
    return [common | {"calibration": name} | measures(asker.task, queries, logs) for name, logs in by_name.items()]


def scored(
    predictor: Predictor, queries: Sequence[Example], strategy: str, k: int
) -> tuple[list[Ask], list[np.ndarray]]:
    """Every query in the context that a strategy gives it, and its raw label scores."""
    questions = [Question(example.query, strategy, k) for example in queries]
    predictor.prepare(questions)
    asks = []
    for question in questions:
        selection = predictor.select(question)
        prompt = predictor.writer.prompt(
            question.query, selection.demonstrations, question.query.language, selection.framing
        )
        fitting = tuple(entry for entry in selection.demonstrations if entry in prompt.demonstrations)
        asks.append(Ask(question.query, fitting, question.query.language, selection.framing))
    return asks, predictor.labels.raw([predictor.labels.requests(ask) for ask in asks])


def measures(task: Task, queries: Sequence[Example], logs: np.ndarray) -> Row:
    """Accuracy, mean over languages, and calibration error of log-probabilities ``(B, L)``."""
    gold = np.array([task.labels.index(example.label) for example in queries])
    right = logs.argmax(1) == gold
    languages = np.array([example.language for example in queries])
    accuracy = float(np.mean([right[languages == code].mean() for code in sorted(set(languages))]))
    error = calibration_error(np.exp(logs.max(1)), right, BINS, "width")
    return {"accuracy": accuracy, "calibration error": error, "n": len(queries)}


def _in_batch(raw: np.ndarray, languages: Sequence[str]) -> np.ndarray:
    logs = np.empty_like(raw)
    codes = np.array(languages)
    for code in set(languages):
        logs[codes == code] = batch(raw[codes == code])
    return logs


def _finding(best: Row, rows: Sequence[Row]) -> str:
    same = [row for row in rows if row["model"] == best["model"] and row["strategy"] == best["strategy"]]
    plain = next((row for row in same if (row["prompt"], row["calibration"]) == ("native", "none")), best)
    return (
        f"{best['model']}: {best['prompt']} with calibration {best['calibration']} is best with demonstrations, "
        f"{100 * best['accuracy']:.1f} % of {best['n']} queries right; native words without calibration {100 * plain['accuracy']:.1f} %."
    )
