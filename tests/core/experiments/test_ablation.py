"""The ablation at toy size: what it trains, what it compares, and that it goes on where it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from experiment_toys import SHORT
from toys import toy_examples

from core.errors import InvalidConfig
from core.experiments.ablation import VARIANTS, AblationConfig, ablate
from core.experiments.runner import Material, printed
from core.models.loading import ModelConfig
from core.report.schema import check
from core.training.bank.build import BankConfig
from core.training.bank.fit import PolicyFitConfig
from core.training.bank.store import banks_in, fill
from core.training.config import FitConfig

WITH_BANK = replace(
    SHORT,
    bank=BankConfig(queries=8, candidates=4, shortlist=0),
    choice=PolicyFitConfig(steps=4, queries=4),
    optim=replace(SHORT.optim, trained="policy"),
    losses=replace(SHORT.losses, align=0.0),
)


def queries() -> list[Any]:
    """The toy items once more, under names of their own, so that none of them is its own answer."""
    return [replace(e, id=f"q-{e.id}", item=f"q-{e.item}", text=f"{e.text} {e.text}") for e in toy_examples()]


def test_before_and_after_are_paired_by_item_and_a_second_call_trains_nothing(
    base: ModelConfig, tasks: Any, tmp_path: Path
) -> None:
    config = AblationConfig(SHORT, ("without rl",), (0, 1), 2)
    material = Material(base, tasks["topic"], toy_examples(), queries())
    stages: list[str] = []
    entry = ablate(config, material, tmp_path, lambda _share, stage: stages.append(stage))
    check(entry, "ablation")
    (row,) = entry["tables"]["variants"]
    low, high = row["change"][1:]
    assert row["variant"] == "without rl" and row["seeds"] == 2
    assert row["change"][0] == pytest.approx(row["after"] - row["before"], abs=2e-4)
    assert low <= row["change"][0] <= high
    both = row["change over items and seeds"]
    assert both[0] == row["change"][0] and both[1] <= both[0] <= both[2]
    assert {one["language"] for one in entry["tables"]["by language"]} == {"eng_Latn", "fra_Latn", "swh_Latn"}
    before = pd.read_parquet(tmp_path / "untrained.parquet")
    after = pd.read_parquet(tmp_path / "without-rl-1" / "items.parquet")
    assert before["id"].tolist() == after["id"].tolist()
    measured = [stage for stage in stages if "iteration" in stage and ":" in stage]
    assert len(measured) == 2 * 2  # before and after each of two runs
    again = ablate(config, material, tmp_path, lambda _share, stage: stages.append(stage))
    assert len([stage for stage in stages if "iteration" in stage and ":" in stage]) == 2 * 2
    assert again["tables"] == entry["tables"]
    assert "change, points" in printed(entry, ["variants"])


def make_imputed(name: str) -> int:
    return VARIANTS[name](FitConfig(bank=BankConfig(imputed=9))).bank.imputed


def test_each_variant_changes_what_it_is_named_for() -> None:
    changed = {name: make(FitConfig()) for name, make in VARIANTS.items()}
    assert changed["supervised"] == FitConfig()
    assert (changed["self"].mode, changed["self"].answer_languages) == ("self", 2)
    for loss in ("rl", "align", "reference"):
        assert getattr(changed[f"without {loss}"].losses, loss) == 0
    assert (changed["without coherence"].losses.coherence, changed["without coherence"].losses.variance_floor) == (0, 0)
    assert changed["without writing"].writing.pairs == 0
    assert [changed[name].choice.objective for name in ("expected reward", "listwise")] == ["expected", "listwise"]
    assert (changed["without head"].choice.head, changed["without decay"].choice.decay) == (False, 0)
    assert make_imputed("without imputed") == 0
    assert {name: c.losses.teacher for name, c in changed.items() if "teacher" in name} == {
        "teacher ema": "ema",
        "teacher base": "base",
        "teacher both": "both",
    }


def test_unknown_variants_are_refused_by_name() -> None:
    with pytest.raises(InvalidConfig, match=r"There is no variant 'without love'; choose from supervised, self,"):
        AblationConfig(SHORT, ("without love",), (0,), 4)


def test_a_variant_that_changes_nothing_is_refused() -> None:
    """Loss weights are read by no run with a bank: such an ablation could have shown nothing."""
    with pytest.raises(
        InvalidConfig, match=r"'without rl' changes nothing about a run with a bank .*choose from supervised"
    ):
        AblationConfig(WITH_BANK, ("without rl",), (0,), 4)
    with pytest.raises(InvalidConfig, match="'without head' changes nothing about a run without a bank"):
        AblationConfig(SHORT, ("without head",), (0,), 4)


def test_variants_share_the_scores_of_one_bank(
    base: ModelConfig, tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []

    def counted(*given: Any, **more: Any) -> int:
        counts.append(fill(*given, **more))
        return counts[-1]

    monkeypatch.setattr("core.training.bank.loop.fill", counted)
    config = AblationConfig(WITH_BANK, ("listwise", "expected reward", "without head"), (0,), 2)
    material = Material(base, tasks["topic"], toy_examples(), queries())
    entry = ablate(config, material, tmp_path / "first", lambda *_: None)
    check(entry, "ablation")
    assert counts[0] > 0 and counts[1:] == [0, 0]
    lent = replace(material, banks=tuple(banks_in(tmp_path / "first")))
    again = ablate(config, lent, tmp_path / "second", lambda *_: None)
    assert counts[3:] == [0, 0, 0]
    assert again["tables"] == entry["tables"]
