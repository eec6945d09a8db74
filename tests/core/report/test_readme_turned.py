"""A table whose columns become rows."""

from core.report.document import BEST, LEVEL, table_of


def test_a_turned_table_keeps_cells_marks_and_units() -> None:
    rows = [{"K": 4, "knn": 0.5, "agl": 0.4}, {"K": 8, "knn": 0.6, "agl": None}]
    table = table_of("t", rows, {"knn": "%", "agl": "%"}, marks={(0, "knn"): BEST, (1, "agl"): LEVEL})
    turned = table.turned("strategy")
    assert turned.columns == ("strategy", "K = 4", "K = 8")
    assert turned.rows == (("knn", 0.5, 0.6), ("agl", 0.4, None))
    assert turned.units == {"K = 4": "%", "K = 8": "%"}
    assert turned.marks == {(0, "K = 4"): BEST, (1, "K = 8"): LEVEL}
