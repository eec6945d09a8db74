"""A linear mixed model as a check of the paired comparisons: value = system (fixed) + rater + item + text (random).

Fitted by REML with statsmodels; rater, item and text (one system's output for one item) are crossed variance
components. Without the text, several raters of one text would count as several texts, and intervals would be too
narrow; where no text has two raters it cannot be separated from the residual, and is left out. Over several languages the
language is a second fixed effect. Ratings are taken as numbers on an interval scale, which they are not: this is
a sensitivity analysis beside the permutation tests, never instead of them. For a cumulative-link mixed model,
read the export into R's `ordinal::clmm`.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from annotation.records import RatingRecord
from annotation.statistics.values import Interval, Undefined, undefined

LARGEST = 1_000  # ratings; takes some ten seconds, and time grows with the third power
FEWEST = 2  # of systems, raters and items


@dataclass(frozen=True, slots=True)
class Effect:
    """A system against the reference system."""

    system: str
    estimate: float  # scale points
    interval: Interval  # 95 %, Wald
    p: float  # two-sided, Wald, uncorrected


@dataclass(frozen=True, slots=True)
class MixedModel:
    """A fitted model of one criterion, in one language (None: over all of them)."""

    criterion: str
    language: str | None
    reference: str  # the system that the others are compared with
    effects: tuple[Effect, ...]
    rater_sd: float  # leniency: standard deviation between raters, scale points
    item_sd: float  # between items
    text_sd: float | Undefined  # between texts of one item, beyond the mean of their systems
    residual_sd: float
    ratings: int


def mixed_model(
    ratings: Sequence[RatingRecord], criterion: str, language: str | None, reference: str | None = None
) -> MixedModel | Undefined:
    """Fits the ratings of one criterion; `reference` is by default the first system by name."""
    systems = sorted({rating.system for rating in ratings})
    items = len({rating.item_key for rating in ratings})
    raters = len({rating.rater for rating in ratings})
    if not ratings:
        return undefined("no_ratings")
    if len(systems) < FEWEST:
        return undefined("few_systems", {"seen": len(systems)})
    if raters < FEWEST:
        return undefined("few_raters", {"needed": FEWEST, "seen": raters})
    if items < FEWEST:
        return undefined("few_items", {"needed": FEWEST, "seen": items})
    if len({rating.point for rating in ratings}) == 1:
        return undefined("same_means")
    if len(ratings) > LARGEST:
        return undefined("too_large", {"needed": LARGEST, "seen": len(ratings)})
    base = reference or systems[0]
    others = [system for system in systems if system != base]
    fitted = _fit(ratings, others)
    if isinstance(fitted, Undefined):
        return fitted
    effects = []
    for index, system in enumerate(others, start=1):  # 0 is the intercept
        estimate, error = float(fitted.fe_params[index]), float(fitted.bse_fe[index])
        if not (math.isfinite(estimate) and math.isfinite(error)) or error <= 0:
            return undefined("model_failed", {"detail": "no standard error"})
        z = estimate / error
        interval = Interval(estimate, estimate - 1.959964 * error, estimate + 1.959964 * error)
        effects.append(Effect(system, estimate, interval, math.erfc(abs(z) / math.sqrt(2))))
    spread = {
        name: math.sqrt(max(0.0, float(value)))
        for name, value in zip(fitted.model.exog_vc.names, fitted.vcomp, strict=True)
    }
    return MixedModel(
        criterion=criterion,
        language=language,
        reference=base,
        effects=tuple(effects),
        rater_sd=spread["rater"],
        item_sd=spread["item"],
        text_sd=spread.get("text", undefined("no_pairable")),
        residual_sd=math.sqrt(float(fitted.scale)),
        ratings=len(ratings),
    )


def _fit(ratings: Sequence[RatingRecord], others: Sequence[str]) -> Any:
    """The statsmodels result, or why there is none. Columns of the fixed part: 1, one per system, one per language."""
    import numpy as np
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    languages = sorted({rating.language for rating in ratings})[1:]
    values = np.array([rating.point for rating in ratings], dtype=np.float64)
    fixed = np.array(
        [
            [1.0, *(rating.system == name for name in others), *(rating.language == tag for tag in languages)]
            for rating in ratings
        ],
        dtype=np.float64,
    )
    members = {
        "rater": [rating.rater for rating in ratings],
        "item": [rating.item_key for rating in ratings],
        "text": [f"{rating.output_id}" for rating in ratings],
    }
    if len(set(members["text"])) == len(ratings):
        del members["text"]
    columns, designs = [], []
    for member in members.values():
        levels, member_index = np.unique(member, return_inverse=True)
        columns.append([levels.tolist()])
        designs.append([np.eye(len(levels))[member_index]])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they warn of is asked of the result below
            model = MixedLM(values, fixed, np.ones(len(values)), exog_vc=VCSpec(list(members), columns, designs))
            fitted = model.fit(reml=True)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        return undefined("model_failed", {"detail": str(error) or type(error).__name__})
    return fitted if fitted.converged else undefined("not_converged")
