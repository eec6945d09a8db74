"""Statements are compiled once for all databases of one kind that a process of the tests opens, a third of what a short test takes.

SQLAlchemy keeps compiled statements by engine, and a test opens two engines of its own. What a statement compiles to is a matter of the
kind of database alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache


@contextmanager
def compiled_once() -> Iterator[None]:
    """While it lasts, engines that `annotation.database.engine` makes share their compiled statements."""
    shared: LRUCache[Any, Any] = LRUCache(4096)

    def create(*values: Any, **options: Any) -> Engine:
        engine = create_engine(*values, **options)
        engine._compiled_cache = shared
        return engine

    with pytest.MonkeyPatch.context() as patch:
        for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):  # part of a key of the cache
            patch.setattr(kind, "__hash__", lambda self: hash(type(self)))
            patch.setattr(kind, "__eq__", lambda self, other: type(self) is type(other))
        patch.setattr("annotation.database.engine.create_engine", create)
        yield
