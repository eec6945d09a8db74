"""The report of a record of any kind: its own findings, tables and figures, see ``schema``."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.report.document import Document, Figure, Section, table_of
from core.report.reading import Record
from core.report.schema import figure_of


def facts_of(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What was run: command, commit, model, pool, seeds, items, wall time, where the record has them."""
    model, pool = entry.get("model"), entry.get("pool")
    facts = {
        "Command": entry.get("command"),
        "Commit": entry.get("commit"),
        "Model": _named(model, ("name", "precision", "fingerprint", "run")),
        "Task": entry.get("task"),
        "Pool": _pool(pool),
        "Seeds": _listed(entry.get("seeds") or (entry.get("config") or {}).get("seeds")),
        "Items": entry.get("items"),
        "Wall time": f"{entry['seconds']:,.0f} s" if isinstance(entry.get("seconds"), int | float) else None,
    }
    return tuple((name, str(value)) for name, value in facts.items() if value not in (None, ""))


def document(record: Record) -> Document:
    """Findings, then the tables, then the figures of the record."""
    return Document(title_of(record), facts_of(record.entry), own_sections(record.entry))


def title_of(record: Record) -> str:
    """The record's own title, or its kind, with where it lies."""
    return f"{record.entry.get('title') or record.kind.capitalize()}: {record.name}"


def own_sections(entry: Mapping[str, Any]) -> tuple[Section, ...]:
    """What the record itself brings; nothing where it brings nothing."""
    units = entry.get("units") or {}
    tables = entry.get("tables") or _rows(entry)
    sections = (
        Section.of("Findings", tuple(map(str, entry.get("findings") or ()))),
        Section.of("Tables", tables=[table_of(name, rows, units) for name, rows in tables.items()]),
        Section.of("Figures", figures=_figures(entry.get("figures") or {}, tables, units)),
    )
    return tuple(section for section in sections if section.blocks)


def _figures(figures: Mapping[str, Any], tables: Mapping[str, Any], units: Mapping[str, str]) -> list[Figure]:
    return [figure_of(name, entry, tables, units) for name, entry in figures.items()]


def _rows(entry: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Records older than ``tables`` have ``rows`` or ``results``: the texts and numbers in them, as they are."""
    for name in ("results", "rows"):
        rows = entry.get(name)
        if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
            return {name: [{c: v for c, v in row.items() if not isinstance(v, list | Mapping)} for row in rows]}
    return {}


def _named(value: Any, fields: Sequence[str]) -> str | None:
    if not isinstance(value, Mapping):
        return None if value is None else str(value)
    return ", ".join(str(value[name]) for name in fields if value.get(name))


def _pool(pool: Any) -> str | None:
    if isinstance(pool, Mapping) and "examples" in pool:
        return f"{pool['examples']:,} examples in {len(pool.get('languages') or ())} languages"
    return None


def _listed(seeds: Any) -> str | None:
    return ", ".join(map(str, seeds)) if isinstance(seeds, list | tuple) and seeds else None
