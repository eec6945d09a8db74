"""Plain frozen records of practice and test before a rater's first item. No SQL, no behaviour; none of it is a rating."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Stage = Literal["practice", "test", "passed", "failed"]


@dataclass(frozen=True, slots=True)
class Exercise:
    """One answer to be rated for practice or in the test, for raters of one language."""

    key: str
    kind: Literal["practice", "test"]
    language: str  # BCP-47, of the raters that it is for
    source_text: str
    text: str  # the answer to rate
    expected: Mapping[str, tuple[int, int]]  # criterion key -> lowest and highest point that is right
    why: str  # in its language; shown after practice, never in the test
    source_language: str | None = None  # None: that of the answer


@dataclass(frozen=True, slots=True)
class Qualification:
    """Practice with feedback, then a test, before the first item; without exercises of the kind "test" there is no test."""

    exercises: Sequence[Exercise]
    pass_share: float = 0.7  # of the expected ratings of the test that have to be right, in (0, 1]
    tries: int = 2  # how often the test may be taken


@dataclass(frozen=True, slots=True)
class Attempt:
    """One taken test."""

    id: str  # made by the page, so that a repeat after a lost receipt is no second try
    at: datetime
    right: int
    of: int
    passed: bool


@dataclass(frozen=True, slots=True)
class Preparation:
    """Where a rater stands before her first item."""

    stage: Stage
    exercises: Sequence[Exercise]  # still to be practised, or those of the test
    practised: int  # exercises that she has had feedback on
    attempts: Sequence[Attempt]
    tries: int  # left
    needed: int  # expected ratings that have to be right to pass
    of: int  # expected ratings of the test


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one practised rating should have been."""

    criterion: str
    low: int
    high: int
    right: bool
