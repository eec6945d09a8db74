"""Plain frozen records of preferences: a rater's order of the answers to one item, ties allowed. No SQL, no behaviour.

With two answers it says which is better, or that they are equal; with more it gives each a rank, 1 the best. Ranks are as
the rater gave them, from 1 to the number of answers: only their order counts, so 1, 3, 3 says the same as 1, 2, 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from annotation.vocabulary import ItemKind

OVERALL = "overall"  # key of the question that the project brings along beside the criteria
Ranks = Mapping[int, int]  # output_id -> rank from 1, the best; equal ranks are ties


@dataclass(frozen=True, slots=True)
class PreferenceQuestion:
    """What answers are compared on, by BCP-47 tag."""

    key: str
    question: Mapping[str, str]
    label: Mapping[str, str] = field(default_factory=dict)  # its name; empty where the interface knows one for the key
    version: str = "1"


@dataclass(frozen=True, slots=True)
class PreferenceChange:
    """One change of a preference by its rater, as she may see it: ranks by letter."""

    question: str
    old_ranks: Mapping[str, int]
    ranks: Mapping[str, int]
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class PreferenceRecord:
    """One current preference, identified by item_key, language, question and rater."""

    study: str
    item_key: str
    item_language: str
    language: str  # of the compared outputs
    question: str
    question_version: str
    rater: str
    systems: tuple[str, ...]  # in the order shown
    output_ids: tuple[int, ...]  # the same order, as in the next
    ranks: tuple[int, ...]
    revision: int  # 1 = never changed
    submission_id: str
    created_at: datetime
    updated_at: datetime
    item_kind: ItemKind = "normal"


@dataclass(frozen=True, slots=True)
class PreferenceHistoryRecord:
    """One accepted preference, in order of acceptance; `old_ranks` is None for the first."""

    study: str
    item_key: str
    language: str
    question: str
    rater: str
    systems: tuple[str, ...]
    old_ranks: tuple[int, ...] | None
    ranks: tuple[int, ...]
    revision: int
    submission_id: str
    recorded_at: datetime
    item_kind: ItemKind = "normal"
