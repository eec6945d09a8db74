"""What every experiment ends in: one record with its tables and figures, and the tables as lines of text."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from core.engine import Engine
from core.records import Example
from core.run_record import command, commit, model_facts

Row = dict[str, Any]
SHARE, POINTS, P = "%", "points", "p"


def facts(
    kind: str,
    title: str,
    model: Engine,
    config: dict[str, Any],
    data: dict[str, Sequence[Example]],
    seconds: float,
) -> dict[str, Any]:
    """The fields that come first in a record: what was run, on what, with what. ``data`` names examples by their part."""
    return {
        "kind": kind,
        "title": title,
        "command": command(),
        "commit": commit(),
        "model": model_facts(model),
        "config": config,
        **{
            name: {
                "examples": len(examples),
                "items": len({example.item for example in examples}),
                "languages": sorted({example.language for example in examples}),
            }
            for name, examples in data.items()
        },
        "seconds": round(seconds, 1),
    }


def printed(entry: dict[str, Any], only: Sequence[str] = ()) -> str:
    """Findings and tables of a record as text; ``only`` names the tables to print, by default all."""
    units = entry.get("units", {})
    parts = list(entry.get("findings", []))
    for name, rows in entry["tables"].items():
        if rows and (not only or name in only):
            wide = pd.DataFrame(
                [{column: _text(cell, units.get(column, "")) for column, cell in r.items()} for r in rows]
            )
            parts.append(f"{name}\n{wide.fillna('-').to_string(index=False)}")
    return "\n\n".join(parts)


def _text(cell: Any, unit: str) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, list):
        value, low, high = (_text(part, unit) for part in cell)
        return f"{value} [{low}, {high}]"
    if isinstance(cell, bool | str | int):
        return str(cell)
    if unit == SHARE:
        return f"{100 * cell:.1f}"
    if unit == POINTS:
        return f"{100 * cell:+.1f}"
    return f"{cell:.4f}" if unit == P else f"{cell:.3f}"
