"""Passes: what is finished stays, what was broken off does not count, nothing else is taken for it, and processes share them.

Tests of `core.evaluation.processes`, `core.evaluation.tables`, `core.progress`.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from core.errors import InvalidConfig, OutputUnwritable
from core.evaluation.passes import Pass, Passes
from core.evaluation.processes import Processes
from core.progress import Progress


def one(progress: Progress) -> pd.DataFrame:
    progress(0.5, "half")
    return pd.DataFrame({"answer": [1, 2]})


def never(_progress: Progress) -> pd.DataFrame:
    raise AssertionError("a finished pass was made again")


def test_a_finished_pass_is_read_and_never_made_again(tmp_path: Path) -> None:
    (made,) = Passes(tmp_path, {"k": 4}).tables([Pass("run-1/items", one)])
    again = Passes(tmp_path, {"k": 4})
    (read,) = again.tables([Pass("run-1/items", never)])
    assert read.equals(made) and read.attrs == {}
    assert again.resumed == ["run-1/items"] and again.seconds["run-1/items"] > 0


def test_a_pass_that_was_broken_off_leaves_nothing_that_counts(tmp_path: Path) -> None:
    def killed(_progress: Progress) -> pd.DataFrame:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Passes(tmp_path, {}).tables([Pass("a", killed)])
    assert list(tmp_path.iterdir()) == []  # nothing is left behind by a run that never got anywhere
    (tmp_path / ".a.parquet.1.partial").write_bytes(b"half a table")  # what kill -9 leaves while it is written
    assert len(Passes(tmp_path, {}).tables([Pass("a", one)])[0]) == 2


def test_progress_is_a_share_of_what_is_not_finished_yet(tmp_path: Path) -> None:
    Passes(tmp_path, {}).tables([Pass("a", one)])
    reports: list[tuple[float, str]] = []
    passes = Passes(tmp_path, {}, lambda share, stage: reports.append((share, stage)))
    passes.tables([Pass(name, one) for name in ("a", "b", "c")])
    assert reports == [(0.0, "b"), (0.25, "half"), (0.5, "b"), (0.5, "c"), (0.75, "half"), (1.0, "c")]


def test_passes_of_other_settings_are_refused_by_the_first_difference(tmp_path: Path) -> None:
    Passes(tmp_path, {"fit": {"seed": 0, "k": (1, 2)}}).tables([Pass("a", one)])
    with pytest.raises(
        InvalidConfig, match=r"another run: fit\.k is \[1, 2\] there and \[1, 3\] here; repeat its command"
    ):
        Passes(tmp_path, {"fit": {"seed": 0, "k": (1, 3)}})


def test_passes_of_a_version_that_called_its_file_otherwise_are_not_taken_for_its_own(tmp_path: Path) -> None:
    (tmp_path / "work.json").write_text(json.dumps({"k": 4}))
    Passes(tmp_path, {"k": 4})
    with pytest.raises(InvalidConfig, match="k is 4 there and 5 here"):
        Passes(tmp_path, {"k": 5})


def test_a_full_disk_ends_in_a_sentence_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_table: pd.DataFrame, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(OutputUnwritable, match=r"a\.parquet cannot be written \(No space left on device\); free some"):
        Passes(tmp_path, {}).tables([Pass("a", one)])
    assert [path.name for path in tmp_path.iterdir()] == ["identity.json"]


class Exchange(Processes):
    """Two processes one after the other: the second finds what the first made."""

    made: list = []

    def gathered(self, own: list) -> list:
        Exchange.made += own
        return list(Exchange.made)


def test_processes_make_every_nth_pass_and_the_last_has_all_in_their_order() -> None:
    Exchange.made = []
    names: list[str] = []

    def passes() -> list[Pass]:
        def made(name: str) -> pd.DataFrame:
            names.append(name)
            return pd.DataFrame({"name": [name]})

        return [Pass(name, lambda _progress, name=name: made(name)) for name in "abcde"]  # type: ignore[misc]

    with pytest.raises(KeyError):  # the first cannot have what the second has not made
        Passes(None, {}, processes=Exchange(0, 2)).tables(passes())
    assert names == ["a", "c", "e"]
    tables = Passes(None, {}, processes=Exchange(1, 2)).tables(passes())
    assert names == ["a", "c", "e", "b", "d"]
    assert [table["name"][0] for table in tables] == list("abcde")
