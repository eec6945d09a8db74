"""Where the training data lies: a folder, or a data set on the Hub that holds the same Parquet files."""

from pathlib import Path

from core.errors import InvalidData

HUB = "hub:"
PARTS = ("sib200", "parallel", "sentiment")  # folders of the data that the recipe and its measurements read


def data_folder(name: str) -> Path:
    """The folder of ``name``: itself, or where ``hub:owner/name`` was downloaded to (the Hub's own cache).

    Nothing is downloaded for a folder. Raises ``InvalidData`` naming what is missing.
    """
    if not name.startswith(HUB):
        folder = Path(name)
        if not folder.is_dir():
            raise InvalidData(f"There is no folder {name!r}; name one with Parquet files, or write hub:owner/name.")
        return folder
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(
            name.removeprefix(HUB), repo_type="dataset", allow_patterns=[f"{part}/*.parquet" for part in PARTS]
        )
    except (OSError, ValueError) as error:
        raise InvalidData(
            f"{name} could not be fetched ({type(error).__name__}: {error}); check the name, or set HF_HUB_OFFLINE=0."
        ) from error
    return Path(found)
