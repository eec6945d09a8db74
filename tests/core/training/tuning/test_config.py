"""What a tuning run may be set to."""

from pathlib import Path
from typing import Any

import pytest

from core.config import ASSETS, read_config
from core.errors import InvalidConfig
from core.training.tuning.config import TuneConfig


def test_the_file_that_comes_along_is_complete_and_read() -> None:
    config = read_config(ASSETS / "configs" / "tune_gemma.toml", TuneConfig)
    assert (config.contexts, config.rank, len(config.languages)) == (("agl", "zero-shot"), 8, 14)
    lines = (ASSETS / "configs" / "tune_gemma.toml").read_text().splitlines()
    named = {line.split(" = ")[0] for line in lines if " = " in line and not line.startswith("#")}
    assert named == set(TuneConfig.__dataclass_fields__)


def test_queries_are_asked_under_the_strategies_in_turn() -> None:
    config = TuneConfig(contexts=("random", "zero-shot", "agl"))
    assert [config.strategy(number) for number in range(4)] == ["random", "zero-shot", "agl", "random"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"contexts": ()}, "contexts is empty; name at least one strategy, for example zero-shot."),
        ({"contexts": ("best",)}, "There is no strategy 'best'"),
        ({"teacher": "best"}, "There is no strategy 'best'"),
        ({"objective": "reward"}, "objective is 'reward'; allowed are answer, align."),
        ({"method": "full"}, "method is 'full'; allowed are lora, prompt."),
        ({"virtual_tokens": 0}, "virtual_tokens is 0; it must be 1 or more."),
        ({"sources": ("tam_Taml",), "languages": ("eng_Latn",)}, "sources names tam_Taml, which languages does not"),
        ({"steps": 0}, "steps is 0; it must be 1 or more."),
        ({"rate": 0.0}, "rate is 0.0; it must be above 0."),
        ({"share": 1.0}, "share is 1.0; it must lie between 0 and 1."),
    ],
)
def test_impossible_settings_are_refused_in_a_sentence(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        TuneConfig(**changes)
    assert told in str(refused.value)


def test_an_unknown_key_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("rank = 4\nranks = 5\n")
    with pytest.raises(InvalidConfig, match="unknown key 'ranks'"):
        read_config(tmp_path / "t.toml", TuneConfig)
