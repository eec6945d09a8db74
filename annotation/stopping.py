"""Early stopping: what a design plans, what a look found, and which systems need no more ratings. Plain records and pure functions.

A pair of systems is decided on one criterion, over all languages together, by a look at planned fractions of the ratings. A system
whose every pair is decided is closed: its outputs are handed out no more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotation.errors import InvalidRecord

FEWEST_LOOKS, MOST_LOOKS = 2, 5
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Stopping:
    """Looks at equal parts of the planned ratings, the last one at all of them."""

    looks: int  # 2 to 5
    criterion: str  # key of the criterion that pairs are compared on
    alpha: float = LEVEL  # of all pairs and looks together


@dataclass(frozen=True, slots=True)
class LookedAt:
    """One pair at one look."""

    first: str  # systems
    second: str
    items: int  # rated for both
    difference: float | None  # first minus second, mean over items, in points of the scale; None without items
    p: float  # two-sided
    level: float  # that p had to reach
    decided: bool


@dataclass(frozen=True, slots=True)
class Look:
    """One look: the pairs that no earlier one had decided."""

    number: int  # from 1
    taken_at: datetime
    done: int  # items answered, each by one rater in one language
    slots: int  # planned
    pairs: tuple[LookedAt, ...]
    ended: bool = False  # taken because the study was closed before its last planned look; no look follows it

    def fraction(self, planned: int) -> float:
        """Of the planned ratings, 0..1: the planned one, except where the study ended."""
        return min(1.0, self.done / self.slots) if self.ended else self.number / planned


def check_stopping(stopping: Stopping, criteria: Collection[str]) -> None:
    """Raises InvalidRecord."""
    if type(stopping.looks) is not int or not FEWEST_LOOKS <= stopping.looks <= MOST_LOOKS:
        raise InvalidRecord(f"{stopping.looks!r} looks are planned; allowed are {FEWEST_LOOKS} to {MOST_LOOKS}.")
    if stopping.criterion not in criteria:
        raise InvalidRecord(
            f"early stopping is to rest on {stopping.criterion!r}, which raters are not asked about; choose one of "
            f"{', '.join(criteria) or 'none'}.",
            "stop_criterion",
            criterion=stopping.criterion,
        )
    if not isinstance(stopping.alpha, float) or not 0 < stopping.alpha < 0.5:
        raise InvalidRecord(f"the level of early stopping is {stopping.alpha!r}; give a number between 0 and 0.5.")


def look_of(held: Mapping[str, Any]) -> Look:
    """A look as it is stored."""
    return Look(
        held["number"],
        datetime.fromisoformat(held["taken_at"]),
        held["done"],
        held["slots"],
        tuple(LookedAt(**one) for one in held["pairs"]),
        held.get("ended", False),
    )


def decided(looks: Iterable[Look]) -> list[LookedAt]:
    """The pairs that are decided, by whichever look."""
    return [one for look in looks for one in look.pairs if one.decided]


def closed(looks: Sequence[Look]) -> frozenset[str]:
    """Systems whose every pair is decided."""
    if not looks:
        return frozenset()
    everyone = {system for one in looks[0].pairs for system in (one.first, one.second)}
    pairs = {(one.first, one.second) for one in looks[0].pairs}
    still = pairs - {(one.first, one.second) for one in decided(looks)}
    return frozenset(everyone - {system for pair in still for system in pair})


def all_taken(looks: Sequence[Look], stopping: Stopping) -> bool:
    """Whether no look follows: the last planned one was taken, or the study was closed and its level is spent."""
    return bool(looks) and (looks[-1].ended or looks[-1].number >= stopping.looks)


def all_decided(looks: Sequence[Look]) -> bool:
    """Whether nothing is left to compare; False before the first look."""
    return bool(looks and looks[0].pairs) and len(decided(looks)) == len(looks[0].pairs)
