"""The shortcut of these tests makes the database that the migrations make.

Tests of `annotation.database.migrate`.
"""

import sqlite3
from pathlib import Path

from migrated_once import upgrade_quickly

from annotation.database.engine import open_engines
from annotation.database.migrate import newest, upgrade


def test_a_quick_database_equals_a_migrated_one(tmp_path: Path) -> None:
    dumps = []
    for name, how in (("quick.db", upgrade_quickly), ("migrated.db", upgrade)):
        engines = open_engines(tmp_path / name)
        report = how(engines)
        assert (report.old_revision, report.new_revision, report.backup) == (None, newest(), None)
        assert how(engines).old_revision == newest()  # there is nothing left to do
        engines.dispose()
        with sqlite3.connect(tmp_path / name) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            # Migrations write a table's constraints in no fixed order.
            dumps.append([sorted(part.strip(" ,") for part in made.splitlines()) for made in database.iterdump()])
            dumps[-1].sort()
        database.close()
    assert dumps[0] == dumps[1]
