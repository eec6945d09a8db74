"""The run log: what may be in it, and what is read back after a kill."""

import json
from pathlib import Path

import pytest

from core.errors import InvalidData
from core.training.run_log import KEYS, RunLog, numbers


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    """Three iterations, with a text that is not ASCII."""
    log = RunLog(tmp_path / "log.jsonl")
    for step in (1, 2, 3):
        log.append({"iteration": step, "reward": 0.25 * step, "alarms": ["日本語"]})
    return log


def iterations(log: RunLog) -> list[int]:
    return [line["iteration"] for line in log.lines()]


def test_what_is_appended_is_read_back(log: RunLog) -> None:
    assert list(log.lines())[1] == {"iteration": 2, "reward": 0.5, "alarms": ["日本語"]}
    assert iterations(log) == [1, 2, 3]
    assert "日本語" in log.path.read_text(encoding="utf-8")


def test_no_file_is_an_empty_log(tmp_path: Path) -> None:
    assert list(RunLog(tmp_path / "none.jsonl").lines()) == []


def test_an_undeclared_key_is_our_own_mistake(log: RunLog) -> None:
    with pytest.raises(AssertionError, match="undeclared keys of the run log: \\['colour', 'zeal'\\]"):
        log.append({"iteration": 4, "zeal": 1, "colour": 2})
    assert iterations(log) == [1, 2, 3]


def test_every_key_has_a_unit_and_a_meaning() -> None:
    assert [
        name for name, key in KEYS.items() if not key.unit or not key.meaning or key.better not in {"", "up", "down"}
    ] == []


def test_cut_takes_back_what_a_resumed_run_writes_again(log: RunLog) -> None:
    log.cut(2)
    assert iterations(log) == [1, 2]
    log.append({"iteration": 3, "reward": 9.0})
    assert [line["reward"] for line in log.lines()] == [0.25, 0.5, 9.0]
    assert sorted(path.name for path in log.path.parent.iterdir()) == ["log.jsonl"]


def test_a_line_torn_at_any_byte_is_passed_over_and_cut_away(log: RunLog) -> None:
    """A full disk may stop in the middle of a letter of several bytes, which once made the whole log unreadable."""
    whole = log.path.read_bytes()
    last = len(whole) - len(whole.splitlines(keepends=True)[-1])
    for end in range(last, len(whole) - 2):  # without its end and closing bracket
        log.path.write_bytes(whole[:end])
        assert iterations(log) == [1, 2]
    log.cut(5)
    log.append({"iteration": 3})
    assert iterations(log) == [1, 2, 3]


@pytest.mark.parametrize("damage", [b'{"iteration": 2, "rew\n', b'{"alarms": ["\xe6\x97"]}\n'])
def test_a_damaged_line_in_the_middle_is_told_by_number(log: RunLog, damage: bytes) -> None:
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(lines[0] + damage + lines[2])
    with pytest.raises(InvalidData, match=r"log\.jsonl, line 2 is not JSON .*; the log was edited or damaged\."):
        iterations(log)


def test_a_last_line_with_its_end_is_not_torn_but_damaged(log: RunLog) -> None:
    log.path.write_bytes(log.path.read_bytes() + b"{oops\n")
    with pytest.raises(InvalidData, match="line 4"):
        iterations(log)


def test_numbers_flatten_families_and_leave_texts_out() -> None:
    line = {
        "iteration": 3,
        "reward": 0.5,
        "rejected": {"copy": 2, "script": 1},
        "accuracy": {"fra_Latn": 0.75},
        "alarms": ["a sentence"],
        "choices": {"query": "a text"},
        "development": None,
    }
    expected = {
        "iteration": 3.0,
        "reward": 0.5,
        "rejected/copy": 2.0,
        "rejected/script": 1.0,
        "accuracy/fra_Latn": 0.75,
    }
    assert numbers(json.loads(json.dumps(line))) == expected
