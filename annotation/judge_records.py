"""Plain frozen records of a language model that grades the same outputs: a system of record, never a rater. No SQL, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class NewJudge:
    """A model with the prompt that it is asked by."""

    model: str
    fingerprint: str  # of its weights, so that another state of them is another judge
    prompt_version: str
    facts: Mapping[str, Any] = field(default_factory=dict)  # JSON: precision, method of scoring, revision, ...


@dataclass(frozen=True, slots=True)
class Judge:
    """A stored one, and how far it is."""

    id: int
    study_id: int
    name: str  # made from what it is
    model: str
    fingerprint: str
    prompt_version: str
    created_at: datetime
    scored: int = 0  # outputs times criteria
    total: int = 0
    too_long: int = 0  # of `scored`: did not fit into what the model reads, so they have no value


@dataclass(frozen=True, slots=True)
class NewScore:
    """What a judge gave to one output on one criterion; `value` None: the prompt was too long for the model."""

    output_id: int
    criterion: str
    value: int | None  # the most probable point
    expected: float | None  # the mean of the points under their probabilities
    probabilities: tuple[float, ...]  # of every point, lowest first; empty where there is no value
    prompt_sha256: str


@dataclass(frozen=True, slots=True)
class JudgeScoreRecord:
    """One score of a judge, identified by item_key, system, language, criterion and judge."""

    study: str
    item_key: str
    system: str
    language: str
    criterion: str
    judge: str
    model: str
    fingerprint: str
    prompt_version: str
    judged_value: int | None
    expected_value: float | None
    probabilities: tuple[float, ...]
    prompt_sha256: str
    scored_at: datetime
    output_id: int
