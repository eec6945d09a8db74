"""Results, Experiments: the record on show item by item, whose rows open in Explore."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import gradio as gr

from app.events import QUIET, Updates
from app.explore.form import Form
from app.html import message
from app.items.records import RecordTables
from app.items.rows import Choice
from app.items.view import CHOOSE, items_view
from app.texts import catalogue
from core.data.tasks import Task
from core.errors import CoreError

EVENTS: dict[str, Any] = {**QUIET, "concurrency_id": "items"}
Values: TypeAlias = dict[Any, Any]  # of components


@dataclass(frozen=True)
class Askable:
    """What Explore can be asked."""

    tasks: Mapping[str, Task]
    languages: Sequence[str]  # codes
    models: Callable[[], Sequence[str]]  # names of those offered now


class ItemsHandlers:
    """What the events of the view do."""

    def __init__(
        self, tables: RecordTables, askable: Askable, tag: gr.State, record: gr.Dropdown, items: gr.HTML
    ) -> None:
        self.tables, self.askable, self.tag, self.record, self.items = tables, askable, tag, record, items

    def show(self, values: Values) -> Updates:
        """The items of the record that is chosen, from the beginning."""
        return {self.items: self._view(values, Choice())}

    def choose(self, values: Values, event: gr.EventData) -> Updates:
        """Other rows of the record, or other systems."""
        return {self.items: self._view(values, Choice.of(event._data))}

    def _view(self, values: Values, choice: Choice) -> str:
        texts = catalogue(values[self.tag])
        if not values[self.record]:
            return ""
        try:
            record = self.tables.read(values[self.record])
            if record is None:
                return message(texts("items.no_items"))
            task = self.askable.tasks.get(record.table.task)
            languages = self.askable.languages
            return items_view(
                record.table, choice, task, texts, lambda row: record.openable(row, languages), texts("items.title")
            )
        except CoreError as error:
            return message(str(error), "error")

    def question(self, name: str, data: Mapping[str, Any]) -> Form:
        """The question of the row that was pressed. Raises ``CoreError``."""
        record = self.tables.read(name or "")
        if record is None:
            raise CoreError("This record has no items; choose another one.")
        return record.question(
            str(data.get("id") or ""), Choice.of(data), self.askable.languages, self.askable.models()
        )


def build_items(tables: RecordTables, askable: Askable, record: gr.Dropdown, tag: gr.State) -> ItemsHandlers:
    """Build the view below the report of ``record``; it follows the choice of a record and the language of the page."""
    items = gr.HTML(elem_id="record-items", js_on_load=CHOOSE)
    handlers = ItemsHandlers(tables, askable, tag, record, items)
    mine = {tag, record}
    for event in (record.change, tag.change):
        event(handlers.show, mine, items, **EVENTS)
    items.submit(handlers.choose, mine, items, trigger_mode="multiple", **EVENTS)
    return handlers
