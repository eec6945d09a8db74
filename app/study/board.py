"""What the organiser's page hands to its service, and what it shows of a study. Plain records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import langcodes

from annotation.backup.rounds import BackupState
from annotation.participation_records import Consent, Crowd, Question
from annotation.preference_records import PreferenceQuestion
from annotation.qualification_records import Qualification
from annotation.records import Study, StudyData
from annotation.stopping import Stopping
from annotation.study_records import Invitation, Lack, LanguageProgress, Stock, Tombstone
from annotation.vocabulary import Material

EXPLORE, TABLE, EVALUATION, ARCHIVE = "explore", "table", "evaluation", "archive"
# What a draft begins with, because the store holds no empty text. No study opens with them.
PLACEHOLDER_TASK = "Read the answer for the text above it."
PLACEHOLDER_INSTRUCTIONS = "Rate each answer for the text above it."


@dataclass(frozen=True)
class Source:
    """Where the outputs come from and how many are requested."""

    kind: str  # EXPLORE, TABLE, EVALUATION or ARCHIVE
    file: Path | None = None
    queries: Path | None = None  # data file of an evaluation
    most: int | None = None  # items of each language
    accept: bool = False  # take a table that is uneven, has empty outputs or unknown columns


@dataclass(frozen=True)
class Design:
    """What the form of step 2 holds."""

    name: str
    task: str
    raters_per_item: int
    items_per_rater: int | None
    planned_items: int | None
    target_difference: float | None
    check_every: int | None
    repeat_after: int
    failed_share: float
    criteria: tuple[str, ...]  # default keys
    own_criteria: str  # JSON, see `own_criteria`
    instructions: Mapping[str, str]  # by BCP-47 tag; empty ones are left out
    lease_minutes: int = 60
    consent: Consent | None = None
    background: tuple[Question, ...] = ()
    crowd: Crowd | None = None
    qualification: Qualification | None = None
    materials: tuple[Material, ...] = ()
    preferences: tuple[PreferenceQuestion, ...] = ()
    error_spans: bool = False
    quotas: Mapping[str, int] = field(default_factory=dict)
    balance_groups: bool = False
    stopping: Stopping | None = None


@dataclass(frozen=True)
class Board:
    """Everything the page shows of one study, read at one time."""

    study: Study
    stock: Stock
    missing: tuple[Lack, ...]  # before it can open; empty once it is open
    placeholders: tuple[str, ...]  # "task", "instructions": not written yet; empty once it is open
    languages: tuple[str, ...]
    invitations: tuple[Invitation, ...]
    progress: tuple[LanguageProgress, ...]
    data: StudyData  # without attention checks; with raters and judged checks
    tombstones: tuple[Tombstone, ...]
    backup: BackupState | None  # None: no backups are made here


def placeholders(study: Study) -> tuple[str, ...]:
    """Which of "task" and "instructions" still are what a draft begins with."""
    unwritten = [] if study.task != PLACEHOLDER_TASK else ["task"]
    if set(study.instructions.values()) == {PLACEHOLDER_INSTRUCTIONS}:
        unwritten.append("instructions")
    return tuple(unwritten)


def language_name(tag: str) -> str:
    """A language's name in itself."""
    return str(langcodes.Language.get(tag).autonym())
