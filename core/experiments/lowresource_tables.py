"""Tables and figures of the low-resource experiment."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.experiments.comparing import cell, comparison_rows, finding, mean_macro_f1, right
from core.experiments.result import POINTS, SHARE, P, Row
from core.statistics.comparisons import compare_all, mean_interval
from core.statistics.groups import group_of

Tables = Mapping[tuple[str, int], Sequence[pd.DataFrame]]  # by source and number of items, a table a seed


def shown(tables: Tables, labels: Sequence[str]) -> dict[str, Any]:
    """Curves over the number of items, by source, resource class and language; tests between sources and against no items."""
    whole = {key: pd.concat(several) for key, several in tables.items()}
    scores = {_name(key): right(table) for key, table in whole.items()}
    rows: list[Row] = []
    classes: list[Row] = []
    languages: list[Row] = []
    for source, size in sorted(whole, key=lambda key: (key[0], key[1])):
        values = scores[_name((source, size))]
        by_seed = [round(float(right(part).mean()), 4) for part in tables[source, size]]
        rows.append(
            {
                "source": source,
                "items in the pool": size,
                "accuracy": cell(mean_interval(values)),
                "macro-F1": round(mean_macro_f1(whole[source, size], labels), 4),
                "seeds": len(by_seed),
                "lowest seed": min(by_seed),
                "highest seed": max(by_seed),
            }
        )
        codes = pd.Series(values.index.get_level_values("language"), index=values.index)
        for resource, part in values.groupby(codes.map(lambda code: group_of(str(code), "resource"))):
            classes.append(
                {
                    "resources": str(resource),
                    "source": source,
                    "items in the pool": size,
                    "accuracy": cell(mean_interval(part)),
                    "languages": int(part.index.get_level_values("language").nunique()),
                }
            )
        for code, part in values.groupby(codes):
            found = cell(mean_interval(part))
            languages.append({"language": str(code), "source": source, "items in the pool": size, "accuracy": found})
    tests = compare_all(scores, _pairs(list(whole)))
    line = {"kind": "line", "x": "items in the pool", "y": "accuracy", "units": SHARE}
    return {
        "findings": [finding(one) for one in tests],
        "tables": {
            "accuracy by number of items": rows,
            "sources and sizes compared": comparison_rows(tests),
            "by resource class": sorted(classes, key=lambda row: row["resources"]),
            "by language": sorted(languages, key=lambda row: row["language"]),
        },
        "units": dict.fromkeys(("accuracy", "macro-F1", "lowest seed", "highest seed"), SHARE)
        | {"first minus second": POINTS, "p": P, "p (Holm)": P},
        "figures": {
            "accuracy by number of items": line
            | {"title": "Accuracy by labelled items", "series": "source", "table": "accuracy by number of items"},
            **{
                f"accuracy by resource class, {source}": line
                | {
                    "title": f"Accuracy by labelled items and resource class, {source}",
                    "series": "resources",
                    "rows": [row for row in classes if row["source"] == source],
                }
                for source in dict.fromkeys(source for source, _ in whole)
            },
        },
    }


def _pairs(keys: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    """What is worth a test: sources against each other at the same size, and each size against the smallest of its source.

    ``others`` with no items is zero-shot, which ``own`` starts from as well.
    """
    found = []
    sizes = sorted({size for _, size in keys})
    for size in sizes:
        here = [source for source, other in keys if other == size]
        found += [((a, size), (b, size)) for place, b in enumerate(here) for a in here[place + 1 :]]
    for source in dict.fromkeys(source for source, _ in keys):
        mine = sorted(size for other, size in keys if other == source)
        first = ("others", 0) if source == "own" and ("others", 0) in keys else (source, mine[0])
        found += [((source, size), first) for size in mine if (source, size) != first]
    return [(_name(a), _name(b)) for a, b in dict.fromkeys(found)]


def _name(key: tuple[str, int]) -> str:
    return f"{key[0]}, {key[1]} items" if key != ("others", 0) else "no items"
