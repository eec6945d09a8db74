"""A killed evaluation goes on where it stopped, and no record or part of another one is ever taken for its own.

Tests of `core.evaluation.config`.
"""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from evaluation_toys import QUERIES, evaluation, said

import train
from core.errors import InvalidConfig
from core.evaluation import EvaluationConfig, Run, evaluate, identity
from core.evaluation import run as run_module
from core.evaluation.passes import OTHER_OUTPUT, Pass, Passes
from core.inference.predictor import Predictor

CONFIG = EvaluationConfig(("zero-shot", "random", "agl"), (2,), (0, 5), None)
NAMES = ["zero-shot-k0-s0", "random-k2-s0", "random-k2-s5", "agl-k2-s0"]


class Killed(BaseException):
    """Stands for a signal: nothing in the code may catch it."""


def parts_in(output: Path) -> set[str]:
    return {path.name for path in (output / "parts").iterdir()}


def test_finished_passes_are_kept_and_the_rows_are_those_of_one_go(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(predictor, QUERIES, CONFIG)
    marks = identity(predictor, CONFIG, QUERIES)

    def killed(share: float, _stage: str) -> None:
        if share > 0.5:  # within the third of four passes
            raise Killed

    with pytest.raises(Killed):
        evaluate(predictor, QUERIES, CONFIG, passes=Passes(tmp_path / "parts", marks, killed))
    assert parts_in(tmp_path) == {"identity.json", f"{NAMES[0]}.parquet", f"{NAMES[1]}.parquet"}
    (tmp_path / "parts" / f"{NAMES[2]}.partial").write_bytes(b"PAR1 half")  # killed while it wrote
    made: list[Run] = []
    original = run_module._rows

    def counted(model: Any, queries: Any, run: Run, *rest: Any) -> pd.DataFrame:
        made.append(run)
        return original(model, queries, run, *rest)

    monkeypatch.setattr(run_module, "_rows", counted)
    again = Passes(tmp_path / "parts", marks)
    pd.testing.assert_frame_equal(evaluate(predictor, QUERIES, CONFIG, passes=again), whole)
    assert [run.name for run in made] == NAMES[2:]
    assert again.facts["resumed"] == NAMES[:2]
    assert [row["pass"] for row in again.facts["passes"]] == NAMES
    assert all(again.seconds[name] > 0 for name in NAMES)


@pytest.mark.parametrize(
    ("change", "other"),
    [
        (lambda config, queries: (replace(config, k=(3,)), queries), r"config\.k"),
        (lambda config, queries: (replace(config, pool_languages=("swh_Latn",)), queries), r"config\.pool_languages"),
        (lambda config, queries: (config, [replace(queries[0], text="Another text."), *queries[1:]]), "queries"),
        (lambda config, queries: (config, queries[::-1]), "queries"),
        (lambda config, queries: (replace(config, strategies=("xlt",)), queries), r"config\.strategies"),
    ],
)
def test_parts_of_another_evaluation_are_refused(predictor: Predictor, tmp_path: Path, change: Any, other: str) -> None:
    begun = identity(predictor, CONFIG, QUERIES)
    Passes(tmp_path, begun).tables([Pass("zero-shot-k0-s0", lambda _progress: pd.DataFrame({"item": ["a"]}))])
    Passes(tmp_path, begun)  # the same one is welcome
    config, queries = change(CONFIG, QUERIES)
    with pytest.raises(
        InvalidConfig, match=rf"passes of another run: {other} is .* repeat its command .*, name another --output"
    ):
        Passes(tmp_path, identity(predictor, config, queries), otherwise=OTHER_OUTPUT)


def kill_before_the_record(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command that ends when all passes are finished and the record is not written."""

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(
            import_module("core.evaluation.record"), "write_record", killed
        )  # the package has a function of that name
        with pytest.raises(Killed):
            train.main(command)


def test_parts_go_when_the_record_is_there_and_not_before(
    files: dict[str, str], toy_models: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "run"
    kill_before_the_record(evaluation(files, output), monkeypatch)
    assert not (output / "record.json").exists()
    assert parts_in(output) == {"identity.json", "zero-shot-k0-s0.parquet", "knn-k2-s0.parquet"}
    assert train.main(evaluation(files, output)) == 0
    assert {path.name for path in output.iterdir()} == {"items.parquet", "queries.jsonl", "record.json"}
    entry = json.loads((output / "record.json").read_text(encoding="utf-8"))
    assert entry["resumed"] == ["zero-shot-k0-s0", "knn-k2-s0"]
    assert [row["pass"] for row in entry["passes"]] == entry["resumed"]


def test_another_output_is_left_alone_unless_it_may_be_overwritten(
    files: dict[str, str],
    toy_models: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "run"
    kill_before_the_record(evaluation(files, output), monkeypatch)
    before = parts_in(output)
    capsys.readouterr()
    assert train.main(evaluation(files, output, k="1")) == 2
    assert "holds passes of another run: config.k is [2] there and [1] here; repeat its command" in said(
        capsys.readouterr().err
    )
    assert parts_in(output) == before
    (output / "notes.txt").write_text("mine", encoding="utf-8")
    assert train.main([*evaluation(files, output, k="1"), "--overwrite"]) == 0
    assert {path.name for path in output.iterdir()} == {"items.parquet", "queries.jsonl", "record.json", "notes.txt"}
    assert set(pd.read_parquet(output / "items.parquet")["k"]) == {0, 1}

    lonely = tmp_path / "lonely"
    lonely.mkdir()
    (lonely / "items.parquet").write_bytes(b"of somebody else")
    capsys.readouterr()
    assert train.main(evaluation(files, lonely)) == 2
    assert "already holds items.parquet of another run" in said(capsys.readouterr().err)
    assert (lonely / "items.parquet").read_bytes() == b"of somebody else"
