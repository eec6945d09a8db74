"""The item tables of records on disk, and the question of Explore that a row stands for."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from app.explore.form import MOST_K, MOST_SEED, Form
from app.items.rows import Choice, ItemTable, Row, item_table
from core.errors import InvalidData
from core.evaluation.record import saved_queries
from core.models.catalogue import DEFAULT
from core.records import Example
from core.report.reading import Record, read_record
from core.selection.strategies import STRATEGIES
from core.workbench import POOL_OF_TASK, bundled_examples

MOST_TABLES = 4  # in memory


@dataclass(frozen=True)
class RecordItems:
    """A record with its items."""

    record: Record
    table: ItemTable

    def openable(self, row: Row, languages: Sequence[str]) -> bool:
        """Whether Explore can ask a row: its text is known, and its task and language are those of Explore."""
        return bool(row.query.text) and self.table.task in POOL_OF_TASK and row.query.language in languages

    def question(self, identity: str, choice: Choice, languages: Sequence[str], models: Sequence[str]) -> Form:
        """A row under the two systems that are compared, of the record's model where it is offered. Raises ``InvalidData``."""
        row = next((row for row in self.table.rows if row.query.id == identity), None)
        if row is None or not self.openable(row, languages):
            raise InvalidData("There is no such row, or its text is not known here; choose another one.")
        first, second = choice.pair(self.table)
        names = ("agl" if name == "agl-untrained" else name for name in (first.strategy, second.strategy))
        strategies = tuple(dict.fromkeys(name for name in names if name in STRATEGIES))
        model = self.record.entry.get("model")
        name = str(model.get("name")) if isinstance(model, dict) else DEFAULT
        return Form(
            row.query.text,
            row.query.language,
            self.table.task,
            (row.written_in if row.written_in in languages else row.query.language,),
            strategies or ("agl",),
            min(MOST_K, max(first.k, second.k)) or Form("").k,
            model="tiny" if name == "embedded" else name if name in models else DEFAULT,
            seed=max(-MOST_SEED, min(MOST_SEED, first.seed)),
        )


@dataclass
class RecordTables:
    """Reads the items of the records that ``folders`` lists; the last few stay in memory."""

    folders: Callable[[], dict[str, Path]]
    _tables: "OrderedDict[tuple[Path, int], RecordItems]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, name: str) -> RecordItems | None:
        """The items of a record; None for one without, such as an ablation. Raises ``InvalidData`` for no record, or a damaged one."""
        folder = self.folders().get(name)
        if folder is None:
            raise InvalidData(f"There is no record {name[:60]!r}; choose one of the list.")
        key = (folder, (folder / "record.json").stat().st_mtime_ns)
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
            record = read_record(folder, name)
            if record.items is None or record.items.empty or "prediction" not in record.items:
                return None
            task = str(record.entry.get("task") or "")
            queries = _bundled(task) | {query.id: query for query in saved_queries(folder)}
            labelled = record.kind != "batch"
            self._tables[key] = RecordItems(record, item_table(record.items, task, queries, labelled))
            while len(self._tables) > MOST_TABLES:
                self._tables.popitem(last=False)
            return self._tables[key]


@lru_cache(maxsize=4)
def _bundled(task: str) -> dict[str, Example]:
    """Bundled sentences by id, for records that asked them."""
    return {example.id: example for example in bundled_examples(POOL_OF_TASK[task])} if task in POOL_OF_TASK else {}
