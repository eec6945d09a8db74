"""The package as a whole: light to import, and importing nothing from the other packages."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "annotation").rglob("*.py"))
STATISTICS = sorted(path.stem for path in (ROOT / "annotation" / "statistics").glob("[!_]*.py"))


def test_importing_the_store_loads_nothing_heavy_and_nothing_of_app() -> None:
    modules = [
        "annotation.backup.backed_up_store",
        "annotation.backup.mirror",
        "annotation.export.files",
        *(f"annotation.statistics.{name}" for name in STATISTICS),
    ]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    heavy = {"torch", "gradio", "transformers", "pandas", "pyarrow", "scipy", "statsmodels", "huggingface_hub"}
    assert not loaded & (heavy | {"app"})


def test_sql_stands_only_in_queries_and_in_the_folders_of_the_database() -> None:
    allowed = {"backup/restore.py", "backup/rebuild.py"}
    for source in SOURCES:
        modules = {
            name
            for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
        }
        name = source.relative_to(ROOT / "annotation")
        if str(name) not in allowed and name.parts[0] not in ("database", "queries", "migrations"):
            assert not [name for name in modules if name.startswith(("sqlalchemy", "alembic", "sqlite3"))], source


def test_only_sqlite_opens_the_database_file() -> None:
    """A plain open() and close() of the live file drops SQLite's locks (POSIX); copying it misses the WAL."""
    files = ("database/engine.py", "database/migrate.py", "database/changes.py", "store.py")
    for name in (*files, "backup/restore.py", "backup/rebuild.py", "backup/rounds.py", "backup/backed_up_store.py"):
        tree = ast.parse((ROOT / "annotation" / name).read_text(encoding="utf-8"))
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not [call for call in called if call in ("open", "shutil.copy", "shutil.copyfile")]
        called.discard("mounts_file.read_text")  # /proc/mounts
        assert not [call for call in called if call.endswith((".read_bytes", ".write_bytes", ".read_text"))]
