"""Which rows a transaction touched, and what it left in them: the content of a journal's line.

Both ways of the ORM to write are watched: the flush of objects, and UPDATE or DELETE statements given to
`session.execute`. The rows are then read back as the database stores them, under the lock of the same transaction.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, event, inspect, select
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, UOWTransaction

from annotation.database.journal import Change, Rows

_TOUCHED = "touched rows"
_AT_ONCE = 500  # values in one IN (...)


class TracedSession(Session):
    """A session that notes the primary keys of all rows it writes."""


def _note(session: Session, table: Table, keys: Iterable[Any]) -> None:
    touched: dict[Table, dict[Any, None]] = session.info.setdefault(_TOUCHED, {})
    touched.setdefault(table, {}).update(dict.fromkeys(keys))


@event.listens_for(TracedSession, "after_flush")
def _after_flush(session: Session, _context: UOWTransaction) -> None:
    for row in (*session.new, *session.dirty, *session.deleted):
        mapper: Mapper[Any] = inspect(row).mapper
        (key,) = mapper.primary_key_from_instance(row)
        table = mapper.local_table
        assert isinstance(table, Table)
        _note(session, table, [key])


@event.listens_for(TracedSession, "do_orm_execute")
def _trace_statement(state: ORMExecuteState) -> None:
    assert not state.is_insert, "an INSERT statement names no keys beforehand; use session.add_all"
    if state.is_update or state.is_delete:
        statement: Any = state.statement
        (key,) = statement.table.primary_key.columns
        keys = select(key) if statement.whereclause is None else select(key).where(statement.whereclause)
        _note(state.session, statement.table, state.session.scalars(keys).all())


def seal(session: Session, now: datetime) -> Change | None:
    """Numbers the transaction of `session` and returns what it changed; None if that is nothing.

    To be called last, inside the transaction, on SQLite.
    """
    session.flush()
    touched: dict[Table, dict[Any, None]] = session.info.pop(_TOUCHED, {})
    if not any(touched.values()):
        return None
    connection = session.connection()
    number = change_number(connection) + 1
    connection.exec_driver_sql(f"PRAGMA user_version={number}")
    rows = {table.name: _images(connection, table, list(keys)) for table, keys in touched.items() if keys}
    return Change(number, now.isoformat(), rows)


def change_number(connection: Connection) -> int:
    """Number of the last change that the database holds; 0 in a new one."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _images(connection: Connection, table: Table, keys: list[Any]) -> Rows:
    (key,) = (column.name for column in table.primary_key.columns)
    columns: tuple[str, ...] = ()
    values: list[tuple[Any, ...]] = []
    for some in _chunks(keys):
        marks = ", ".join("?" * len(some))
        query = f'SELECT * FROM "{table.name}" WHERE "{key}" IN ({marks})'  # noqa: S608 - names of our own tables
        selected = connection.exec_driver_sql(query, tuple(some))
        columns = tuple(selected.keys())
        values += [tuple(row) for row in selected]
    present = {row[columns.index(key)] for row in values}
    return Rows(key, columns, tuple(values), tuple(one for one in keys if one not in present))


def _chunks(keys: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
