"""The sweep at toy size, the trade-off curve, and runs that languages are held out of.

Tests of `core.experiments.unseen_tables`.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from experiment_toys import SHORT, other_queries
from toys import LetterEncoder, toy_examples

from core.errors import InvalidConfig
from core.experiments import runner as runs
from core.experiments.runner import Material
from core.experiments.sweep import SweepConfig, diversities, pareto, sweep
from core.experiments.unseen import HeldOutConfig, held_out
from core.models.loading import ModelConfig
from core.progress import silent
from core.report.schema import check


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("a finished run was made again")


def test_points_that_nothing_beats_are_on_the_curve() -> None:
    assert pareto([(0.5, 0.5), (0.6, 0.4), (0.4, 0.4), (0.5, 0.5), (0.6, 0.3)]) == [True, True, False, True, False]


def test_copies_have_the_least_diversity() -> None:
    items = pd.DataFrame({"demonstrations": ['["a", "b"]', '["a", "c"]', '["a", "gone"]']})
    found = diversities(items, {"a": "river", "b": "river", "c": "zzyx"}, LetterEncoder().vectors)
    assert found[0] == pytest.approx(0.5)  # two copies of one: 1/K
    assert found[1] > 0.9
    assert found[2] == 1.0  # one is left


def test_a_grid_without_values_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="The sweep has no betas; give at least one value to --betas"):
        SweepConfig(SHORT, (1.0,), (), (0,), 4)
    with pytest.raises(InvalidConfig, match=r"reward\.alpha is 0\.0 and reward\.beta 0\.0"):
        SweepConfig(SHORT, (0.0, 1.0), (0.0,), (0,), 4)


def test_every_point_is_trained_once_and_set_against_the_untrained_model(
    base: ModelConfig,
    tasks: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    material = Material(base, tasks["topic"], toy_examples(), other_queries())
    config = SweepConfig(SHORT, (1.0,), (0.0, 1.0), (0,), 3)
    entry = sweep(config, material, tmp_path, silent)
    check(entry, "sweep")
    rows = entry["tables"]["points of the grid"]
    assert [row["point"] for row in rows] == ["untrained", "alpha 1, beta 0", "alpha 1, beta 1"]
    assert any(row["on the curve"] for row in rows)
    assert all(0.5 <= row["diversity"][0] <= 1 for row in rows)
    monkeypatch.setattr(runs, "prepare", refuse)
    monkeypatch.setattr(runs, "evaluate", refuse)
    assert sweep(config, material, tmp_path, silent)["tables"] == entry["tables"]


def test_a_language_held_out_is_neither_learnt_from_nor_shown(base: ModelConfig, tasks: Any, tmp_path: Path) -> None:
    material = Material(base, tasks["topic"], toy_examples(), other_queries())
    entry = held_out(HeldOutConfig(SHORT, ("swh_Latn",), (0,), 3), material, tmp_path, silent)
    check(entry, "held out")
    assert entry["pool"]["languages"] == ["eng_Latn", "fra_Latn"]
    assert [(row["languages"], row["strategy"]) for row in entry["tables"]["before and after"]][:2] == [
        ("learnt from", "agl"),
        ("held out", "agl"),
    ]
    items = pd.read_parquet(tmp_path / "run-0" / "items.parquet")
    assert not items["demonstration_languages"].str.contains("swh_Latn").any()
    with pytest.raises(InvalidConfig, match="1 languages are left to learn from once swh_Latn, fra_Latn are held out"):
        held_out(HeldOutConfig(SHORT, ("swh_Latn", "fra_Latn"), (0,), 3), material, tmp_path, silent)
