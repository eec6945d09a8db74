"""Languages of an evaluation, one by one and by what they have in common: tables and a heat map, a column a system."""

from collections.abc import Sequence
from typing import Any

from core.errors import CoreError
from core.languages import language
from core.report.document import BEST, Cell, Figure, Table, table_of
from core.report.measures import System
from core.statistics.groups import facts, means_by_group

LANGUAGES = "by language"
GROUPS = {"family": "by family", "script": "by script", "resource": "by resource class", "macroarea": "by macro-area"}
MEAN = "mean"
GROUPING = (
    "Means over languages. Varieties of one language, as those of Arabic, weigh as one language.",
    "Family and macro-area after WALS and Grambank; resource class after Joshi et al. (2020): low 0 to 2, middle 3, high 4 and 5.",
)


def grouped(found: Sequence[System], grouping: str, unit: str) -> Table:
    """Mean over the languages of each group, a column a system."""
    values = {one.name: means_by_group(one.by_language(), grouping) for one in found}
    groups = dict.fromkeys(group for means in values.values() for group in means)
    rows: list[dict[str, Any]] = []
    for group in groups:
        codes = {code for means in values.values() if group in means for code in means[group][1]}
        kinds = len({facts(code).counts_as for code in codes})
        rows.append(
            {GROUPS[grouping].removeprefix("by "): group, "languages": kinds}
            | {name: means[group][0] if group in means else None for name, means in values.items()}
        )
    return _marked(table_of(GROUPS[grouping], rows, dict.fromkeys(values, unit)), found)


def languages(found: Sequence[System], unit: str) -> Table:
    """Score by language, a column a system, and the mean of all."""
    values = {one.name: one.by_language() for one in found}
    codes = sorted({code for means in values.values() for code in means})
    rows: list[dict[str, Any]] = [
        {"language": code, "name": language_name(code), "family": facts(code).family}
        | {name: means.get(code) for name, means in values.items()}
        for code in codes
    ]
    rows.append(
        {"language": MEAN, "name": f"{len(codes)} languages", "family": ""}
        | {one.name: one.interval.mean for one in found}
    )
    return _marked(table_of(LANGUAGES, rows, dict.fromkeys(values, unit)), found)


def heat_map(found: Sequence[System], score: str, unit: str) -> Figure:
    """Languages down, systems across."""
    rows = [
        {"language": language_name(code), "system": one.name, score: value}
        for one in found
        for code, value in sorted(one.by_language().items(), key=lambda entry: language_name(entry[0]))
    ]
    shape = {"kind": "heatmap", "x": "system", "y": "language", "value": score, "units": unit}
    return Figure(f"{score} by language and strategy", shape | {"rows": rows}, {score: unit})


def _marked(table: Table, found: Sequence[System]) -> Table:
    """The highest number of each row in bold, where there are several systems; no test is made within a row."""
    names = [one.name for one in found]
    if len(names) < 2:
        return table
    marks: dict[tuple[int, str], str] = {}
    for place, row in enumerate(table.rows):
        numbers = {name: row[table.columns.index(name)] for name in names}
        known: dict[str, Cell] = {name: value for name, value in numbers.items() if isinstance(value, float)}
        highest = max(known.values(), default=None)  # type: ignore[type-var]
        marks |= {(place, name): BEST for name, value in known.items() if value == highest}
    return Table(
        table.name,
        table.columns,
        table.rows,
        table.units,
        marks,
        "Bold: the highest of the row; rows are not tested.",
    )


def language_name(code: str) -> str:
    """English name, and the code where nobody knows it."""
    try:
        return language(code).name
    except CoreError:
        return code
