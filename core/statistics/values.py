"""What statistics return: a value with its interval, or the reason why it cannot be computed. Never NaN."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic with its 95 % interval."""

    value: float
    low: float  # 2.5 % quantile of a bootstrap, or the lower end of what its maker names
    high: float  # 97.5 % quantile


@dataclass(frozen=True, slots=True)
class Undefined:
    """Stands where a number would stand, and says why there is none.

    ``code`` names the reason for translation, ``facts`` are the numbers in it, ``reason`` says it in English, without "not computable".
    """

    code: str
    reason: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"not computable: {self.reason}"


def few_items(needed: int, available: int) -> Undefined:
    """Too few items to say anything about items that were not drawn."""
    return Undefined(
        "few_items", f"needs at least {needed} items, there are {available}", {"needed": needed, "seen": available}
    )


def few_seeds(needed: int, available: int) -> Undefined:
    """Too few seeds to say how much depends on the seed."""
    return Undefined(
        "few_seeds", f"needs at least {needed} seeds, there are {available}", {"needed": needed, "seen": available}
    )


def same_values() -> Undefined:
    """All items have the same value, so a resample has no spread and an interval of width 0 would claim a certainty nobody has."""
    return Undefined("same_means", "all items have the same value")
