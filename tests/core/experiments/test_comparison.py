"""Systems of several records against each other: which answers are compared, over items and seeds, and what is refused.

Tests of `core.experiments.comparison`, `core.cli.compare`.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import permutation_test

import train
from core.errors import InvalidConfig, InvalidData
from core.experiments.comparison import Source, compare, over_both
from core.report.schema import check

LANGUAGES = ("eng_Latn", "swh_Latn")
ITEMS = 12


def record(folder: Path, accuracy: dict[str, float], seed: int, items: int = ITEMS, k: tuple[int, ...] = (4,)) -> Path:
    """An evaluation of the strategies in ``accuracy``, right by chance with that share."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "strategy": name,
            "k": size,
            "seed": 0,
            "language": code,
            "item": n,
            "gold": "a",
            "prediction": "a" if hit else "b",
        }
        for name, share in accuracy.items()
        for size in k
        for code in LANGUAGES
        for n, hit in enumerate(rng.random(items) < share)
    ]
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(folder / "items.parquet")
    (folder / "record.json").write_text(json.dumps({"kind": "evaluation", "task": "topic", "model": {"name": "toy"}}))
    return folder


@pytest.fixture
def records(tmp_path: Path) -> dict[str, list[Source]]:
    trained = [record(tmp_path / f"seed{n}", {"agl": 0.8}, n) for n in range(3)]
    before = record(tmp_path / "before", {"agl-untrained": 0.5, "knn": 0.7}, 9)
    return {
        "trained": [Source(folder, "agl") for folder in trained],
        "untrained": [Source(before, "agl-untrained")],
        "knn": [Source(before, "knn")],
    }


def right(source: Source) -> pd.DataFrame:
    items = pd.read_parquet(source.folder / "items.parquet")
    items = items[items["strategy"] == source.strategy]
    return items.assign(right=(items["gold"] == items["prediction"]).astype(float))


def test_means_differences_and_p_are_those_of_pandas_and_scipy(records: dict[str, list[Source]]) -> None:
    entry = compare(records, "trained")
    check(entry, "comparison")
    trained = pd.concat([right(one) for one in records["trained"]])
    before = right(records["untrained"][0])
    by_name = {row["system"]: row for row in entry["tables"]["systems"]}
    assert by_name["trained"]["accuracy"][0] == pytest.approx(trained["right"].mean(), abs=1e-4)
    assert by_name["trained"]["training seeds"] == 3
    assert by_name["trained"]["lowest seed"] <= by_name["trained"]["accuracy"][0] <= by_name["trained"]["highest seed"]
    pair = next(row for row in entry["tables"]["pairs"] if row["second"] == "untrained")
    assert pair["first minus second"][0] == pytest.approx(trained["right"].mean() - before["right"].mean(), abs=1e-4)
    first = trained.groupby("item")["right"].mean().to_numpy()
    second = before.groupby("item")["right"].mean().to_numpy()
    exact = permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert pair["p"] == pytest.approx(exact.pvalue, abs=1e-4)
    english = entry["tables"]["by language"][0]
    assert english == {"language": "eng_Latn", "name": "English"} | {
        name: pytest.approx(
            pd.concat([right(one) for one in sources]).query("language == 'eng_Latn'")["right"].mean(), abs=1e-4
        )
        for name, sources in records.items()
    }
    assert [row["language"] for row in entry["tables"]["by language"]] == [*LANGUAGES, "mean"]
    assert [row["second"] for row in entry["tables"]["pairs"]] == ["untrained", "knn"]
    assert all(row["p"] <= row["p (Holm)"] for row in entry["tables"]["pairs"])


def test_an_interval_over_seeds_widens_where_training_again_gives_something_else() -> None:
    index = pd.MultiIndex.from_product([LANGUAGES, [str(n) for n in range(200)]], names=["language", "item"])
    rng = np.random.default_rng(0)
    base = pd.Series(rng.random(len(index)) < 0.5, index=index).astype(float)
    same = over_both([base] * 3, [base * 0])
    apart = over_both([base, base * 0, (base + 1).clip(upper=1)], [base * 0])
    assert same is not None and apart is not None
    assert apart[2] - apart[1] > 3 * (same[2] - same[1])
    assert over_both([base], [base]) is None
    mirrored = over_both([base * 0], [base, base * 0, (base + 1).clip(upper=1)])
    assert mirrored is not None and mirrored[0] == pytest.approx(-apart[0])


def test_other_queries_other_strategies_and_an_unclear_k_are_refused_by_name(tmp_path: Path) -> None:
    one = record(tmp_path / "one", {"agl": 0.8}, 0, k=(4, 8))
    other = record(tmp_path / "other", {"agl": 0.8}, 0, items=ITEMS + 1)
    with pytest.raises(InvalidData, match=r"holds agl, K = 4, 8; .*one:agl is not one of them"):
        compare({"a": [Source(one, "agl")], "b": [Source(one, "agl", 8)]}, "a")
    with pytest.raises(InvalidData, match="knn:4 is not one of them"):
        compare({"a": [Source(one, "knn", 4)], "b": [Source(one, "agl", 8)]}, "a")
    with pytest.raises(InvalidData, match=r"did not answer the same queries: 2 were answered by one of them alone"):
        compare({"a": [Source(one, "agl", 4)], "b": [Source(other, "agl")]}, "a")
    with pytest.raises(InvalidConfig, match="Nothing stands against 'a'"):
        compare({"a": [Source(one, "agl", 4)]}, "a")


def test_shared_queries_are_those_that_every_run_answered(tmp_path: Path) -> None:
    one = record(tmp_path / "one", {"agl": 0.8}, 0)
    other = record(tmp_path / "other", {"agl": 0.2}, 1, items=ITEMS + 4)
    entry = compare({"a": [Source(one, "agl")], "b": [Source(other, "agl")]}, "a", shared=True)
    assert entry["items"] == ITEMS
    rows = pd.read_parquet(other / "items.parquet").query("item < @ITEMS")
    expected = (rows["prediction"] == rows["gold"]).mean()
    system = next(row for row in entry["tables"]["systems"] if row["system"] == "b")
    assert system["accuracy"][0] == pytest.approx(expected, abs=1e-4)
    apart = pd.read_parquet(other / "items.parquet").assign(item=lambda table: table["item"] + 100)
    apart.to_parquet(other / "items.parquet")
    with pytest.raises(InvalidData, match="No query was answered by all systems"):
        compare({"a": [Source(one, "agl")], "b": [Source(other, "agl")]}, "a", shared=True)


def test_the_command_adds_seeds_by_name_and_writes_a_record_once(
    records: dict[str, list[Source]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = [f"{name}={one.folder}:{one.strategy}" for name, sources in records.items() for one in sources]
    assert train.main(["compare", *typed, "--output", str(tmp_path / "out")]) == 0
    assert "trained and untrained" in capsys.readouterr().out
    entry = json.loads((tmp_path / "out" / "record.json").read_text())
    assert [len(entry["config"][name]) for name in ("trained", "untrained", "knn")] == [3, 1, 1]
    assert train.main(["compare", *typed, "--output", str(tmp_path / "out")]) == 2
    assert "already holds a record" in capsys.readouterr().err
    for wrong in ("trained", "a=folder", "a=folder:agl:many", "=folder:agl"):
        assert train.main(["compare", wrong, "--output", str(tmp_path / "new")]) == 2
        assert wrong in capsys.readouterr().err
