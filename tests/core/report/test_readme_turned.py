"""Tables whose columns become rows, and whose texts become columns."""

from core.report.document import BEST, LEVEL, table_of


def test_a_turned_table_keeps_cells_marks_and_units() -> None:
    rows = [{"K": 4, "knn": 0.5, "agl": 0.4}, {"K": 8, "knn": 0.6, "agl": None}]
    table = table_of("t", rows, {"knn": "%", "agl": "%"}, marks={(0, "knn"): BEST, (1, "agl"): LEVEL})
    turned = table.turned("strategy")
    assert turned.columns == ("strategy", "K = 4", "K = 8")
    assert turned.rows == (("knn", 0.5, 0.6), ("agl", 0.4, None))
    assert turned.units == {"K = 4": "%", "K = 8": "%"}
    assert turned.marks == {(0, "K = 4"): BEST, (1, "K = 8"): LEVEL}


def test_a_spread_table_has_a_column_for_each_text_of_one_column() -> None:
    rows = [
        {"prompt": "native", "k": 0, "calibration": "none", "accuracy": 0.5, "n": 60},
        {"prompt": "native", "k": 0, "calibration": "batch", "accuracy": 0.6, "n": 60},
        {"prompt": "native", "k": 4, "calibration": "batch", "accuracy": 0.7, "n": 60},
        {"prompt": "english", "k": 0, "calibration": "none", "accuracy": 0.4, "n": 60},
    ]
    table = table_of("t", rows, {"accuracy": "%"}, marks={(0, "accuracy"): BEST})
    spread = table.selected(["prompt", "k", "calibration", "accuracy"]).spread("calibration", "accuracy")
    assert spread.columns == ("prompt", "k", "none", "batch")
    assert spread.rows == (("native", 0, 0.5, 0.6), ("native", 4, None, 0.7), ("english", 0, 0.4, None))
    assert (spread.units, spread.marks) == ({"none": "%", "batch": "%"}, {})
