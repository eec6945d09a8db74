"""Unseen tasks at toy size: gains by hand, the majority of the pool, and the command over corpora of a few rows."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import train
from core.experiments import runner
from core.experiments.unseen_tasks import results
from core.report.schema import check


def answers(corpus: str, right: dict[str, str]) -> pd.DataFrame:
    """Rows of ``evaluate`` for queries with gold "yes": "1" where a strategy says so, "0" where it says "no"."""
    return pd.DataFrame(
        {
            "language": "fra_Latn",
            "item": f"{corpus}-{n}" if corpus else str(n),
            "id": f"{corpus}/{n}",
            "strategy": strategy,
            "seed": 0,
            "gold": "yes",
            "prediction": "yes" if hit == "1" else "no",
        }
        for strategy, hits in right.items()
        for n, hit in enumerate(hits)
    )


def test_gains_are_over_baselines_of_the_same_task_and_over_all_queries_of_a_group() -> None:
    first = {"zero-shot": "0001", "random": "0011", "agl": "0111", "majority": "1111"}
    second = {"zero-shot": "0000", "random": "1111", "agl": "1111", "majority": "0011"}
    items = {"known": answers("", first), "new": answers("", second), "newer": answers("", first)}  # equal item names
    entry = results(items, dict.fromkeys(items, ("yes", "no")), ["known"]).entry
    check(entry, "unseen tasks")
    gains = {(row["where"], row["over"]): row["gain"][0] for row in entry["tables"]["gains over baselines"]}
    assert gains["known", "zero-shot"] == 0.5  # 3/4 - 1/4
    assert gains["known", "majority"] == -0.25
    assert gains["new", "random"] == 0
    assert gains["unseen tasks", "zero-shot"] == 0.75  # 7/8 - 1/8
    assert gains["unseen tasks", "majority"] == 0.125  # 7/8 - 6/8
    assert gains["seen tasks", "random"] == gains["known", "random"] == 0.25
    counted = {row["where"]: row["items"] for row in entry["tables"]["gains over baselines"]}
    assert counted == {"known": 4, "new": 4, "newer": 4, "seen tasks": 4, "unseen tasks": 8}
    assert "share no items" in entry["findings"][-1]


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """SIB-200 and PAWS-X, eight rows of each in two languages."""
    folder = tmp_path / "data"
    for name in ("sib200", "paraphrase"):
        (folder / name).mkdir(parents=True)
    topics = ("travel", "health", "travel", "sports")
    pd.DataFrame(
        {
            "id": f"{code}/{fold}/{n}",
            "index_id": f"{fold}/{n}",
            "language": code,
            "split": "train",
            "text": f"{fold} {n} {code}",
            "label": label,
            "devfold": fold,
        }
        for code in ("deu_Latn", "fra_Latn")
        for fold in ("demo", "dev_query")
        for n, label in enumerate(topics)
    ).to_parquet(folder / "sib200" / "sib200_devlangs_train_dev.parquet")
    pd.DataFrame(
        {
            "id": f"{code}/{split}/{n}",
            "parallel_id": f"{split}/{n}",
            "language": code,
            "split": split,
            "sentence1": f"Cat {n} in {split} sleeps.",
            "sentence2": f"Cat {n} in {split} rests.",
            "label": "100"[n],
            "untranslated": False,
        }
        for code in ("deu_Latn", "fra_Latn")
        for split in ("dev", "test")
        for n in range(3)
    ).to_parquet(folder / "paraphrase" / "pawsx.parquet")
    return folder


def command(corpora: Path, folder: Path, /, **changes: str) -> list[str]:
    options = {
        "tasks": "topic,pawsx",
        "data": str(corpora),
        "strategies": "knn",
        "k": "1",
        "seeds": "0,1",
        "work": str(folder / "work"),
        "output": str(folder / "out"),
    } | changes
    return ["unseen", *(word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value))]


def test_seen_and_unseen_tasks_are_asked_with_their_baselines_and_passes_are_kept(
    corpora: Path,
    toy_models: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert train.main(command(corpora, tmp_path)) == 0
    assert "knn in unseen tasks" in capsys.readouterr().out
    entry = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))
    check(entry, "unseen tasks")
    assert {name: one["seen"] for name, one in entry["corpora"].items()} == {"sib200": True, "pawsx": False}
    rows = {(row["corpus"], row["strategy"]): row for row in entry["tables"]["accuracy by task"]}
    assert {strategy for _, strategy in rows} == {"zero-shot", "random", "knn", "majority"}
    assert rows["sib200", "majority"]["accuracy"][0] == 0.5  # "travel" is the label of two of four queries
    assert rows["pawsx", "majority"]["accuracy"][0] == pytest.approx(2 / 3, abs=1e-4)  # "no"
    assert rows["pawsx", "random"]["seeds"] == 2

    def refuse(*_: Any) -> Any:
        raise AssertionError("a finished pass was made again")

    monkeypatch.setattr(runner, "evaluate", refuse)
    assert train.main(command(corpora, tmp_path, output=str(tmp_path / "again"))) == 0
    again = json.loads((tmp_path / "again" / "record.json").read_text(encoding="utf-8"))
    assert again["tables"] == entry["tables"]


BAD: dict[str, tuple[dict[str, str], str]] = {
    "no data": ({"data": ""}, "--tasks needs --data"),
    "no such task": ({"tasks": "rhyme"}, "There is no task 'rhyme'"),
    "nothing unseen": ({"tasks": "topic"}, "All of sib200 are seen"),
    "baselines alone": ({"strategies": "random,zero-shot"}, "name one beside the baselines"),
    "no demonstrations": ({"k": "0"}, "k is 0"),
    "files too": ({"queries": "here.jsonl"}, "leave out --queries and --pool"),
    "one language": ({"languages": "deu_Latn,eng_Latn"}, "sib200 has 1 of the languages asked for"),
    "two experiments": ({"held_out": "deu_Latn"}, "give one of them"),
    "neither": ({"tasks": ""}, "Unseen languages need --queries and --pool"),
    "free text": ({"tasks": "translation,topic"}, "does not exist; --data names the folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_one_sentence(
    name: str,
    corpora: Path,
    toy_models: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changes, said = BAD[name]
    assert train.main(command(corpora, tmp_path, **changes)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (tmp_path / "out" / "record.json").exists()
