"""Settings of a run that contradict each other or fall outside their range are refused by name.

Tests of `core.errors`.
"""

import re
import tomllib
from collections.abc import Callable

import pytest

from core.config import read_config
from core.errors import InvalidConfig
from core.models.loading import ASSETS
from core.training.config import (
    TEACHERS,
    ContextConfig,
    FitConfig,
    LossConfig,
    OptimConfig,
    UpkeepConfig,
    WatchConfig,
    WritingConfig,
)

ALONE = OptimConfig(trained="policy")


def test_the_defaults_agree_with_each_other() -> None:
    config = FitConfig()
    assert (config.mode, config.losses.teacher, config.optim.trained) == ("supervised", "stop_gradient", "lora")


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: ContextConfig(k=8, candidates=7), ("policy.candidates is 7", "policy.k = 8")),
        (lambda: OptimConfig(queries=10, accumulate=4), ("optim.queries is 10", "optim.accumulate 4")),
        (lambda: WritingConfig(shortest=3.0), ("writing.shortest is 3.0", "writing.longest 2.5")),
        (lambda: FitConfig(optim=ALONE), ("optim.trained is 'policy'", "losses.align 0.2", "losses.align=0")),
        (
            lambda: FitConfig(losses=LossConfig(teacher="both")),
            ("losses.teacher is 'both'", "losses.gate true", "losses.gate=false"),
        ),
    ],
)
def test_a_contradiction_names_both_settings(make: Callable[[], object], named: tuple[str, ...]) -> None:
    with pytest.raises(InvalidConfig) as refusal:
        make()
    assert [words for words in named if words not in str(refusal.value)] == []


def test_what_the_messages_advise_is_accepted() -> None:
    assert FitConfig(optim=ALONE, losses=LossConfig(align=0.0)).optim.trained == "policy"
    assert FitConfig(losses=LossConfig(align=1.0)).optim.trained == "lora"
    assert not FitConfig(losses=LossConfig(teacher="both", gate=False)).losses.gate
    assert FitConfig(losses=LossConfig(teacher="ema")).losses.gate
    assert OptimConfig(queries=12, accumulate=4).accumulate == 4
    assert ContextConfig(k=8, candidates=8).k == 8


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ContextConfig(contexts=1), "policy.contexts is 1; it must be 2 or more."),
        (lambda: ContextConfig(k=0), "policy.k is 0; it must be 1 or more."),
        (lambda: LossConfig(reference=-0.1), "losses.reference is -0.1; it must be a number of 0 or more."),
        (lambda: LossConfig(ema=1.0), "losses.ema is 1.0; it must be 0 or more and below 1."),
        (lambda: LossConfig(teacher="me"), f"losses.teacher is 'me'; allowed are {', '.join(TEACHERS)}."),
        (
            lambda: LossConfig(coherence_target="x"),
            "losses.coherence_target is 'x'; allowed are frozen, ema, both.",
        ),
        (lambda: OptimConfig(trained="all"), "optim.trained is 'all'; allowed are policy, lora, full."),
        (lambda: OptimConfig(iterations=0), "optim.iterations is 0; it must be 1 or more."),
        (lambda: OptimConfig(policy_rate=0.0), "optim.policy_rate is 0.0; it must be above 0."),
        (lambda: WritingConfig(pairs=-1), "writing.pairs is -1; it must be 0 or more."),
        (lambda: UpkeepConfig(uses=0), "upkeep.uses is 0; it must be 1 or more."),
        (lambda: WatchConfig(keep=0), "watch.keep is 0; it must be 1 or more."),
        (lambda: WatchConfig(share=1.0), "watch.share is 1.0; it must lie between 0 and 1."),
        (lambda: FitConfig(mode="both"), "mode is 'both'; allowed are supervised, self."),
        (lambda: FitConfig(answer_languages=0), "answer_languages is 0; it must be 1 or more."),
        (
            lambda: FitConfig(mode="self"),
            "mode is 'self' and answer_languages 1: without labels the reward is agreement over contexts and languages, and contexts "
            "alone repeat each other's errors; set answer_languages=2 or more.",
        ),
    ],
)
def test_a_setting_outside_its_range_is_named_with_what_is_allowed(make: Callable[[], object], words: str) -> None:
    with pytest.raises(InvalidConfig, match=re.escape(words) + "$"):
        make()


@pytest.mark.parametrize("changes", [{"near": 1.1}, {"temperature": 0.0}, {"redundancy": -1.0}])
def test_a_policy_that_cannot_draw_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InvalidConfig, match=rf"policy\.{next(iter(changes))} "):
        ContextConfig(**changes)


def test_the_shipped_file_says_the_defaults() -> None:
    """What the file leaves unchanged and what the code falls back to are one thing."""
    assert read_config(ASSETS / "configs" / "fit_cpu.toml", FitConfig) == FitConfig()


@pytest.mark.parametrize("name", ["short", "choice", "bank"])
def test_the_other_files_are_complete(name: str) -> None:
    """Every key of the long file, in every section, so that nothing in them is hidden."""
    long, other = (tomllib.loads((ASSETS / "configs" / f"fit_{one}.toml").read_text()) for one in ("cpu", name))
    assert {key: set(value) if isinstance(value, dict) else None for key, value in long.items()} == {
        key: set(value) if isinstance(value, dict) else None for key, value in other.items()
    }
