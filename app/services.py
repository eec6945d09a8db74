"""The collaborators of the app, made once and handed to every builder.

Opens the rating store with its backups as the environment says; every start of the app goes through here.

AGL_BACKUP_FOLDER    where backups lie (default: beside the database); another disk is better
AGL_BACKUP_MINUTES   time between two rounds (default 5); a round does nothing while nothing changed
AGL_LEASE_SECONDS    how long a start waits for the writer before to end (default 60), see annotation.backup.lease
AGL_BACKUP_REPO      a data set on the Hub, owner/title, for a private copy; with HF_TOKEN. Nothing is sent without it. Or folder:/path,
                     for a copy on a disk that outlives this one
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from annotation.backup.backed_up_store import BackedUpStore, open_with_backups
from annotation.backup.lease import WAIT_S
from annotation.backup.mirror import mirror_at
from annotation.backup.rounds import EVERY_MINUTES, Backups
from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import DatabaseUnavailable
from annotation.records import NewStudy, Study
from annotation.store import RatingStore
from app.access.guard import UPLOADS
from app.access.limits import Limits
from app.access.organiser import SESSION_S, Authority, open_authority
from app.access.settings import Access
from app.batch.service import BatchService
from app.downloads import FOLDER, Sweeper
from app.explore.models import offered_of, served_of
from app.explore.opening import Opening
from app.explore.sending import Outbox
from app.explore.service import ExploreService
from app.rate.preview import Previews
from app.train.service import TrainingService
from core.data.tasks import Task, load_tasks
from core.models.loading import ASSETS
from core.workbench import POOL_OF_TASK


def open_safely(
    database: str, environment: Mapping[str, str] = os.environ, downloads: Path | None = None
) -> BackedUpStore:
    """The store, restored if need be, with its backups running. Raises ``DatabaseUnavailable`` in one sentence.

    ``downloads``: the folder of exported files, emptied when a rater's data is removed.
    """
    minutes = _number(environment.get("AGL_BACKUP_MINUTES"), EVERY_MINUTES, 0.1, 1440, "AGL_BACKUP_MINUTES", "minutes")
    folder, repository = environment.get("AGL_BACKUP_FOLDER"), environment.get("AGL_BACKUP_REPO")
    mirror = mirror_at(repository, environment.get("HF_TOKEN")) if repository else None
    backed_up = open_with_backups(
        database,
        folder=Path(folder) if folder else None,
        mirror=mirror,
        other_copies=() if downloads is None else (downloads,),
        wait_s=_number(environment.get("AGL_LEASE_SECONDS"), WAIT_S, 0, 600, "AGL_LEASE_SECONDS", "seconds"),
    )
    if backed_up.backups is not None:
        backed_up.backups.start(minutes)
    return backed_up


def _number(text: str | None, default: float, least: float, most: float, name: str, unit: str) -> float:
    bounds = Field(ge=least, le=most, allow_inf_nan=False)
    try:
        return TypeAdapter(Annotated[float, bounds]).validate_python(text) if text else default
    except ValidationError:
        raise DatabaseUnavailable(
            f"{name} is '{text}'; give {unit} from {least:g} to {most:g}, for example {default:g}."
        ) from None


EXPLORE_STUDY = NewStudy(
    slug="explore",
    name="Outputs sent from Explore",
    task="mixed",
    instructions={"en": "Rate each answer for the text above it."},
    criteria=DEFAULT_CRITERIA,
    raters_per_item=5,
)


@dataclass
class Services:
    """Everything the tabs work with."""

    explore: ExploreService
    store: RatingStore
    study: Study
    folder: Path  # for files people download
    training: TrainingService
    authority: Authority
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=lambda: Limits(active=False))
    previews: Previews = field(default_factory=Previews)  # studies as raters will see them, opened by organisers
    fresh_secret: str | None = None  # the organiser's secret when it was made at this start, to be shown once
    tasks: dict[str, Task] = field(default_factory=lambda: load_tasks(ASSETS))
    backed_up: BackedUpStore | None = None  # the store with its backups, where the services opened it
    sweeper: Sweeper | None = None  # of ``folder``
    opening: Opening = field(init=False)
    batches: BatchService = field(init=False)

    def __post_init__(self) -> None:
        """The opening example is asked of ``explore``, once ``opening`` is started; batches of strangers lie where no list shows them."""
        self.opening = Opening(self.explore)
        folder = self.folder.parent / ("batches" if self.access.public else "evaluations")
        self.batches = BatchService(self.explore, self.tasks, folder, strangers=self.access.public)

    @property
    def backups(self) -> Backups | None:
        """What keeps the ratings safe; None for PostgreSQL, in memory, and for a store of somebody else's."""
        return self.backed_up.backups if self.backed_up else None

    def close(self) -> None:
        """A last backup, then the store is closed, then everything else is ended. Harmless when repeated."""
        if self.backed_up is not None:
            self.backed_up.close()
        self.batches.stop()
        self.opening.close()
        if self.sweeper is not None:
            self.sweeper.stop()

    @property
    def outbox(self) -> Outbox:
        """Where outputs of Explore go."""
        return Outbox(self.store, self.study.id, self.study.slug)

    def allow(self, kind: str, request: Any) -> None:
        """Count something that a visitor asks for, by her request. Raises ``TooMany``."""
        self.limits.take(kind, self.visitor(request))

    def allow_uploads(self, request: Any) -> None:
        """From now on this visitor, who is an organiser, may send files."""
        self.limits.allow_for(UPLOADS, self.visitor(request), SESSION_S)

    def may_upload(self, session: object) -> bool:
        """Whether whoever holds ``session`` may send files: where strangers come, organisers alone."""
        return not self.access.public or self.authority.knows(session)

    def visitor(self, request: Any) -> str:
        """Who sent a request, as a name that tells nothing else."""
        return self.limits.visitor(request, self.access.space)

    def require_trainer(self, session: object) -> None:
        """Raises ``NotAuthorised`` unless whoever holds ``session`` may start and stop runs here."""
        if self.access.only_organisers_train:
            self.authority.require(session)

    @property
    def languages(self) -> list[str]:
        """Codes that every task with bundled demonstrations can be asked and answered in."""
        return sorted(set.intersection(*(set(self.tasks[name].languages) for name in POOL_OF_TASK)))


def open_services(
    data: Path, database: str | None = None, cache: Path | None = None, access: Access | None = None
) -> Services:
    """Open the rating store (raises ``DatabaseUnavailable``), begin its backups, and prepare the explorer.

    ``data``: a writable folder, ``cache`` where vectors are kept (default: in ``data``), ``access`` what strangers may do
    (default: there are none). To be closed at the end.
    """
    access = access or Access()
    training = TrainingService(data / "runs" / "fit")
    # Before the store is opened, so that a wrong setting or a model that cannot be had stops the start at once.
    explore = ExploreService(
        cache or data / "cache",
        runs=training.folder,
        served=served_of(),
        offered=offered_of(),
        only_offered=access.public,
    )
    authority, fresh = open_authority(data)
    backed_up = open_safely(database or f"sqlite:///{data.resolve() / 'ratings.db'}", downloads=data / FOLDER)
    study = backed_up.store.ensure_study(EXPLORE_STUDY)
    limits, folder = Limits(active=access.public), data / FOLDER
    sweeper = Sweeper(folder)
    sweeper.start()
    return Services(
        explore,
        backed_up.store,
        study,
        folder,
        training,
        authority,
        access,
        limits,
        fresh_secret=fresh,
        backed_up=backed_up,
        sweeper=sweeper,
    )
