"""``train.py evaluate`` on built-in corpora at toy size: what it says beside its tables, records, and refuses.

Tests of `core.data.corpora.brighter`.
"""

import json
from pathlib import Path

import corpus_files
import pandas as pd
import pytest

import train


def command(task: str, folder: Path, output: Path, **changes: str) -> list[str]:
    options = {"task": task, "data": str(folder), "output": str(output), "strategies": "random", "k": "1", "seeds": "0"}
    return [
        "evaluate",
        *(word for key, value in (options | changes).items() for word in (f"--{key.replace('_', '-')}", value)),
    ]


def lines(stderr: str) -> list[str]:
    return [line for line in stderr.replace("\r", "\n").split("\n") if line.strip() and "%|" not in line]


def test_what_is_left_out_and_languages_without_a_template_are_said_and_recorded(
    toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus_files.sib200(tmp_path)
    output = tmp_path / "run"
    assert (
        train.main(command("sib200", tmp_path, output, languages="bam_Latn,it", pool_languages="kik_Latn,bam_Latn"))
        == 0
    )
    assert lines(capsys.readouterr().err) == [
        "No template or label words of 'topic' in bam_Latn, ita_Latn: English ones are used.",
        "Left out of the queries: 1 (Bambara rows that are Kikuyu).",
        "Left out of the pool: 1 (Bambara rows that are Kikuyu).",
    ]
    entry = json.loads((output / "record.json").read_text(encoding="utf-8"))
    assert entry["fallback_languages"] == ["bam_Latn", "ita_Latn"]
    reason = {"Bambara rows that are Kikuyu": 1}
    assert entry["left_out"] == {"queries": reason, "pool": reason, "unreadable": {}}
    assert entry["data"]["corpus"] == "sib200"
    assert "framings" not in entry
    items = pd.read_parquet(output / "items.parquet")
    assert [name.removeprefix("sib200/") for name in items["id"]] == [
        *("bam_Latn/4", "bam_Latn/6"),
        *("ita_Latn/4", "ita_Latn/5", "ita_Latn/6"),
    ]
    assert set(items["answer"]) <= {
        "travel",
        "health",
        "sports",
        "technology",
        "politics",
        "entertainment",
        "geography",
    }


def test_translation_is_measured_by_chrf_against_the_side_of_the_target(toy_models: None, tmp_path: Path) -> None:
    corpus_files.ntrex(tmp_path)
    output = tmp_path / "run"
    arguments = command(
        "ntrex", tmp_path, output, languages="deu_Latn", pool_languages="spa_Latn", to="French", most="2"
    )
    assert train.main(arguments) == 0
    items = pd.read_parquet(output / "items.parquet")
    assert set(items["answer_language"]) == {"fra_Latn"}
    assert [gold.split(" in ")[1] for gold in items["gold"]] == ["fra."] * 2
    assert {code for codes in items["demonstration_languages"] for code in json.loads(codes)} == {"spa_Latn"}
    assert items["chrf"].between(0, 100).all()
    assert json.loads((output / "record.json").read_text(encoding="utf-8"))["config"]["answers"] == "fra_Latn"


REFUSED: dict[str, tuple[str, dict[str, str], str]] = {
    "no folder": ("nusax", {"data": ""}, "nusax is read from a data folder; name it with --data"),
    "nothing but rows that are left out": (
        "brighter",
        {"languages": "fra_Latn"},
        "There is no query to evaluate; check --languages and the data: 1 left out (no emotion); 1 left out (several emotions).",
    ),
    "a pool of nothing": (
        "brighter",
        {"languages": "deu_Latn", "pool_languages": "fra_Latn"},
        "There is no example in the pool; check --pool-languages and the data: 1 left out (several emotions).",
    ),
    "a pool in the query's language": (
        "nusax",
        {"languages": "jav_Latn", "pool_languages": "jav_Latn"},
        "only 0 different items of the pool's 3 examples may be shown to a query in jav_Latn",
    ),
    "queries that no model reads": ("xquad", {"languages": "deu_Latn"}, "All 2 queries are longer than the 1024 tokens that"),
    "the Hub without languages": ("nusax", {"data": "hub"}, "languages are read one by one; list them with --languages"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_evaluation_of_nothing_ends_with_one_sentence(
    fault: str, toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus_files.nusax(tmp_path)
    corpus_files.brighter(tmp_path)
    french = [("train", "joy|fear"), ("test", ""), ("test", "joy|anger")]
    rows = [
        {"id": f"french/{n}", "language": "fra_Latn", "split": split, "text": f"Remarque {n}.", "label": label}
        for n, (split, label) in enumerate(french)
    ]
    path = tmp_path / "emotion/brighter.parquet"
    pd.concat([pd.read_parquet(path), pd.DataFrame(rows)]).to_parquet(path, index=False)
    corpus_files.xquad(tmp_path)
    path = tmp_path / "qa/xquad.parquet"
    pd.read_parquet(path).assign(context="The passage goes on and on. " * 50).to_parquet(path, index=False)
    task, changes, message = REFUSED[fault]
    assert train.main(command(task, tmp_path, tmp_path / "run", **changes)) == 2
    assert message in lines(capsys.readouterr().err)[-1]
    assert not (tmp_path / "run").exists()


def test_queries_and_demonstrations_longer_than_the_model_reads_are_counted_and_the_others_asked(
    toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus_files.xquad(tmp_path)
    path = tmp_path / "qa/xquad.parquet"
    rows = pd.read_parquet(path)
    rows.loc[rows["title"].isin(["car", "apple", "door"]), "context"] = "The passage goes on and on. " * 50
    rows.to_parquet(path, index=False)
    output = tmp_path / "run"
    assert train.main(command("xquad", tmp_path, output, languages="deu_Latn")) == 0
    assert lines(capsys.readouterr().err) == [
        "Left out of the queries: 1 (longer than the model reads).",
        "Of 1 demonstrations 1 were dropped whole: no room, or no side in the answer's language.",
    ]
    assert pd.read_parquet(output / "items.parquet")["id"].tolist() == ["xquad/deu_Latn/barn"]
    entry = json.loads((output / "record.json").read_text(encoding="utf-8"))
    assert entry["left_out"]["unreadable"] == {"longer than the model reads": 1}
    assert entry["settings"]["prompt"]["reserve"] == 64
    assert entry["demonstrations_dropped"] == 1
