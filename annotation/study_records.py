"""Plain frozen records of what an organiser sees of a running study. No SQL, no behaviour; never for raters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from annotation.vocabulary import ItemKind, Proficiency


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link to become a rater of one language. Nobody's name; the token exists only in the link."""

    id: int
    study_id: int
    language: str
    max_uses: int | None  # None: no limit
    uses: int
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One answered attention check."""

    study: str
    rater: str
    item_key: str
    item_kind: ItemKind  # degraded or repeat
    original_item: str
    language: str
    position: int
    passed: bool
    reason: str  # the expected ratings and the actual ones


@dataclass(frozen=True, slots=True)
class RaterRecord:
    """One rater, removed ones included. `failed` is derived from her checks each time, never stored.

    For a removed rater the counts are those of her tombstone and `removed_at` is set; her data is gone.
    """

    study: str
    rater: str  # pseudonym
    language: str
    proficiency: Proficiency | None
    joined_at: datetime
    items_done: int  # attention checks not counted, here and in the next two
    items_skipped: int
    ratings_given: int
    seconds: float
    checks_answered: int
    checks_failed: int
    failed: bool | None  # None: no check answered that can tell
    removed_at: datetime | None
    excluded_at: datetime | None = None  # left out of results by the organiser; her data stays
    exclusion_reason: str | None = None
    invitation: int | None = None  # id of the invitation she came by
    participant: str | None = None  # id on a crowd platform
    consent_version: str | None = None
    consented_at: datetime | None = None
    background: Mapping[str, object] | None = None  # question key -> answer; of a choice the option's index
    screened_out_at: datetime | None = None
    test_tries: int | None = None  # of the qualification test; None: her language has none
    test_share: float | None = None  # right ones in her best try, 0..1; None before the first
    test_passed: bool | None = None  # None: not decided yet
    preferences_given: int = 0  # attention checks not counted


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What was deleted with one rater's data."""

    rater: str
    removed_at: datetime
    items: int
    ratings: int
    changes: int  # rows of the history
    skips: int
    comments: int
    preferences: int = 0
    markings: int = 0  # outputs in which errors, or none, were marked


@dataclass(frozen=True, slots=True)
class LanguageProgress:
    """How far one language of a study is; attention checks not counted."""

    language: str  # of the outputs rated
    items: int
    slots: int  # items times raters per item: what is to be done
    done: int
    held: int  # given to a rater, not answered yet, lease still running
    skips: int
    raters: int  # who answered at least one item


@dataclass(frozen=True, slots=True)
class Stock:
    """What a study holds, to see what is missing before it opens."""

    systems: tuple[str, ...]
    items: Mapping[str, int]  # by language of the outputs
    incomplete: tuple[tuple[str, str, tuple[str, ...]], ...]  # (item, language, systems it lacks)
    degraded: Mapping[str, int]  # attention checks by language of the outputs
    repeats: Mapping[str, int]
    sample: tuple[tuple[str, str, str], ...]  # (degradation, text before, text after) of some checks
    groups: Mapping[str, Mapping[str, int]] = field(
        default_factory=dict
    )  # group ("": none) -> language -> items; {} without
    distinct: int = 0  # items, each counted once however many languages its outputs are in


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that has to be mended before a study can open."""

    text: str  # part of an English sentence
    fact: str  # its name, for other languages
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge of another writer's late changes came to, in submissions (a rated or skipped item each)."""

    added: int
    present: int  # were there already
    left_out: int  # their rater or item is gone, or a change of something that is not merged


@dataclass(frozen=True, slots=True)
class AddReport:
    """Result of adding outputs; a stored text is never replaced, because it may have been rated."""

    added: int
    already_there: int
    conflicting: tuple[tuple[str, str, str], ...] = ()  # (item, system, language) with another text
    output_ids: tuple[int, ...] = field(default=(), compare=False)  # of the added ones
