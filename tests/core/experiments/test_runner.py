"""What all experiments share: a description is run once, concluded from, and written as one record."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from toys import toy_examples

from core.evaluation.passes import Pass
from core.experiments.runner import Experiment, Results, findings, printed
from core.models.loading import LanguageModel
from core.report.document import Figure
from core.report.schema import check
from core.statistics.comparisons import Comparison
from core.statistics.values import Interval


@dataclass(frozen=True)
class Config:
    k: int = 4


def experiment(model: LanguageModel, make: Any) -> Experiment:
    rows = [{"strategy": "agl", "accuracy": [0.5, 0.4, 0.6], "p": 0.0004}]

    def conclude(tables: dict[str, pd.DataFrame]) -> Results:
        assert list(tables) == ["one", "two"]
        figure = Figure("Accuracy", "bar", "strategy", "accuracy", rows, unit="%")
        other = Figure("Again", "bar", "strategy", "accuracy", [dict(rows[0])], unit="%")
        return Results(["Done."], {"systems": rows}, {"accuracy": "%", "p": "p"}, {"a": figure, "b": other})

    passes = [Pass("one", make), Pass("two", make)]
    data = {"pool": toy_examples()}
    return Experiment("kind", "A title", Config(), [model], data, {"k": 4}, passes, conclude, {"seeds": [0]})


def test_a_record_has_facts_conclusions_and_figures_that_name_their_table(model: LanguageModel, tmp_path: Path) -> None:
    made: list[int] = []

    def make(_progress: Any) -> pd.DataFrame:
        made.append(1)
        return pd.DataFrame({"x": [1]})

    entry = experiment(model, make).run(tmp_path)
    check(entry, "record")
    assert (entry["kind"], entry["title"], entry["config"], entry["seeds"]) == ("kind", "A title", {"k": 4}, [0])
    assert entry["pool"]["examples"] == 30 and entry["findings"] == ["Done."]
    assert entry["figures"]["a"]["table"] == "systems" and "rows" not in entry["figures"]["a"]
    assert entry["figures"]["b"]["rows"] == entry["tables"]["systems"]
    again = experiment(model, make).run(tmp_path)
    assert len(made) == 2
    assert {**again, "seconds": 0} == {**entry, "seconds": 0}


def test_a_record_is_printed_as_a_report_writes_it(model: LanguageModel) -> None:
    entry = experiment(model, lambda _progress: pd.DataFrame({"x": [1]})).conclude({"one": None, "two": None}).entry  # type: ignore[dict-item]
    lines = printed(entry).splitlines()
    assert lines[0] == "Done."
    assert lines[3].split() == ["strategy", "accuracy,", "%", "p"]
    assert lines[4].split() == ["agl", "50.0", "[40.0,", "60.0]", "<", "0.001"]


def test_what_differs_comes_before_what_does_not() -> None:
    def compared(name: str, p: float) -> Comparison:
        return Comparison(name, "b", Interval(0.1, 0.0, 0.2), p, p, 10, 20, False)

    sentences = findings([compared("even", 0.6), compared("better", 0.01)])
    assert [sentence.split()[0] for sentence in sentences] == ["better", "even"]
