"""The command line: what evaluate, ask and check write, and how bad input to any command ends.

Tests of `core.cli.ablate`, `core.cli.fit`, `core.cli.models`, `core.cli.pretrain`, `core.cli.quality`,
`core.cli.quantise`, `core.cli.reliability`.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from evaluation_toys import evaluation, said
from programs import command_line, two_processes
from toys import toy_examples

import train
from core.data.tasks import load_tasks
from core.models.loading import ASSETS
from core.workbench import Workbench

ROOT = ASSETS.parent


def test_evaluate_writes_items_and_a_record(
    files: dict[str, str], toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    assert train.main(evaluation(files, output)) == 0
    assert {path.name for path in output.iterdir()} == {
        "items.parquet",
        "queries.jsonl",
        "record.json",
    }  # no parts are left
    assert pd.read_parquet(output / "items.parquet")["strategy"].tolist() == ["zero-shot"] * 3 + ["knn"] * 3
    printed = capsys.readouterr().out
    assert "zero-shot" in printed
    assert "eng_Latn" in printed
    before = (output / "record.json").read_bytes()
    assert train.main(evaluation(files, output)) == 2
    assert "already holds a record" in capsys.readouterr().err
    assert (output / "record.json").read_bytes() == before


def test_the_record_names_another_encoder_than_the_bundled_one(
    files: dict[str, str], toy_models: None, tmp_path: Path
) -> None:
    records = []
    for name in ("bundled", "folder/encoder"):
        output = tmp_path / name.replace("/", "-")
        assert train.main([*evaluation(files, output), "--encoder", name]) == 0
        records.append(json.loads((output / "record.json").read_text()))
    assert "encoder" not in records[0]
    assert records[1]["encoder"] == "folder/encoder"


@pytest.mark.parametrize("below", ["/proc/agl", "file/run"])
def test_an_output_that_cannot_be_written_is_told_before_the_work_begins(
    below: str, files: dict[str, str], toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    output = Path(below) if below.startswith("/") else tmp_path / below
    assert train.main(evaluation(files, output, queries="nowhere.jsonl")) == 2  # the queries are not even read
    assert re.search(
        r"cannot be written \(.+\); free some space or name another folder\.$", said(capsys.readouterr().err)
    )


def test_a_disk_that_fills_up_at_the_end_ends_in_a_sentence_and_the_passes_stay(
    files: dict[str, str],
    toy_models: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = pd.DataFrame.to_parquet

    def full(table: pd.DataFrame, path: Path, **options: Any) -> None:
        if "items" in path.name:
            raise OSError(28, "No space left on device")
        real(table, path, **options)

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    output = tmp_path / "run"
    assert train.main(evaluation(files, output)) == 2
    assert "items.parquet cannot be written (No space left on device); free some space" in capsys.readouterr().err
    assert not (output / "record.json").exists()
    monkeypatch.setattr(pd.DataFrame, "to_parquet", real)
    assert train.main(evaluation(files, output)) == 0
    assert len(json.loads((output / "record.json").read_text(encoding="utf-8"))["resumed"]) == 2


@pytest.mark.slow
def test_two_processes_make_the_record_of_one_value_by_value(
    files: dict[str, str], toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records, items, printed = [], [], []
    for name in ("one", "two"):
        command = evaluation(files, tmp_path / name, strategies="zero-shot,random,knn", seeds="0,1")
        if name == "one":
            assert train.main(command) == 0
            printed.append(capsys.readouterr().out)
        else:
            assert two_processes(command_line, command, tmp_path) == [0, 0]
            printed.append("".join((tmp_path / f"printed-{rank}").read_text(encoding="utf-8") for rank in "01"))
        entry = json.loads((tmp_path / name / "record.json").read_text(encoding="utf-8"))
        assert all(row.pop("seconds") >= 0 for row in entry["passes"]) and len(entry["passes"]) == 4
        records.append({key: value for key, value in entry.items() if key not in ("command", "seconds")})
        items.append(pd.read_parquet(tmp_path / name / "items.parquet"))
    assert records[0] == records[1]
    for column in ("log_probs", "calibrated"):
        scores = [[value for row in table.pop(column) for value in json.loads(row)] for table in items]
        assert scores[0] == pytest.approx(
            scores[1], abs=1e-4
        )  # a scorer keeps prefixes between passes, and rounds by them
    pd.testing.assert_frame_equal(items[0], items[1], rtol=1e-4)
    assert printed[0] == printed[1]  # one process prints


def test_pool_languages_are_those_asked_for(files: dict[str, str], toy_models: None, tmp_path: Path) -> None:
    assert train.main(evaluation(files, tmp_path / "run", pool_languages="sw", strategies="random")) == 0
    shown = pd.read_parquet(tmp_path / "run" / "items.parquet")["demonstration_languages"]
    assert {code for codes in shown for code in json.loads(codes)} == {"swh_Latn"}


BAD: dict[str, tuple[dict[str, str], str]] = {
    "unknown task": ({"task": "rhyme"}, r"There is no task 'rhyme'"),
    "unknown language": ({"languages": "Klingon"}, r"'Klingon' is not one of the languages at hand"),
    "unknown pool language": ({"pool_languages": "tlh"}, r"'tlh' is not one of the languages at hand"),
    "unknown strategy": ({"strategies": "best"}, r"no strategy 'best'"),
    "seeds that are no numbers": ({"seeds": "0,x"}, r"--seeds is '0,x'"),
    "no seeds": ({"seeds": ","}, r"at least one seed"),
    "negative k": ({"k": "-1"}, r"k is -1"),
    "k that is no number": ({"k": "1,two"}, r"--k is '1,two'"),
    "unknown labels": ({"shown_labels": "wrong"}, r"labels shown are 'wrong'"),
    "a k beyond the pool": ({"k": "1,11"}, r"11 demonstrations were asked for"),
    "missing queries": ({"queries": "nowhere/queries.jsonl"}, r"does not exist"),
    "missing pool": ({"pool": "./nowhere"}, r"does not exist"),
    "language without queries": (
        {"languages": "sw"},
        r"'sw' is not one of the languages at hand; choose one of: en, fr",
    ),
    "missing model": ({"model": "./nowhere"}, r"No model was found"),
    "unknown precision": ({"precision": "int8"}, r"precision is 'int8'"),
    "task with free text": ({"task": "math", "shown_labels": "random"}, r"has free-text answers"),
    "unknown label words": ({"labels": "Latin"}, r"--labels is 'Latin'; choose one of query, english, pool"),
    "a run and an adapter": ({"run": "runs/a", "adapter": "b"}, r"--run runs/a and --adapter b were both given"),
    "a target without translation": ({"to": "fr"}, r"--to is for translation"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_input_to_evaluate_ends_with_one_sentence_and_code_2(
    fault: str, files: dict[str, str], toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = BAD[fault]
    assert train.main(evaluation(files, tmp_path / "run", **change)) == 2
    last = said(capsys.readouterr().err)
    assert re.search(message, last), last
    assert not (tmp_path / "run").exists()


def test_equal_ids_in_a_file_are_refused(
    files: dict[str, str], toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("queries", "pool"):
        path = Path(files[name])
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join([*lines, lines[0]]), encoding="utf-8")
        assert train.main(evaluation(files, tmp_path / "run")) == 2
        assert re.search(
            rf"{name}.jsonl, line {len(lines) + 1}, field 'id': .* ids must be unique", said(capsys.readouterr().err)
        )
        path.write_text("".join(lines), encoding="utf-8")


def test_a_language_without_label_words_is_asked_in_english_and_said_so(
    files: dict[str, str], toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(files["queries"]).open("a", encoding="utf-8") as file:
        row = {"id": "q9", "index_id": "q9", "language": "ita_Latn", "label": "travel", "text": "Il bus parte."}
        file.write(json.dumps(row) + "\n")
    output = tmp_path / "run"
    assert train.main(evaluation(files, output, languages="it,fr", strategies="zero-shot")) == 0
    errors = capsys.readouterr().err.replace("\r", "\n").split("\n")
    assert "No template or label words of 'topic' in ita_Latn: English ones are used." in errors
    items = pd.read_parquet(output / "items.parquet").set_index("language")
    words = load_tasks(ASSETS)["topic"]
    assert items.loc["ita_Latn", "answer"] == words.verbaliser("eng_Latn").words[items.loc["ita_Latn", "prediction"]]
    assert items.loc["fra_Latn", "answer"] == words.verbaliser("fra_Latn").words[items.loc["fra_Latn", "prediction"]]
    assert json.loads((output / "record.json").read_text(encoding="utf-8"))["fallback_languages"] == ["ita_Latn"]


ASKS: dict[str, tuple[list[str], str]] = {
    "empty query": (["ask", "  ", "--language", "en"], "The query is empty"),
    "unknown language": (["ask", "A bus.", "--language", "xx"], "'xx' is not one of the languages at hand"),
    "unknown answer language": (["ask", "A bus.", "--language", "en", "--answers", "xx"], "'xx' is not one of"),
    "unknown strategy": (["ask", "A bus.", "--language", "en", "--strategy", "best"], "no strategy 'best'"),
    "negative k": (["ask", "A bus.", "--language", "en", "--k", "-1"], "-1 demonstrations were asked for"),
    "missing pool": (["ask", "A bus.", "--language", "en", "--pool", "nowhere.jsonl"], "does not exist"),
    "answers that items bring": (
        ["ask", "A bus.", "--language", "en", "--task", "commonsense"],
        "evaluate it on a corpus",
    ),
    "missing folder": (["check", "nowhere"], "nowhere does not exist"),
    "setting without a value": (["pretrain", "--data", "x", "decoder.steps"], "write it as KEY=VALUE"),
    "unknown setting": (["pretrain", "--data", "x", "decoder.stesp=1"], "unknown key 'stesp'"),
    "missing configuration": (["pretrain", "--data", "x", "--config", "nowhere.toml"], "nowhere.toml does not exist"),
    "missing corpus": (["pretrain", "--data", "nowhere", "--work", "work"], "There is no folder 'nowhere'"),
}


@pytest.mark.parametrize("fault", ASKS)
def test_bad_input_to_other_commands_ends_with_one_sentence_and_code_2(
    fault: str, toy_models: None, bench: Workbench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.workbench.bundled_examples", lambda name, assets=None: toy_examples())
    arguments, message = ASKS[fault]
    assert train.main(arguments) == 2
    assert message in said(capsys.readouterr().err)


def test_ask_prints_demonstrations_and_answers(
    files: dict[str, str], toy_models: None, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ask", "A bus.", "--language", "English", "--answers", "sw,zh", "--pool", files["pool"], "--k", "3"]
    assert train.main(arguments) == 0
    lines = capsys.readouterr().out.rstrip("\n").split("\n")
    assert len(lines) == 5
    assert all(line.startswith(("  fra_Latn  ", "  swh_Latn  ")) for line in lines[:3])
    assert lines[3].startswith("swh_Latn: ")
    assert lines[4].startswith("zho_Hans: ")


def test_check_ends_with_1_when_it_finds_something(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"id": e.id, "index_id": e.item, "language": e.language, "label": e.label, "text": e.text}
        for e in toy_examples()
    ]
    folder = tmp_path / "pool"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:-1]), encoding="utf-8")
    assert train.main(["check", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "completeness: item item-9 has no sentence in swh_Latn" in printed
    count = len(printed.strip().split("\n")) - 1
    assert printed.strip().split("\n")[-1].startswith(f"{count} problems found")


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment: dict[str, Any] = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )


@pytest.mark.slow
def test_a_process_with_bad_input_says_one_line_and_ends_with_2(tmp_path: Path) -> None:
    done = run("check", "nowhere", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nowhere does not exist; name a file, a folder, or a Hub data set as owner/name.\n"


@pytest.mark.slow
def test_a_process_without_a_command_shows_its_use(tmp_path: Path) -> None:
    done = run(folder=tmp_path)
    assert done.returncode == 2
    assert "usage: python train.py" in done.stderr
    assert "Traceback" not in done.stderr
