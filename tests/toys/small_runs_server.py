"""The app as ``python app/main.py`` starts it, but that a run of Train is small: four languages and a bank of few scores."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)

from app.train.service import CHOICE, TrainingService  # noqa: E402
from core.config import read_config  # noqa: E402
from core.training.config import FitConfig  # noqa: E402


def small(self: TrainingService, trained: str = "policy") -> FitConfig:
    """The settings that a run begins with, made smaller."""
    start = read_config(CHOICE, FitConfig)
    return replace(
        start,
        languages=("swh_Latn", "arb_Arab", "eng_Latn", "fra_Latn"),
        layer="middle",
        policy=replace(start.policy, k=4),
        bank=replace(start.bank, queries=8, candidates=4),
        watch=replace(start.watch, every=1, queries=8),
    )


if __name__ == "__main__":
    TrainingService.defaults = small  # type: ignore[method-assign]
    runpy.run_path(str(ROOT / "app" / "main.py"), run_name="__main__")
