"""How reliable a model's certainties are: calibrated label probabilities against right answers, on labelled items of the pool.

For each task, items that the choice of prompt and calibration did not use are asked as the app asks them, with their translations left
out of the pool. One temperature a task is fitted by likelihood (Guo et al. 2017, arXiv 1706.04599, section 4.2); then answers are counted
in 15 bins of equal width by language. ``core.inference.certainty`` reads the record.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.experiments.prompt_choice import PromptChoiceConfig, chosen_queries, scored
from core.experiments.runner import Row, record_facts
from core.inference.certainty import ALL, BINS, bin_of
from core.inference.predictor import Predictor
from core.progress import Progress
from core.records import Example
from core.report.cells import SHARE
from core.scoring.calibration import log_softmax
from core.seeds import random_of
from core.statistics.reliability import calibration_error

TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(8.0), 106))  # those tried, with steps of 3 %


@dataclass(frozen=True)
class ReliabilityConfig:
    """What is asked."""

    items: int = 40  # of each language
    strategies: tuple[str, ...] = ("agl", "knn")  # their answers are counted together
    k: int = 4
    seed: int = 0


@dataclass(frozen=True)
class TaskData:
    """One task with the items to ask; ``used`` are items that something was chosen on."""

    predictor: Predictor
    pool: Sequence[Example]
    languages: tuple[str, ...]
    used: frozenset[str] = frozenset()


def reliability(data: Sequence[TaskData], config: ReliabilityConfig, progress: Progress) -> Row:
    """The record: per task a temperature and errors before and after it, and the bins by language."""
    began = time.perf_counter()
    tasks: list[Row] = []
    bins: list[Row] = []
    languages: list[Row] = []
    all_queries: list[Example] = []
    for number, part in enumerate(data):
        name = part.predictor.task.name
        progress(number / len(data), name)
        queries = queries_of(part, config)
        logs, gold, codes = _answers(part.predictor, queries, config)
        temperature = fitted_temperature(logs, gold)
        scaled = log_softmax(logs / temperature)
        tasks.append(_summary(name, ALL, logs, scaled, gold) | {"temperature": round(temperature, 3)})
        for code in sorted(set(codes)):
            chosen = np.array(codes) == code
            languages.append(_summary(name, code, logs[chosen], scaled[chosen], gold[chosen]))
        bins += counted(name, scaled, gold, codes)
        all_queries += queries
    settings = data[0].predictor.settings
    title = "What certainty has been worth"
    return {
        **record_facts("reliability", title, data[0].predictor.model, config, {"queries": all_queries}),
        "seconds": round(time.perf_counter() - began, 1),
        "prompt": settings.prompt.variant,
        "calibration": settings.calibration,
        "units": {"accuracy": SHARE, "error": SHARE, "error before temperature": SHARE},
        "tables": {"tasks": tasks, "languages": languages, "bins": bins},
    }


def queries_of(part: TaskData, config: ReliabilityConfig) -> list[Example]:
    """``items`` of each language, drawn apart, none of them used before."""
    result = []
    for code in part.languages:
        own = [e for e in part.pool if e.language == code and e.item not in part.used]
        result += random_of("reliability", config.seed, code).sample(own, min(config.items, len(own)))
    return result


def used_items(pool: Sequence[Example], config: PromptChoiceConfig) -> frozenset[str]:
    """The items that the choice of the prompt was made on."""
    return frozenset(example.item for example in chosen_queries(pool, config))


def _answers(
    predictor: Predictor, queries: Sequence[Example], config: ReliabilityConfig
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Calibrated log-probabilities ``(B, L)`` at temperature 1, gold labels ``(B,)`` and languages of all strategies' answers."""
    plain = predictor.with_settings(replace(predictor.settings, label_temperature=1.0))
    rows, codes, gold = [], [], []
    for strategy in config.strategies:
        asks, raw = scored(plain, queries, strategy, config.k)
        rows += [log_softmax(row) for row in plain.labels.calibrated(asks, raw)]
        codes += [query.language for query in queries]
        gold += [predictor.task.labels.index(query.label) for query in queries]
    return np.stack(rows), np.array(gold), codes


def fitted_temperature(logs: np.ndarray, gold: np.ndarray) -> float:
    """The temperature with the highest likelihood of ``gold`` ``(B,)`` under ``logs`` ``(B, L)``, among 106 from 0.25 to 8."""
    rows = np.arange(len(gold))
    losses = [-log_softmax(logs / temperature)[rows, gold].mean() for temperature in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _summary(task: str, code: str, logs: np.ndarray, scaled: np.ndarray, gold: np.ndarray) -> Row:
    right = logs.argmax(1) == gold
    return {
        "task": task,
        "language": code,
        "n": len(gold),
        "accuracy": float(right.mean()),
        "error": calibration_error(np.exp(scaled.max(1)), right, BINS, "width"),
        "error before temperature": calibration_error(np.exp(log_softmax(logs).max(1)), right, BINS, "width"),
    }


def counted(task: str, scaled: np.ndarray, gold: np.ndarray, codes: Sequence[str]) -> list[Row]:
    """Answers and right answers in each bin that has any, by language and over all."""
    confidence, right = np.exp(scaled.max(1)), scaled.argmax(1) == gold
    numbers = np.array([bin_of(float(value)) for value in confidence])
    rows: list[Row] = []
    for code in (ALL, *sorted(set(codes))):
        chosen = np.ones(len(gold), dtype=bool) if code == ALL else np.array(codes) == code
        for number in range(BINS):
            inside = chosen & (numbers == number)
            if inside.any():
                rows.append(
                    {
                        "task": task,
                        "language": code,
                        "bin": number,
                        "n": int(inside.sum()),
                        "right": int(right[inside].sum()),
                        "mean certainty": round(float(confidence[inside].mean()), 4),
                    }
                )
    return rows
