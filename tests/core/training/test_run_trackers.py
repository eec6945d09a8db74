"""Trackers: asked for by name, refused by name, and given the numbers of every iteration."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from core.errors import InvalidConfig
from core.training.run import TRACKERS, fit, make_accelerator, start_trackers
from core.training.run_log import RunLog


def test_an_unknown_tracker_is_refused_by_name() -> None:
    with pytest.raises(InvalidConfig, match=r"There is no tracker 'diary'; choose from tensorboard, wandb, trackio\."):
        make_accelerator(True, ["diary"], "runs")


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_that_is_not_installed_is_named_with_what_to_do(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(name) is not None:
        pytest.skip(f"{name} is installed here")
    with pytest.raises(InvalidConfig, match=name):
        make_accelerator(True, [name], str(tmp_path))


def test_every_number_of_the_log_reaches_the_tracker(make_loop: Any, tmp_path: Path) -> None:
    """Through accelerate's own interface, with a tracker that keeps what it is given."""
    loop = make_loop(tmp_path)
    given: dict[int, dict[str, float]] = {}
    loop.accelerator.log = lambda values, step: given.__setitem__(step, values)
    start_trackers(loop.accelerator, loop.config)
    fit(loop)
    for line in RunLog(tmp_path / "log.jsonl").lines():
        values = given[line["iteration"]]
        assert values["pool_size"] == line["pool_size"]
        assert ("reward" in values) == ("reward" in line)
        for system, share in line.get("development", {}).items():
            assert values[f"development/{system}"] == share
