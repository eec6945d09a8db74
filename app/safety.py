"""Opens the rating store with its backups as the environment says; every start of the app goes through here.

AGL_BACKUP_FOLDER    where backups lie (default: beside the database); another disk is better
AGL_BACKUP_MINUTES   time between two rounds (default 5); a round does nothing while nothing changed
AGL_BACKUP_REPO      a data set on the Hub, owner/title, for a private copy; with HF_TOKEN. Nothing is sent without it. Or folder:/path,
                     for a copy on a disk that outlives this one
"""

import math
import os
from collections.abc import Mapping
from pathlib import Path

from annotation.backup import EVERY_MINUTES
from annotation.errors import DatabaseUnavailable
from annotation.keeping import KeptStore, open_kept
from annotation.mirror import mirror_at


def open_safely(database: str, environment: Mapping[str, str] = os.environ) -> KeptStore:
    """The store, restored if need be, with its backups running. Raises ``DatabaseUnavailable`` in one sentence."""
    minutes = _minutes(environment.get("AGL_BACKUP_MINUTES"))
    folder, repository = environment.get("AGL_BACKUP_FOLDER"), environment.get("AGL_BACKUP_REPO")
    mirror = mirror_at(repository, environment.get("HF_TOKEN")) if repository else None
    kept = open_kept(database, folder=Path(folder) if folder else None, mirror=mirror)
    if kept.backups is not None:
        kept.backups.start(minutes)
    return kept


def _minutes(given: str | None) -> float:
    try:
        minutes = float(given) if given else EVERY_MINUTES
    except ValueError:
        minutes = math.nan
    if not 0.1 <= minutes <= 1440:
        raise DatabaseUnavailable(f"AGL_BACKUP_MINUTES is '{given}'; give minutes from 0.1 to 1440, for example 5.")
    return minutes
