"""The work folder: what is finished stays, what was broken off does not count, and nothing else is taken for it."""

from pathlib import Path

import pandas as pd
import pytest

from core.errors import InvalidConfig
from core.experiments.runner import Tell, Work


def one(told: Tell) -> pd.DataFrame:
    told(0.5, "half")
    return pd.DataFrame({"answer": [1, 2]})


def never(_told: Tell) -> pd.DataFrame:
    raise AssertionError("a finished pass was made again")


def test_a_finished_pass_is_read_and_never_made_again(tmp_path: Path) -> None:
    made = Work(tmp_path, {"k": 4}).table("run-1/items", one)
    assert Work(tmp_path, {"k": 4}).table("run-1/items", never).equals(made)


def test_a_pass_that_was_broken_off_leaves_nothing_that_counts(tmp_path: Path) -> None:
    def killed(_told: Tell) -> pd.DataFrame:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Work(tmp_path, {}).table("a", killed)
    (tmp_path / "a.partial").write_bytes(b"half a table")  # what kill -9 leaves while it is written
    assert not Work(tmp_path, {}).has("a")
    assert len(Work(tmp_path, {}).table("a", one)) == 2


def test_progress_is_a_share_of_what_is_not_finished_yet(tmp_path: Path) -> None:
    Work(tmp_path, {}).table("a", one)
    seen: list[tuple[float, str]] = []
    work = Work(tmp_path, {}, lambda share, name: seen.append((share, name)))
    work.expect(["a", "b", "c"])
    for name in ("a", "b", "c"):
        work.table(name, one)
    assert seen == [(0.0, "b"), (0.25, "b"), (0.5, "b"), (0.5, "c"), (0.75, "c"), (1.0, "c")]


def test_passes_of_other_settings_are_refused_by_the_first_difference(tmp_path: Path) -> None:
    Work(tmp_path, {"fit": {"seed": 0, "k": (1, 2)}})
    with pytest.raises(InvalidConfig, match=r"another experiment: fit\.k is \[1, 2\] there and \[1, 3\] here"):
        Work(tmp_path, {"fit": {"seed": 0, "k": (1, 3)}})
