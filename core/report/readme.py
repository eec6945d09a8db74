"""The results in README, made from records: what stands between ``<!-- results: NAME -->`` and ``<!-- end -->``.

``assets/results/readme.toml`` says what each block shows::

    [NAME]
    record = "embedded/topic_k8"          # folder under assets/results
    table = "by language"                 # of the record's report
    columns = ["language", "agl"]         # optional; default all
    rows = ["swh_Latn", "mean"]           # optional, by the first column; default all
    turned = "strategy"                   # optional: columns as rows, under this heading
    findings = true                       # optional: the findings of the report after the table
    text = "Of {n} items ..."             # or, in place of a table, sentences with values out of JSON files
    figure = "growth.svg"                 # optional: before the text, drawn into assets/figures from ``panels``, see core.report.growth
    alt = "what it shows"
    values.n = ["embedded/knn.json", "mean", "own_english", "%"]   # file, fields, unit ("" without); in a list of rows a field is
                                                                   # what the row must have, { language = "mean" }
"""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import InvalidData
from core.models import ASSETS
from core.report.cells import written
from core.report.document import Document
from core.report.growth import growth_figure
from core.report.markup import markdown_table, notes, plain
from core.report.reading import read_record
from core.report.renderers import document_of

RESULTS = ASSETS / "results"
_BLOCK = re.compile(r"(<!-- results: (?P<name>[^>\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def rewritten(text: str, results: Path = RESULTS) -> str:
    """``text`` with every block made anew. Raises ``InvalidData`` for a block without a specification, or the other way round."""
    specifications = _read(results / "readme.toml")
    known: dict[str, Document] = {}
    seen = {match["name"] for match in _BLOCK.finditer(text)}
    for name in sorted(seen ^ set(specifications)):
        where = (
            "the text has no such block"
            if name in specifications
            else f"{results / 'readme.toml'} does not say what it shows"
        )
        raise InvalidData(f"Block {name!r}: {where}; keep both in step.")

    def made(match: re.Match[str]) -> str:
        return f"{match[1]}{_block(match['name'], specifications[match['name']], results, known)}\n{match[3]}"

    return _BLOCK.sub(made, text)


def figures(results: Path = RESULTS) -> dict[str, str]:
    """The drawn figures of the blocks, SVG by file name."""
    blocks = _read(results / "readme.toml").values()
    return {str(one["figure"]): growth_figure(one["panels"], results) for one in blocks if "figure" in one}


def _block(name: str, wanted: Mapping[str, Any], results: Path, known: dict[str, Document]) -> str:
    if "text" in wanted:
        values = {key: _value(results, *path) for key, path in wanted.get("values", {}).items()}
        said = str(wanted["text"]).strip().format(**values)
        picture = f"![{wanted['alt']}](assets/figures/{wanted['figure']})\n\n" if "figure" in wanted else ""
        return picture + said
    folder = str(wanted["record"])
    if folder not in known:
        known[folder] = document_of(read_record(results / folder, folder))
    document = known[folder]
    table = document.table(wanted["table"])
    if table is None:
        tables = ", ".join(table.name for section in document.sections for table in section.tables)
        raise InvalidData(f"Block {name!r} shows table {wanted['table']!r}; {folder} has {tables}.")
    for column in wanted.get("columns", ()):
        if column not in table.columns:
            raise InvalidData(f"Block {name!r} shows column {column!r}; the table has {', '.join(table.columns)}.")
    shown = table.selected(wanted.get("columns", ()), wanted.get("rows", ()))
    if "turned" in wanted:
        shown = shown.turned(wanted["turned"])
    parts = [markdown_table(shown), plain(notes(shown))]
    if wanted.get("findings"):
        parts.append("\n".join(f"- {plain(text)}" for text in document.sections[0].sentences))
    command = dict(document.facts).get("Command", "")
    parts.append(f"Made by `{_short(command)}` ([record](assets/results/{folder}/record.json)).")
    return "\n\n".join(part for part in parts if part)


def _value(results: Path, file: str, *path: Any) -> str:
    *fields, unit = path
    found: Any = json.loads((results / file).read_text(encoding="utf-8"))
    for field in fields:
        if isinstance(field, Mapping) and isinstance(found, list):
            found = next((row for row in found if all(row.get(key) == value for key, value in field.items())), None)
        else:
            found = found.get(field) if isinstance(found, Mapping) else None
        if found is None:
            raise InvalidData(f"{results / file} has no {' / '.join(map(str, fields))}, which a block of README shows.")
    return written(found, unit)


def _short(command: str) -> str:
    """The command with long lists of languages left to the record."""
    return re.sub(r"(--(?:pool-)?languages )\S{80,}", r"\1...", command)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidData(f"{path} cannot be read: {error}.") from error
