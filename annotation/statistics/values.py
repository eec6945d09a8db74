"""A figure, or the reason why there is none. Nothing here is ever NaN.

A reason is a code with facts, so that a page can say it in the language of its reader; `reason` says it in
English.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Code = Literal[
    "no_ratings",
    "few_items",
    "same_means",
    "no_pairable",
    "all_equal",
    "unsteady",
    "not_shared",
    "same_differences",
    "few_ratings",
    "no_spread",
    "few_systems",
    "few_raters",
    "not_converged",
    "too_large",
    "model_failed",
    "not_detectable",
    "not_asked",
]

REASONS: dict[Code, str] = {
    "no_ratings": "no ratings yet",
    "few_items": "needs ratings of at least {needed} items, there are {seen}",
    "same_means": "all items have the same mean rating",
    "no_pairable": "no output was rated by two raters",
    "all_equal": "all ratings of outputs with two raters are the same, so that agreement by chance is complete",
    "unsteady": "{share} of 100 resamples have no defined value",
    "not_shared": "needs at least {needed} items rated for both systems, there are {seen}",
    "same_differences": "all items have the same difference",
    "few_ratings": "needs at least {needed} ratings of the rater, there are {seen}",
    "no_spread": "the rater gave the same value every time",
    "few_systems": "needs at least 2 systems with ratings, there are {seen}",
    "few_raters": "needs at least {needed} raters, there are {seen}",
    "not_converged": "the mixed model did not converge",
    "too_large": "the mixed model is fitted for at most {needed} ratings, there are {seen}",
    "model_failed": "the mixed model could not be fitted ({detail})",
    "not_detectable": "not even a difference of {largest} points is found with this plan",
    "not_asked": "it was left out of this report",
}


@dataclass(frozen=True, slots=True)
class Undefined:
    """Stands where a figure would stand, and says why there is none."""

    code: Code
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """One English clause, without "not computable"."""
        return REASONS[self.code].format(**self.facts)

    def __str__(self) -> str:
        return f"not computable: {self.reason}"


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval; each user says of what and how."""

    low: float
    high: float
