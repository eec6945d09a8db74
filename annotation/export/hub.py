"""Pushes the export of a study to a data set on the Hugging Face Hub: private, unless the caller says otherwise.

One commit holds the tables as Parquet (which `datasets.load_dataset` reads, a configuration per table), the codebook,
the report and the datasheet. A repository that is there already must be private too: nothing is uploaded before that
is known. The token is the caller's or the one huggingface_hub finds; it is never stored or shown.
"""

import importlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from annotation.errors import PushFailed
from annotation.export.files import TABLES, export_study
from annotation.records import Study
from annotation.store import RatingStore
from core.report.markup import plain

_CONFIG = "- config_name: {name}\n  data_files: {name}.parquet"


def push_study(
    store: RatingStore,
    study: Study,
    repository: str,
    *,
    token: str | None = None,
    public: bool = False,
    texts: Mapping[str, str] | None = None,
    api: Callable[..., Any] | None = None,
) -> str:
    """Uploads and returns the address of the commit. `repository` is "owner/name"; `texts` are further files by name.

    `api` stands in for `huggingface_hub.HfApi`. Raises UnknownStudy, ExportFailed, PushFailed.
    """
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise PushFailed(
            f"'{repository}' is not the name of a data set; write it as owner/name.", "hub_name", name=repository
        )
    hub = importlib.import_module("huggingface_hub")
    client = (api or hub.HfApi)(token=token)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path in export_study(store, study, folder):
            if path.suffix == ".csv":  # the same as the Parquet file, for spreadsheets
                path.unlink()
        for name, text in (texts or {}).items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "README.md").write_text(card(study), encoding="utf-8")
        try:
            client.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
            info = client.repo_info(repository, repo_type="dataset")
            if not public and info.private is not True:
                raise PushFailed(
                    f"The data set '{repository}' is public, and ratings are pushed to private ones only; make it "
                    "private on the Hub, or give another name.",
                    "hub_public",
                    name=repository,
                )
            done = client.upload_folder(
                repo_id=repository,
                repo_type="dataset",
                folder_path=str(folder),
                commit_message=f"Ratings of the study {study.slug}",
            )
        except (hub.errors.HfHubHTTPError, hub.errors.HFValidationError, hub.errors.LocalTokenNotFoundError) as error:
            raise PushFailed(
                f"The Hub did not take '{repository}' ({_first_line(error)}); check the name and that the token may write.",
                "hub_refused",
                name=repository,
                reason=_first_line(error),
            ) from error
        except OSError as error:
            raise PushFailed(
                f"The Hub cannot be reached ({_first_line(error)}); nothing was pushed, try again later.",
                "hub_unreachable",
                reason=_first_line(error),
            ) from error
    return str(getattr(done, "commit_url", done))


def card(study: Study) -> str:
    """The data set's README.md: a configuration per table, and what the tables are."""
    # JSON strings are YAML strings too, so that no name of a study can break the header.
    configs = "\n".join(_CONFIG.format(name=name) for name in TABLES)
    return (
        f"---\npretty_name: {json.dumps(study.name, ensure_ascii=False)}\ntags:\n- human-evaluation\n"
        f"configs:\n{configs}\n---\n\n# {plain(study.name)}\n\n"
        "Ratings of system outputs by people: fluency, relevance and correctness from 1 to 5 unless the codebook names "
        "other criteria or scales. Raters are pseudonyms. Rows whose `item_kind` is not `normal` are attention checks and no "
        "scores. `codebook.json` explains every column, question and scale point.\n"
    )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
