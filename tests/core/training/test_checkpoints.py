"""Checkpoints under damage: whatever a kill or a full disk leaves behind, the newest whole one is found."""

import errno
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import InvalidData
from core.training import checkpoints
from core.training.checkpoints import Checkpoint, newest, save_checkpoint

IDENTITY: dict[str, Any] = {
    "model": {"sha256": "ab"},
    "config": {"seed": 0, "languages": ("eng_Latn",)},
    "data": "00ff",
}


def checkpoint(iteration: int) -> Checkpoint:
    """A real one: a linear layer and its optimiser after a step."""
    layer = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    weights = {name: parameter.detach() for name, parameter in layer.named_parameters()}
    average = {name: value / 2 for name, value in weights.items()}
    return Checkpoint(iteration, weights, average, optimiser.state_dict(), {"pool": ["日本語", iteration]}, IDENTITY)


def found(folder: Path) -> int | None:
    checkpoint = newest(folder, IDENTITY)
    return None if checkpoint is None else checkpoint.iteration


def steps(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    saved = checkpoint(7)
    assert save_checkpoint(tmp_path / "new" / "folder", saved, keep=1).name == "step-000007"
    back = newest(tmp_path / "new" / "folder", IDENTITY)
    assert back is not None
    assert (back.iteration, back.state) == (7, saved.state)
    assert back.identity == json.loads(json.dumps(IDENTITY))
    for seen, expected in ((back.weights, saved.weights), (back.average, saved.average)):
        assert seen.keys() == expected.keys()
        assert all(torch.equal(seen[name], expected[name]) for name in expected)
    layer = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(layer.parameters())
    optimiser.load_state_dict(back.optimiser)
    first = optimiser.state_dict()["state"][0]
    assert torch.equal(first["exp_avg"], saved.optimiser["state"][0]["exp_avg"])
    assert float(first["step"]) == 1.0


def test_an_empty_or_missing_folder_has_none(tmp_path: Path) -> None:
    assert found(tmp_path) is None
    assert found(tmp_path / "missing") is None


def test_the_newest_counts_and_old_ones_are_let_go(tmp_path: Path) -> None:
    for iteration in (5, 10, 15, 100):
        save_checkpoint(tmp_path, checkpoint(iteration), keep=2)
    assert steps(tmp_path) == ["step-000015", "step-000100"]
    assert found(tmp_path) == 100


def test_the_same_iteration_is_written_anew(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, checkpoint(5), keep=2)
    save_checkpoint(tmp_path, replace(checkpoint(5), state={"pool": "second"}), keep=2)
    back = newest(tmp_path, IDENTITY)
    assert back is not None
    assert back.state == {"pool": "second"}


def test_a_partial_folder_is_passed_over_and_replaced(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, checkpoint(5), keep=2)
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "left over").write_text("x", encoding="utf-8")
    assert found(tmp_path) == 5
    place = save_checkpoint(tmp_path, checkpoint(10), keep=2)
    assert steps(tmp_path) == ["step-000005", "step-000010"]
    assert not (place / "left over").exists()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "a flipped bit": flip,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-5]),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", checkpoints.FILES)
def test_the_one_before_is_used_when_the_newest_is_damaged(tmp_path: Path, name: str, damage: str) -> None:
    for iteration in (5, 10):
        save_checkpoint(tmp_path, checkpoint(iteration), keep=2)
    DAMAGE[damage](tmp_path / "step-000010" / name)
    assert found(tmp_path) == 5


@pytest.mark.parametrize("damage", ["cut short", "missing"])
def test_a_checkpoint_without_its_manifest_is_none(tmp_path: Path, damage: str) -> None:
    save_checkpoint(tmp_path, checkpoint(5), keep=2)
    DAMAGE[damage](tmp_path / "step-000005" / "manifest.json")
    assert found(tmp_path) is None


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("model", {"sha256": "cd"}, r'its model is \{"sha256": "ab"\}, here it is \{"sha256": "cd"\}'),
        ("config", {"seed": 1, "languages": ("eng_Latn",)}, r'its config is \{"seed": 0, .*here it is \{"seed": 1'),
        ("data", "1234", r'its data is "00ff", here it is "1234"'),
        ("colour", "red", r'its colour is null, here it is "red"'),
    ],
)
def test_another_run_is_refused_by_the_name_of_what_differs(tmp_path: Path, key: str, value: Any, shown: str) -> None:
    save_checkpoint(tmp_path, checkpoint(5), keep=1)
    with pytest.raises(
        InvalidData, match=rf"step-000005 belongs to another run: {shown}.*; name another output folder"
    ):
        newest(tmp_path, IDENTITY | {key: value})


def test_long_values_are_shortened_in_the_message(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, replace(checkpoint(5), identity={"data": "x" * 500}), keep=1)
    with pytest.raises(InvalidData) as refusal:
        newest(tmp_path, {"data": "y"})
    assert f'its data is "{"x" * 76}..., here' in str(refusal.value)


def test_another_format_is_refused_and_both_are_named(tmp_path: Path) -> None:
    place = save_checkpoint(tmp_path, checkpoint(5), keep=1) / "manifest.json"
    place.write_text(json.dumps(json.loads(place.read_text(encoding="utf-8")) | {"format": 99}), encoding="utf-8")
    with pytest.raises(InvalidData, match=r"step-000005 was written in format 99, this version reads format 1;"):
        found(tmp_path)


def test_a_full_disk_is_told_in_a_sentence_and_earlier_ones_stay_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for iteration in (5, 10):
        save_checkpoint(tmp_path, checkpoint(iteration), keep=2)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(InvalidData) as refusal:
        save_checkpoint(tmp_path, checkpoint(15), keep=2)
    assert str(refusal.value) == (
        f"The checkpoint of iteration 15 could not be written to {tmp_path} (No space left on device); earlier ones are whole. "
        "Free space and run the same command again: it goes on from the last."
    )
    assert steps(tmp_path) == ["step-000005", "step-000010"]
    assert found(tmp_path) == 10


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The kernel refuses to let any file of this process grow beyond ``size`` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


BIG = torch.zeros(50_000)


@pytest.mark.parametrize(
    "part",
    [{"weights": {"w": BIG}}, {"average": {"w": BIG}}, {"optimiser": {"o": BIG}}, {"state": {"text": "x" * 200_000}}],
    ids=lambda part: next(iter(part)),
)
def test_a_refused_write_of_any_file_is_told_alike(tmp_path: Path, part: dict[str, Any]) -> None:
    """safetensors and torch raise errors of their own, no OSError, when the system refuses a write; they once came through."""
    save_checkpoint(tmp_path, checkpoint(5), keep=2)
    with no_file_above(100_000), pytest.raises(InvalidData, match=r"iteration 10 could not be written .*Free space"):
        save_checkpoint(tmp_path, replace(checkpoint(10), **part), keep=2)
    assert steps(tmp_path) == ["step-000005"]
    assert found(tmp_path) == 5
