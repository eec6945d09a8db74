"""How reliable a model's certainties are: calibrated label probabilities against right answers, on labelled items of the pool.

One temperature a task and calibration is fitted by likelihood (Guo et al. 2017, arXiv 1706.04599, section 4.2) on the items that the
choice of the prompt was made on. What it is worth is measured on other items, asked as the app asks them, with their translations left
out of the pool: under the calibration in use, the error before and after it, and answers counted in 15 bins of equal width by language.
``core.inference.certainty`` reads the record, and every predictor applies the temperature.

Shapes: B answers, L labels.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.experiments.prompt_choice import PromptChoiceConfig, chosen_queries, scored
from core.experiments.runner import Row, record_facts
from core.inference.certainty import ALL, BINS, bin_of
from core.inference.label_scores import CALIBRATIONS, LabelScorer
from core.inference.predictor import Predictor
from core.progress import Progress
from core.records import Example
from core.report.cells import SHARE
from core.scoring.calibration import log_softmax
from core.seeds import random_of
from core.statistics.reliability import calibration_error

TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(64.0), 188))  # those tried, with steps of 3 %


@dataclass(frozen=True)
class ReliabilityConfig:
    """What is asked."""

    items: int = 40  # of each language
    strategies: tuple[str, ...] = ("agl", "knn")  # their answers are counted together
    k: int = 4
    seed: int = 0


@dataclass(frozen=True)
class TaskData:
    """One task with the queries that temperatures are fitted on, and the pool whose other items are asked."""

    predictor: Predictor
    pool: Sequence[Example]
    languages: tuple[str, ...]
    fitting: Sequence[Example]  # see ``fitting_queries``


def reliability(data: Sequence[TaskData], config: ReliabilityConfig, progress: Progress) -> Row:
    """The record: temperatures of all calibrations; errors and bins by language under the one in use."""
    began = time.perf_counter()
    tables: dict[str, list[Row]] = {"temperatures": [], "tasks": [], "languages": [], "bins": []}
    all_queries: list[Example] = []
    for number, part in enumerate(data):
        name, used = part.predictor.task.name, part.predictor.settings.calibration
        progress(number / len(data), f"{name}, temperatures")
        fitted = fitted_temperatures(name, answers(part.predictor, part.fitting, config, CALIBRATIONS))
        tables["temperatures"] += fitted
        temperature = next(float(row["temperature"]) for row in fitted if row["calibration"] == used)
        progress((number + 0.3) / len(data), name)
        queries = queries_of(part, config)
        result = answers(part.predictor, queries, config, (used,))
        logs = result.logs[used]
        summary = _summary(name, ALL, logs, temperature, result.gold)
        tables["tasks"].append(summary | {"calibration": used, "temperature": temperature})
        for code in sorted(set(result.codes)):
            chosen = np.array(result.codes) == code
            tables["languages"].append(_summary(name, code, logs[chosen], temperature, result.gold[chosen]))
        tables["bins"] += counted(name, log_softmax(logs / temperature), result.gold, result.codes)
        all_queries += queries
    settings = data[0].predictor.settings
    title = "What certainty has been worth"
    return {
        **record_facts("reliability", title, data[0].predictor.model, config, {"queries": all_queries}),
        "seconds": round(time.perf_counter() - began, 1),
        "prompt": settings.prompt.variant,
        "calibration": settings.calibration,
        "units": {"accuracy": SHARE, "error": SHARE, "error before temperature": SHARE},
        "fitting items": {part.predictor.task.name: sorted({e.item for e in part.fitting}) for part in data},
        "tables": tables,
    }


def queries_of(part: TaskData, config: ReliabilityConfig) -> list[Example]:
    """``items`` of each language, drawn apart, none of them fitted on."""
    result = []
    used = {example.item for example in part.fitting}
    for code in part.languages:
        own = [e for e in part.pool if e.language == code and e.item not in used]
        result += random_of("reliability", config.seed, code).sample(own, min(config.items, len(own)))
    return result


def fitting_queries(pool: Sequence[Example], config: PromptChoiceConfig) -> list[Example]:
    """The queries that the prompt is chosen on, in the languages of ``config`` that the pool has, filled up with others of it."""
    there = sorted({example.language for example in pool})
    named = [code for code in config.languages if code in there]
    filled = (*named, *(code for code in there if code not in named))[: len(config.languages)]
    return chosen_queries(pool, replace(config, languages=filled))


@dataclass(frozen=True)
class Answers:
    """Queries' label log-probabilities at temperature 1, those of all strategies together."""

    logs: dict[str, np.ndarray]  # by calibration, (B, L), nats
    gold: np.ndarray  # (B,) indexes of labels
    codes: list[str]  # (B,) languages


def answers(
    predictor: Predictor, queries: Sequence[Example], config: ReliabilityConfig, calibrations: Sequence[str]
) -> Answers:
    """Ask ``queries`` under every strategy; all ``calibrations`` read the same label scores."""
    plain = predictor.with_settings(replace(predictor.settings, label_temperature=1.0))
    by_name: dict[str, list[np.ndarray]] = {name: [] for name in calibrations}
    for strategy in config.strategies:
        asks, raw = scored(plain, queries, strategy, config.k)
        for name, rows in by_name.items():
            labels = LabelScorer(plain.writer, plain.scorer, plain.priors, name, plain.settings.label_score)
            rows += [log_softmax(row) for row in labels.calibrated(asks, raw)]
    index, times = predictor.task.labels.index, len(config.strategies)
    return Answers(
        {name: np.stack(rows) for name, rows in by_name.items()},
        np.array([index(query.label) for query in queries] * times),
        [query.language for query in queries] * times,
    )


def fitted_temperatures(task: str, fitting: Answers) -> list[Row]:
    """A temperature for every calibration."""
    return [
        {
            "task": task,
            "calibration": name,
            "temperature": round(likeliest_temperature(logs, fitting.gold), 3),
            "n": len(fitting.gold),
        }
        for name, logs in fitting.logs.items()
    ]


def likeliest_temperature(logs: np.ndarray, gold: np.ndarray) -> float:
    """The temperature with the highest likelihood of ``gold`` ``(B,)`` under ``logs`` ``(B, L)``, among 188 from 0.25 to 64."""
    rows = np.arange(len(gold))
    losses = [-log_softmax(logs / temperature)[rows, gold].mean() for temperature in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _summary(task: str, code: str, logs: np.ndarray, temperature: float, gold: np.ndarray) -> Row:
    right = logs.argmax(1) == gold
    before, after = (np.exp(log_softmax(logs / divisor).max(1)) for divisor in (1.0, temperature))
    return {
        "task": task,
        "language": code,
        "n": len(gold),
        "accuracy": float(right.mean()),
        "error": calibration_error(after, right, BINS, "width"),
        "error before temperature": calibration_error(before, right, BINS, "width"),
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
