"""What a record may bring to its report, and the sentence for what it may not."""

from typing import Any

import pytest

from core.errors import InvalidData
from core.report.schema import check, kind_of, rows_of

ROWS = [{"alpha": 0.5, "accuracy": [0.4, 0.3, 0.5], "mode": "self"}, {"alpha": 1.0, "accuracy": None, "mode": "self"}]
GOOD: dict[str, Any] = {
    "command": "python train.py sweep",
    "tables": {"by alpha": ROWS},
    "figures": {
        "trade-off": {"kind": "line", "x": "alpha", "y": "accuracy", "series": "mode", "table": "by alpha"},
        "agreement": {"kind": "heatmap", "x": "a", "y": "b", "value": "v", "rows": [{"a": "x", "b": "y", "v": 1.0}]},
    },
    "units": {"accuracy": "%"},
}


def test_a_record_as_documented_passes_and_figures_find_their_rows() -> None:
    check(GOOD, "here")
    assert rows_of(GOOD["figures"]["trade-off"], GOOD["tables"]) == ROWS


def test_a_record_with_results_is_an_evaluation_and_a_bare_one_is_other() -> None:
    assert [kind_of({"results": []}), kind_of({}), kind_of({"kind": "sweep", "results": []})] == [
        "evaluation",
        "other",
        "sweep",
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tables": [1]}, "tables is a list"),
        ({"tables": {"t": {"a": 1}}, "figures": {}}, "table 't' is not a list of rows"),
        ({"tables": {"t": [{"a": {"b": 1}}]}, "figures": {}}, r"row 1, column 'a' holds .* \[value, low, high\]"),
        ({"tables": {"t": [{"a": [1, 2]}]}, "figures": {}}, r"holds \[1, 2\]"),
        ({"figures": {"f": {"kind": "pie"}}}, "kind 'pie'; choose one of bar, line"),
        ({"figures": {"f": {"kind": "bar", "x": "a", "y": "b"}}}, "either its own rows or the name of a table"),
        (
            {"figures": {"f": {"kind": "bar", "x": "a", "y": "b", "table": "no"}}},
            "draws table 'no'; there are by alpha",
        ),
        ({"figures": {"f": {"kind": "heatmap", "x": "a", "y": "b", "rows": []}}}, "has no 'value'"),
        (
            {"figures": {"f": {"kind": "bar", "x": "alpha", "y": "acc", "table": "by alpha"}}},
            "y is 'acc', which no row",
        ),
    ],
)
def test_anything_else_is_refused_in_a_sentence_that_names_the_place(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidData, match=said):
        check(GOOD | changed, "here")
