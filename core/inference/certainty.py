"""What a certainty has been worth: how often answers of such certainty were right, by task and language.

Read from ``assets/results/reliability/<model>.json``, which ``train.py reliability`` makes on labelled items of the pool. It also holds
the temperatures that log-probabilities of a task's labels are divided by (Guo et al. 2017, arXiv 1706.04599, section 4.2): one number a
task and calibration, fitted on the items that the prompt was chosen on, that changes no answer. ``Predictor`` applies it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.config import ASSETS
from core.models.catalogue import settled_name

FOLDER = ASSETS / "results" / "reliability"
BINS = 15  # of equal width
ENOUGH = 20  # answers of a language in a bin; with fewer, those of all languages count
ALL = "all"  # languages together


@dataclass(frozen=True)
class Worth:
    """How often answers of about this certainty were right."""

    right: float  # share, [0, 1]
    n: int  # answers that it is a share of
    language: str  # that they were in, or "all"


@dataclass(frozen=True)
class Certainty:
    """The reliability of one model's certainties."""

    temperatures: Mapping[tuple[str, str], float]  # by task and calibration
    bins: Mapping[tuple[str, str, int], tuple[int, int]]  # (task, language, bin) -> answers, right ones
    prompt: str = ""  # variant that the answers were asked with
    calibration: str = ""
    strategies: tuple[str, ...] = ()  # that chose their demonstrations
    k: int = 0  # demonstrations asked for

    def temperature(self, task: str, calibration: str) -> float:
        """What log-probabilities of a task's labels under a calibration are divided by; 1 where nothing was measured."""
        return self.temperatures.get((task, calibration), 1.0)

    def worth(self, task: str, language: str, confidence: float) -> Worth | None:
        """The bin of ``confidence`` in this language, or in all of them where the language has few answers in it; None if nobody has."""
        number = bin_of(confidence)
        for code in (language, ALL):
            n, right = self.bins.get((task, code, number), (0, 0))
            if n >= ENOUGH:
                return Worth(right / n, n, code)
        return None


def bin_of(confidence: float) -> int:
    """The bin of a certainty in [0, 1]; 1 belongs to the last."""
    return min(int(confidence * BINS), BINS - 1)


@cache
def certainty_of(model: str, folder: Path = FOLDER) -> Certainty:
    """The record of a model by its card's name; without one, nothing is known and nothing changes."""
    try:
        entry: dict[str, Any] = json.loads((folder / f"{model}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Certainty({}, {})
    bins = {
        (row["task"], row["language"], int(row["bin"])): (int(row["n"]), int(row["right"]))
        for row in entry["tables"]["bins"]
    }
    temperatures = {
        (row["task"], row["calibration"]): float(row["temperature"]) for row in entry["tables"]["temperatures"]
    }
    config = entry.get("config", {})
    strategies = tuple(config.get("strategies", ()))
    return Certainty(
        temperatures, bins, entry.get("prompt", ""), entry.get("calibration", ""), strategies, config.get("k", 0)
    )


def fitted_temperature(model: str, task: str, calibration: str) -> float:
    """The temperature of a model by its name or folder, as fitted for a task under a calibration; 1 where none was."""
    return certainty_of(Path(settled_name(model)).name).temperature(task, calibration)


def certainty_worth(model: str, task: str, language: str, confidence: float) -> tuple[float, int] | None:
    """``(share of right answers, number of answers)`` of such certainty; None where too few were ever counted."""
    worth = certainty_of(model).worth(task, language, confidence)
    return None if worth is None else (worth.right, worth.n)
