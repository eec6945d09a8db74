"""Pushing to the Hub, with the library's border stood in for: private or not at all.

Tests of `annotation.errors`.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub.errors
import pyarrow.parquet
import pytest
from rating_examples import submission

from annotation.errors import PushFailed
from annotation.export.hub import push_study
from annotation.records import Study
from annotation.store import RatingStore


class Hub:
    """What the Hub would keep: repositories, and the files of the last upload."""

    def __init__(self, there: dict[str, bool] | None = None, error: Exception | None = None) -> None:
        self.private = dict(there or {})  # name -> private
        self.error = error
        self.files: dict[str, bytes] = {}
        self.token: str | None = None

    def __call__(self, token: str | None = None) -> "Hub":
        self.token = token
        return self

    def create_repo(self, name: str, *, repo_type: str, private: bool, exist_ok: bool) -> None:
        assert (repo_type, exist_ok) == ("dataset", True)
        if self.error:
            raise self.error
        self.private.setdefault(name, private)

    def repo_info(self, name: str, *, repo_type: str) -> Any:
        return SimpleNamespace(private=self.private[name])

    def upload_folder(self, *, repo_id: str, repo_type: str, folder_path: str, commit_message: str) -> Any:
        self.files = {path.name: path.read_bytes() for path in Path(folder_path).iterdir()}
        return SimpleNamespace(commit_url=f"https://hub.example/{repo_id}/commit/1")


@pytest.fixture
def rated(store: RatingStore, study: Study) -> Study:
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view, 5))
    return study


def test_a_push_makes_a_private_data_set_that_load_dataset_reads(
    store: RatingStore, rated: Study, tmp_path: Path
) -> None:
    hub = Hub()
    address = push_study(store, rated, "lab/topics", token="secret", texts={"report.md": "# Report"}, api=hub)
    assert address == "https://hub.example/lab/topics/commit/1"
    assert (hub.private, hub.token) == ({"lab/topics": True}, "secret")
    assert hub.files["report.md"] == b"# Report"
    card = hub.files["README.md"].decode()
    for name in [line.split()[-1] for line in card.splitlines() if "data_files:" in line]:
        (tmp_path / name).write_bytes(hub.files[name])
        pyarrow.parquet.read_table(tmp_path / name)
    assert pyarrow.parquet.read_table(tmp_path / "ratings.parquet").num_rows == 9
    assert json.loads(hub.files["codebook.json"])["study"]["slug"] == "topics"
    assert not any(b"secret" in content for content in hub.files.values())


def test_nothing_is_pushed_to_a_data_set_that_is_public(store: RatingStore, rated: Study) -> None:
    hub = Hub({"lab/topics": False})
    with pytest.raises(PushFailed, match="is public"):
        push_study(store, rated, "lab/topics", api=hub)
    assert hub.files == {}
    push_study(store, rated, "lab/topics", public=True, api=hub)  # only where the caller says so
    assert "ratings.parquet" in hub.files


@pytest.mark.parametrize("name", ["", "topics", "/topics", "a/b/c"])
def test_a_name_that_is_none_is_refused_before_anything_is_asked(store: RatingStore, rated: Study, name: str) -> None:
    hub = Hub(error=AssertionError("asked"))
    with pytest.raises(PushFailed, match="owner/name"):
        push_study(store, rated, name, api=hub)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (huggingface_hub.errors.LocalTokenNotFoundError("Token is required"), "Token is required"),
        (huggingface_hub.errors.HFValidationError("Repo id must be shorter"), "must be shorter"),
        (ConnectionError("no route to host"), "cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(store: RatingStore, rated: Study, error: Exception, said: str) -> None:
    with pytest.raises(PushFailed, match=said):
        push_study(store, rated, "lab/topics", api=Hub(error=error))
