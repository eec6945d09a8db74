"""Starting the app with things that cannot be used: one sentence, exit code 2, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(ROOT / "app" / "main.py"), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("kind", ["garbage", "directory"])
def test_a_database_that_cannot_be_used_is_one_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ratings.db"
    if kind == "garbage":
        path.write_bytes(b"this is no database" * 100)
    else:
        path.mkdir()
    done = start("--data", str(tmp_path), "--port", "0", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert str(path) in done.stderr
    if kind == "garbage":
        assert path.read_bytes().startswith(b"this is no database")


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = start("--data", str(tmp_path / "file" / "below"), cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "--data" in done.stderr
