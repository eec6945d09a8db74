"""The command `core.cli.tune`: what is typed becomes an adapter, and bad input a sentence."""

from pathlib import Path
from typing import Any

import pytest
from toys import LetterEncoder

import train
from core.config import ASSETS

SHORT = ["steps=1", "queries=2", "watch=2", "rank=2", "k=2", "languages=[]"]


@pytest.fixture
def typed(base: Path, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("core.cli.tune.SentenceEncoder", LetterEncoder)
    monkeypatch.chdir(tmp_path)

    def run(*more: str) -> int:
        command = ["tune", "--config", str(ASSETS / "configs" / "tune_gemma.toml"), "--model", str(base)]
        return train.main([*command, "--pool", files["pool"], "--output", str(tmp_path / "out"), *SHORT, *more])

    return run


def test_an_adapter_is_made_and_its_accuracy_told(typed: Any, tmp_path: Path, capsys: Any) -> None:
    assert typed("contexts=['random','zero-shot']") == 0
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").is_file()
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == str(tmp_path / "out")
    assert [line.split(":")[0] for line in told[:-1]] == ["random", "zero-shot"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("contexts=['best']", "There is no strategy 'best'"),
        ("share=0.01", "The queries hold 10 items, of which a share of 0.01"),
    ],
)
def test_bad_settings_end_in_a_sentence(typed: Any, capsys: Any, setting: str, told: str) -> None:
    assert typed(setting) == 2
    assert told in capsys.readouterr().err
