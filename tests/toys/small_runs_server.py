"""The app as ``python app/main.py`` starts it, but that a run of Train is small: four languages and few questions.

Its policy alone is trained, so that Explore reads no pool anew.
"""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)

from app.train.service import SHORT, TrainingService  # noqa: E402
from core.config import read_config  # noqa: E402
from core.training.config import FitConfig  # noqa: E402


def small(self: TrainingService) -> FitConfig:
    """The settings that a short run begins with, made smaller."""
    start = read_config(SHORT, FitConfig)
    return replace(
        start,
        languages=("swh_Latn", "arb_Arab", "eng_Latn", "fra_Latn"),
        policy=replace(start.policy, candidates=24),
        losses=replace(start.losses, align=0.0),  # which would change the language model
        optim=replace(start.optim, queries=4, trained="policy"),
        watch=replace(start.watch, queries=8),
    )


if __name__ == "__main__":
    TrainingService.defaults = small  # type: ignore[method-assign]
    runpy.run_path(str(ROOT / "app" / "main.py"), run_name="__main__")
