"""Closed-loop runs of an experiment: trained once, evaluated once, and the model before training beside them."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.bundle import Workbench
from core.encoder import SentenceEncoder
from core.evaluation import EvaluationConfig, evaluate
from core.loop.config import FitConfig
from core.loop.fit import fit, prepare
from core.models import ModelConfig, load_model
from core.pool import Pool
from core.records import Example
from core.tasks import Task
from core.trained import MANIFEST

Told = Callable[[int, dict[str, Any]], None]  # iteration and its line of the log


@dataclass(frozen=True)
class Material:
    """What all runs of an experiment share."""

    base: ModelConfig
    task: Task
    pool: Sequence[Example]  # learnt from and chosen from
    queries: Sequence[Example]  # only evaluated on


def train(settings: FitConfig, material: Material, place: Path, tell: Told) -> None:
    """Run the loop unless it has been run, or go on with it; checkpoints are dropped once it is done.

    Vectors of the model before training are the same in all runs beside each other, so they are handed from one to the next.
    """
    if (place / MANIFEST).is_file():
        return
    known = place.parent / "before.npz"
    if known.is_file():
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(known, place / "before.npz")
    loop = prepare(settings, load_model(material.base), SentenceEncoder(), material.task, material.pool, None, place)
    fit(loop, "file", tell)
    shutil.rmtree(place / "checkpoints", ignore_errors=True)
    (place / "before.npz").replace(known)


def evaluated(
    material: Material, asked: EvaluationConfig, run: Path | None, tell: Callable[[float, str], None] | None = None
) -> pd.DataFrame:
    """Item-level answers of the model before training (``run`` None), or as a run left it, good or bad: it never falls back."""
    config = material.base if run is None else replace(material.base, run=str(run), fall_back=False)
    task = material.task
    bench = Workbench(load_model(config), SentenceEncoder(), pools={task.name: Pool(tuple(material.pool))})
    return evaluate(bench.predictor(task.name), material.queries, asked, tell)
