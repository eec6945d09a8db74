"""Why a statistic of ratings has no value. `Undefined` and `Interval` are those of `core.statistics.values`.

A reason is a code with facts, so that a page can say it in the language of its reader; `reason` says it in English.
"""

from collections.abc import Mapping
from typing import Literal

from core.statistics.values import Interval, Undefined

__all__ = ["Interval", "Undefined", "undefined"]

Code = Literal[
    "no_ratings",
    "few_items",
    "same_means",
    "no_pairable",
    "all_equal",
    "unsteady",
    "no_width",
    "no_differences",
    "tied",
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
    "separated",
    "nothing_marked",
]

REASONS: dict[Code, str] = {
    "no_ratings": "no ratings yet",
    "few_items": "needs ratings of at least {needed} items, there are {seen}",
    "same_means": "all items have the same mean rating",
    "no_pairable": "no output was rated by two raters",
    "all_equal": "all ratings of outputs with two raters are the same, so that agreement by chance is complete",
    "unsteady": "{share} of 100 resamples have no defined value",
    "no_width": "every resample of the items has the same value, and an interval without width would claim certainty",
    "no_differences": "all {items} paired items have the same mean for both systems",
    "tied": "the systems are tied, so there is no order to be stable",
    "not_shared": "needs at least {needed} items rated for both systems, there are {seen}",
    "same_differences": "all items have the same difference",
    "few_ratings": "needs at least {needed} ratings of the rater, there are {seen}",
    "no_spread": "the rater gave the same value every time",
    "few_systems": "needs at least 2 systems with ratings, there are {seen}",
    "few_raters": "needs at least {needed} raters, there are {seen}",
    "not_converged": "the mixed model did not converge, as happens with few raters or little spread; its estimates would mean nothing, "
    "and the paired tests do not rest on it",
    "too_large": "the mixed model is fitted for at most {needed} ratings, there are {seen}",
    "model_failed": "the mixed model could not be fitted ({detail})",
    "not_detectable": "not even a difference of {largest} points is found with this plan",
    "not_asked": "it was left out of this report",
    "nothing_marked": "no rater marked an error in a text that two raters saw",
    "separated": "some systems won, or lost, every comparison with the others, so that their strength has no finite estimate; the win "
    "rates say what there is to say",
}


def undefined(code: Code, facts: Mapping[str, object] | None = None) -> Undefined:
    """Why a value cannot be computed: `code` for translation, `facts` the numbers in its English sentence."""
    facts = facts or {}
    return Undefined(code, REASONS[code].format(**facts), facts)
