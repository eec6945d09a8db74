"""What organisers do about results beside reading them: adjudication, and models that grade."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from annotation.backup.rounds import Backups
from annotation.store import RatingStore
from app.explore.models import ModelCache
from app.results.adjudication import AdjudicationService
from app.results.judging import JudgeService
from app.results.ratings import Authority
from app.texts import Texts
from core.errors import InvalidConfig
from core.models.engine import Engine
from core.models.loading import Precision
from core.scoring import Scores


@dataclass(frozen=True)
class Organising:
    """The services, and the names and values of models that can grade."""

    adjudication: AdjudicationService
    judges: JudgeService
    models: Callable[[Texts], list[tuple[str, str]]]


def organising_of(store: RatingStore, authority: Authority, backups: Backups | None, models: ModelCache) -> Organising:
    """Both services over one store; those models grade that Explore has, but none that runs on a lent GPU."""
    judges = JudgeService(store, authority, partial(open_judge, models))
    return Organising(AdjudicationService(store, authority, backups), judges, models.offers)


def open_judge(models: ModelCache, name: str, precision: Precision = "auto") -> tuple[Engine, Scores]:
    """A model that grades, with its scorer. Raises CoreError."""
    if models.needs_gpu(name):
        raise InvalidConfig(f"{name} runs on a lent GPU alone and cannot grade a study; choose another model.")
    workbench = models.open(name, precision)
    return workbench.model, workbench.scorer
