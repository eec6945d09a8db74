"""Rows as examples: texts, languages, labels and ids checked, each refusal naming file, line and field.

Columns: ``text`` and ``language`` are required; ``label`` where the task has labels; ``id`` (unique) is made from the file name and
line where it is missing, ``index_id`` (the item: translations of each other share it) from the ``id``. Items that bring their
own answers have them in ``choice0``, ``choice1`` and so on. Other columns are ignored.
"""

import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.data.row_reader import RowFilter, kind_of, read_rows
from core.data.tasks import Task
from core.data.templates import clean
from core.errors import InvalidData, UnknownLanguage
from core.languages import language
from core.records import Example

LONGEST_TEXT = 4000  # characters
FOLD = "devfold"  # the column that ``fold`` of ``read_examples`` goes by
_WHOLE = re.compile(r"([+-]?\d+)\.0+")  # how tables write a whole number in a column with gaps
_MISSING = {"", "nan", "none", "null", "<na>"}  # how tables write an id that is not there


def read_examples(
    source: str | Path,
    task: Task | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    fold: str | None = None,
) -> list[Example]:
    """Read one file, every matching file of a folder, a folder of ``datasets``, or a Hub data set ("owner/name:config:split").

    ``where`` keeps rows whose column holds one of the values; ``fold`` those whose ``devfold`` is this one, where a row has
    such a column. With ``task`` labels are checked.
    Raises ``InvalidData`` naming file, line and field.
    """
    rows = list(read_rows(source, RowFilter(where or {}, {} if fold is None else {FOLD: fold})))
    examples = [_example(row, position, task) for position, row in rows]
    _refuse_duplicates(examples, [position for position, _ in rows])
    return examples


def identifier(value: object, where: str) -> str | None:
    """An id as text, the same whatever file it comes from: 1, 1.0, "1" and "1.0" are "1"; None where it is missing.

    pandas turns whole numbers into 1.0 as soon as one is missing, and CSV files carry that on. ``where`` names the field.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, str | numbers.Number):
        raise InvalidData(f"{where} is {kind_of(value)}; give a text or a number.")
    text = str(value).strip()
    if text.casefold() in _MISSING:
        return None
    whole = _WHOLE.fullmatch(text)
    return whole.group(1) if whole else text


def _example(row: Mapping[str, Any], position: str, task: Task | None) -> Example:
    for field in ("text", "language"):
        value = row.get(field)
        if value is not None and not isinstance(value, str):
            raise InvalidData(f"{position}: field {field!r} is {kind_of(value)}; every row needs a text there.")
        if value is None or not value.strip():
            columns = "" if field in row else f"; the columns are {', '.join(map(str, row))}"
            raise InvalidData(
                f"{position}: field {field!r} is missing or empty; every row needs a text there{columns}."
            )
    text = clean(row["text"])
    if not 0 < len(text) <= LONGEST_TEXT:
        raise InvalidData(f"{position}: field 'text' has {len(text)} characters; allowed are 1 to {LONGEST_TEXT}.")
    try:
        code = language(row["language"].strip()).code
    except UnknownLanguage as error:
        raise InvalidData(f"{position}, field 'language': {error}") from error
    label = _label(row, position)
    if task is not None and task.is_closed:
        task.check_label(label, f"{position}, field 'label'")
    identity = identifier(row.get("id"), f"{position}: field 'id'") or position
    item = identifier(row.get("index_id"), f"{position}: field 'index_id'") or identity
    return Example(identity, item, code, text, label, choices=_choices(row, position, task))


def _label(row: Mapping[str, Any], position: str) -> str:
    label = row.get("label")
    if isinstance(label, str):
        return label
    if isinstance(label, list | tuple | dict):
        raise InvalidData(
            f"{position}: field 'label' is {kind_of(label)}; a row has one label, so keep the rows that have exactly one and write it as "
            "a text."
        )
    return identifier(label, f"{position}: field 'label'") or ""


def _choices(row: Mapping[str, Any], position: str, task: Task | None) -> tuple[str, ...]:
    """The answers of an item that brings its own, from the columns ``choice0``, ``choice1`` and so on."""
    if task is None or not task.own_choices:
        return ()
    texts = [row.get(f"choice{label}") for label in task.labels]
    choices = tuple(clean("" if text is None else str(text)) for text in texts)
    if not all(choices) or len(set(choices)) < len(choices):
        raise InvalidData(
            f"{position}: fields {', '.join(f'choice{label}' for label in task.labels)} must hold different texts, saw {list(choices)}."
        )
    return choices


def with_references(queries: Iterable[Example], target: str) -> tuple[list[Example], list[Example]]:
    """Queries in other languages than ``target``, each with its item's text in ``target`` as its label unless it has one; and those without any."""
    rows = list(queries)
    sides = {example.item: example.text for example in rows if example.language == target}
    others = [example for example in rows if example.language != target]
    referenced = [replace(e, label=e.label or sides[e.item]) for e in others if e.label or e.item in sides]
    return referenced, [e for e in others if not e.label and e.item not in sides]


def _refuse_duplicates(examples: Sequence[Example], positions: Sequence[str]) -> None:
    first: dict[str, str] = {}
    for example, position in zip(examples, positions, strict=True):
        if example.id in first:
            raise InvalidData(
                f"{position}, field 'id': {example.id!r} is also the id of {first[example.id]}; ids must be unique, rename one."
            )
        first[example.id] = position
