"""Evaluation, its record, and the command line."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from toys import LANGUAGES, LetterEncoder, toy_examples

import train
from core.bundle import Workbench
from core.errors import InvalidConfig, InvalidData, ModelUnavailable
from core.evaluation import EvaluationConfig, evaluate, record, save, summary
from core.models import ASSETS, LanguageModel, ModelConfig
from core.predictor import Predictor, Question
from core.records import Example, Query

ROOT = ASSETS.parent
QUERIES = [
    Example(f"q{number}", f"query-{number}", code, text, label)
    for number, (code, text, label) in enumerate(
        [
            ("eng_Latn", "A doctor heals the cold.", "health"),
            ("fra_Latn", "Le train part demain.", "travel"),
            ("eng_Latn", "The runner won.", "sports"),
        ]
    )
]
CONFIG = EvaluationConfig(("zero-shot", "random", "agl"), (2,), (0, 5), None)


@pytest.fixture(scope="module")
def items(predictor: Predictor) -> pd.DataFrame:
    return evaluate(predictor, QUERIES, CONFIG)


def test_every_query_is_asked_under_every_strategy_and_random_ones_under_every_seed(items: pd.DataFrame) -> None:
    runs = [("zero-shot", 0), ("random", 0), ("random", 5), ("agl", 0)]
    assert list(dict.fromkeys(zip(items["strategy"], items["seed"], strict=True))) == runs
    assert len(items) == len(runs) * len(QUERIES)
    assert items["item"].tolist() == [query.item for query in QUERIES] * len(runs)
    assert items["gold"].tolist() == ["health", "travel", "sports"] * len(runs)


def test_evaluated_predictions_equal_those_of_asking(items: pd.DataFrame, predictor: Predictor) -> None:
    for row in items.to_dict("records"):
        query = next(query for query in QUERIES if query.id == row["id"])
        question = Question(Query(query.text, query.language, query.item), row["strategy"], 2, seed=row["seed"])
        asked = predictor.predict(question)
        shown = [entry.example.id for entry in asked.selection.demonstrations]
        assert json.loads(row["demonstrations"]) == shown
        assert row["prediction"] == asked.answers[0].label
        scores = asked.answers[0].with_context
        assert scores is not None
        assert json.loads(row["log_probs"]) == pytest.approx(list(scores.log_probs.values()), abs=1e-4)


def test_summary_averages_over_seeds_then_languages() -> None:
    rows = [
        # language, seed, gold, prediction: English is right 1 of 2 and 2 of 2, French 0 of 1 and 1 of 1.
        ("eng_Latn", 0, "a", "a"),
        ("eng_Latn", 0, "b", "a"),
        ("eng_Latn", 1, "a", "a"),
        ("eng_Latn", 1, "b", "b"),
        ("fra_Latn", 0, "a", "b"),
        ("fra_Latn", 1, "a", "a"),
    ]
    frame = pd.DataFrame(
        [("random", 4, *row) for row in rows], columns=["strategy", "k", "language", "seed", "gold", "prediction"]
    )
    frame["prediction_batch"] = frame["gold"]
    table = summary(frame, ["a", "b"]).set_index("language")
    # Macro-F1 of English seed 0: a 2/3, b 0, mean 1/3; seed 1: 1. Of French seed 0: a 0, b 0; seed 1: a 1, b left out.
    assert table["accuracy"].to_dict() == pytest.approx({"eng_Latn": 0.75, "fra_Latn": 0.5, "mean": 0.625})
    assert table["macro_f1"].to_dict() == pytest.approx({"eng_Latn": 2 / 3, "fra_Latn": 0.5, "mean": 7 / 12})
    assert set(table["accuracy_batch"]) == {1.0}
    assert table["items"].to_dict() == {"eng_Latn": 2, "fra_Latn": 1, "mean": 1.5}


def test_saved_items_and_record_read_back(items: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    table = summary(items, predictor.task.labels)
    save(tmp_path / "run", items, record(predictor, CONFIG, table, 1.25))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "run" / "items.parquet"), items)
    entry = json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))
    assert entry["config"] == {
        "strategies": ["zero-shot", "random", "agl"],
        "k": [2],
        "seeds": [0, 5],
        "pool_languages": None,
        "shown_labels": "gold",
        "most": None,
        "answers": None,
    }
    assert entry["model"]["fingerprint"] == predictor.model.fingerprint
    assert entry["scoring"] == "packed"
    assert entry["pool"] == {"examples": 30, "languages": list(LANGUAGES)}
    assert entry["templates"]["swh_Latn"] == "1"
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    assert entry["commit"] == (head.stdout[:12] if head.returncode == 0 else "unknown")
    assert len(entry["results"]) == len(table)
    with pytest.raises(InvalidConfig, match=r"run already holds a record; name another --output"):
        save(tmp_path / "run", items, entry)


def test_evaluation_of_nothing_or_of_free_text_under_other_labels_is_refused(
    bench: Workbench, predictor: Predictor
) -> None:
    with pytest.raises(InvalidData, match=r"no query to evaluate; check --languages"):
        evaluate(predictor, [], CONFIG)
    with pytest.raises(InvalidConfig, match="free-text answers"):
        evaluate(bench.predictor("translation"), QUERIES, replace(CONFIG, shown_labels="random"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strategies": ("best",)}, r"no strategy 'best'; choose from agl"),
        ({"strategies": ()}, r"No strategy was named; choose from agl"),
        ({"k": (2, -1)}, r"k is 2, -1"),
        ({"k": ()}, r"k is empty"),
        ({"seeds": ()}, r"seeds are \[\]"),
        ({"shown_labels": "wrong"}, r"labels shown are 'wrong'; choose one of gold, permuted, random, swapped"),
        ({"most": 0}, r"At most 0 queries"),
    ],
)
def test_impossible_evaluations_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        replace(CONFIG, **change)


def test_progress_rises_to_one(predictor: Predictor) -> None:
    told: list[tuple[float, str]] = []
    config = EvaluationConfig(("random", "bm25"), (1,), (7, 8), None)
    evaluate(predictor, QUERIES[:1], config, lambda share, stage: told.append((share, stage)))
    shares = [share for share, stage in told if stage in ("random, k = 1", "bm25, k = 1")]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


# The command line ----------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A pool and queries as JSONL, in the folds that the command reads."""
    paths = {}
    for name, fold, examples in (("pool", "demo", toy_examples()), ("queries", "dev_query", QUERIES)):
        path = tmp_path / f"{name}.jsonl"
        rows = [
            {"id": e.id, "index_id": e.item, "language": e.language, "label": e.label, "text": e.text, "devfold": fold}
            for e in examples
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        paths[name] = str(path)
    return paths


@pytest.fixture
def toy_models(model: LanguageModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The commands load the toy model and encoder instead of those in ``assets``, and keep vectors in a folder of the test."""

    def load(config: ModelConfig) -> LanguageModel:
        if config.name != "embedded":
            raise ModelUnavailable(f"No model was found at {config.name!r}.")
        return model

    monkeypatch.setattr("core.commands.given.load_model", load)
    monkeypatch.setattr("core.commands.given.SentenceEncoder", LetterEncoder)
    monkeypatch.chdir(tmp_path)


def evaluation(files: dict[str, str], output: Path, **changes: str) -> list[str]:
    options = {
        "queries": files["queries"],
        "pool": files["pool"],
        "languages": "en,fra_Latn",
        "strategies": "zero-shot,knn",
        "k": "2",
        "output": str(output),
    } | changes
    return ["evaluate", *(word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value))]


def test_evaluate_writes_items_and_a_record(
    files: dict[str, str], toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    assert train.main(evaluation(files, output)) == 0
    assert {path.name for path in output.iterdir()} == {"items.parquet", "record.json"}  # no parts are left
    assert pd.read_parquet(output / "items.parquet")["strategy"].tolist() == ["zero-shot"] * 3 + ["knn"] * 3
    printed = capsys.readouterr().out
    assert "zero-shot" in printed
    assert "eng_Latn" in printed
    before = (output / "record.json").read_bytes()
    assert train.main(evaluation(files, output)) == 2
    assert "already holds a record" in capsys.readouterr().err
    assert (output / "record.json").read_bytes() == before


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


def said(stderr: str) -> str:
    """The one line on stderr that is not the progress bar."""
    lines = [line for line in stderr.replace("\r", "\n").split("\n") if line.strip() and "%|" not in line]
    assert len(lines) == 1, lines
    return lines[0]


ASKS: dict[str, tuple[list[str], str]] = {
    "empty query": (["ask", "  ", "--language", "en"], "The query is empty"),
    "unknown language": (["ask", "A bus.", "--language", "xx"], "'xx' is not one of the languages at hand"),
    "unknown answer language": (["ask", "A bus.", "--language", "en", "--answers", "xx"], "'xx' is not one of"),
    "unknown strategy": (["ask", "A bus.", "--language", "en", "--strategy", "best"], "no strategy 'best'"),
    "negative k": (["ask", "A bus.", "--language", "en", "--k", "-1"], "-1 demonstrations were asked for"),
    "missing pool": (["ask", "A bus.", "--language", "en", "--pool", "nowhere.jsonl"], "does not exist"),
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
    monkeypatch.setattr("core.bundle.bundled_examples", lambda name, assets=None: toy_examples())
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
