"""A model grades a study from the command line: it goes on where it was stopped, and what cannot be used is one sentence."""

from pathlib import Path
from typing import Any

import pytest

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import NewOutput, NewStudy
from annotation.store import RatingStore
from app import judge
from app.machine import FolderLock
from app.results import judging

ITEMS = 5


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a study of ten short outputs, 30 grades: more than are stored at once."""
    with RatingStore.open(tmp_path / "ratings.db") as store:
        study = store.ensure_study(NewStudy("greetings", "Greetings", "Reply.", {"en": "Rate."}, DEFAULT_CRITERIA))
        store.add_outputs(
            study.id,
            [
                NewOutput(f"i{n}", "en", "Hello.", "", system, "sw", f"Habari {n}")
                for n in range(ITEMS)
                for system in ("agl", "knn")
            ],
        )
    return tmp_path


def run(data: Path, *more: str, study: str = "greetings") -> int:
    return judge.main([study, "--model", "tiny", "--data", str(data), *more])


def scores(data: Path) -> list[Any]:
    with RatingStore.open(data / "ratings.db") as store:
        return [
            (one.item_key, one.system, one.criterion, one.judged_value, one.scored_at)
            for one in store.judge_scores(store.study("greetings").id)
        ]


def test_a_run_that_was_stopped_goes_on_and_a_whole_one_does_nothing_more(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grade, calls = judging.grade, []

    def stopping(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return grade(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(judging, "grade", stopping)
        assert run(data) == 130
    output = capsys.readouterr()
    assert "24 of 30 grades" in output.out and "the same command goes on" in output.err
    first = scores(data)
    assert len(first) == judging.AT_ONCE == 24
    assert run(data) == 0
    assert "has graded Greetings: 30 grades, 6 of them now, " in capsys.readouterr().out
    whole = scores(data)
    assert len(whole) == 30 and set(first) < set(whole)  # nothing is graded twice
    assert {value for *_, value, _ in whole} <= {1, 2, 3, 4, 5}
    assert run(data) == 0
    assert "30 grades, none of them new" in capsys.readouterr().out
    assert scores(data) == whole


def test_what_cannot_be_used_is_one_sentence(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, study="nothing") == 2
    assert "nothing" in capsys.readouterr().err
    assert judge.main(["greetings", "--model", "no-such-model", "--data", str(data)]) == 2
    assert "no-such-model" in capsys.readouterr().err
    with RatingStore.open(data / "ratings.db") as store:
        draft = NewStudy("draft", "Draft", "Reply.", {"en": "Rate."}, DEFAULT_CRITERIA)
        store.create_study(draft)
    assert run(data, study="draft") == 2
    assert "open it before a model grades" in capsys.readouterr().err
    lock = FolderLock(data)
    assert run(data) == 2
    lock.release()
    error = capsys.readouterr().err
    assert "uses the folder" in error and error.count("\n") == 1
    assert scores(data) == []
