"""What a converted model has passed is not checked again, and everything else is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toys import byte_tokenizer, tiny_model

from core.models.catalogue import RECORD
from core.models.loading import LanguageModel
from core.scoring import Request, Scorer, scorer, verdicts
from core.scoring.verdicts import FILE, Verdicts


class Counted:
    """A check that counts how often it is made."""

    def __init__(self, passes: bool = True) -> None:
        self.made, self._passes = 0, passes

    def __call__(self) -> bool:
        self.made += 1
        return self._passes


@pytest.fixture
def model(tmp_path: Path) -> LanguageModel:
    """A toy whose folder says that the project converted it."""
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / RECORD).write_text('{"sha256": "0"}')
    toy = tiny_model(byte_tokenizer())
    return replace(toy, config=replace(toy.config, name=str(tmp_path)))


def test_a_check_that_was_passed_is_made_once(model: LanguageModel) -> None:
    check, other = Counted(), Counted()
    assert all(Verdicts(model).passes("packed", check) for _ in range(3))
    assert check.made == 1
    assert Verdicts(model).passes("head", other)
    assert other.made == 1  # each by its name


def test_a_check_that_failed_is_made_each_time(model: LanguageModel, tmp_path: Path) -> None:
    check = Counted(passes=False)
    assert not any(Verdicts(model).passes("packed", check) for _ in range(2))
    assert check.made == 2
    assert not (tmp_path / FILE).exists()


def test_other_weights_code_threads_or_libraries_are_checked_anew(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Counted()
    for circumstances in range(1, 6):
        if circumstances == 2:
            with torch.no_grad():
                next(model.network.parameters()).add_(0.5)
            model = replace(model)  # its fingerprint is another one now
        elif circumstances == 3:
            monkeypatch.setattr(verdicts, "source_digest", lambda: "changed")
        elif circumstances == 4:
            monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
        elif circumstances == 5:
            monkeypatch.setattr(verdicts, "cpu_name", lambda: "another")
        for _ in range(2):
            assert Verdicts(model).passes("packed", check)
        assert check.made == circumstances


def test_a_folder_that_is_not_ours_is_not_written_to(model: LanguageModel, tmp_path: Path) -> None:
    (tmp_path / RECORD).unlink()
    check = Counted()
    assert all(Verdicts(model).passes("packed", check) for _ in range(2))
    assert check.made == 2
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("damage", ["", "{", '{"check": "packed"}', "[1]"])
def test_a_damaged_file_is_made_anew(model: LanguageModel, tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE).write_text(damage)
    check = Counted()
    assert all(Verdicts(model).passes("packed", check) for _ in range(2))
    assert check.made == 1
    assert [entry["check"] for entry in json.loads((tmp_path / FILE).read_text())] == ["packed"]


def test_scores_are_the_same_with_and_without_checks(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request("Some words before", (" the first answer", " another"))
    first = Scorer(model)
    expected = first.score([request])[0]

    def refuse(*_: object) -> bool:
        raise AssertionError("checked again")

    monkeypatch.setattr(Scorer, "_passes_probe", refuse)
    monkeypatch.setattr(scorer.Head, "passes_probe", refuse)
    second = Scorer(model)
    assert np.array_equal(second.score([request])[0], expected)
    assert second.method == first.method == "packed"
    assert (second.head is None) == (first.head is None)
