"""Training data by folder or by name: nothing is fetched unasked, and what is missing is said."""

from pathlib import Path

import pytest

from core.embedded.corpus import PARTS, data_folder
from core.errors import InvalidData


def test_a_folder_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: pytest.fail("fetched unasked"))
    assert data_folder(str(tmp_path)) == tmp_path


def test_a_missing_folder_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"no folder '.*nowhere'.*hub:owner/name"):
        data_folder(str(tmp_path / "nowhere"))


def test_a_hub_name_fetches_the_parquet_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, list[str]]] = []

    def fetch(name: str, repo_type: str, allow_patterns: list[str]) -> str:
        asked.append((name, repo_type, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert data_folder("hub:lab/corpora") == tmp_path
    assert asked == [("lab/corpora", "dataset", [f"{part}/*.parquet" for part in PARTS])]


def test_a_hub_that_cannot_be_reached_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> str:
        raise OSError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(InvalidData, match=r"hub:lab/corpora could not be fetched \(OSError: no route\)"):
        data_folder("hub:lab/corpora")
