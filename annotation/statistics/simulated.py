"""A planned study, and simulated studies of it.

Ratings are made for two systems, averaged over raters, and tested as the plan says: by the sign-flip test of
`core.statistics.paired` at the end, or at the looks of early stopping (`annotation.statistics.interim`). Each simulated rater
rates both systems of an item, so rater and item spread cancel in the difference except where the scale ends or rounds.

Shapes: `S` simulated studies, `I` items, `K` raters per item, `F` flips.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.scales import FIVE, Scale
from annotation.statistics.interim import p_values
from core.statistics.paired import EXACT_ITEMS, all_signs, random_signs
from core.statistics.sequential import levels


@dataclass(frozen=True, slots=True)
class Plan:
    """A planned study and what is expected of it; spreads are standard deviations in scale points before rounding."""

    items: int  # per language, rated for both systems; at least 2
    raters_per_item: int  # at least 1
    tests: int = 1  # pairs of systems x criteria x languages (and all languages together) corrected by Holm
    difference: float = 0.3  # expected, in scale points before rounding
    middle: float = 3.5  # mean of the two systems
    item_sd: float = 0.7  # between items, the same for both systems
    system_sd: float = 0.5  # by how much an item favours one system: what averaging over raters cannot remove
    rater_sd: float = 0.4  # leniency
    noise_sd: float = 0.6  # within rater and text
    alpha: float = 0.05
    target: float = 0.8  # target power
    scale: Scale = FIVE  # that its points are of
    looks: int = 1  # at equal parts of the ratings, as `annotation.statistics.interim` takes them; 1: the sign-flip test at the end

    def __post_init__(self) -> None:
        if self.items < 2 or min(self.raters_per_item, self.tests, self.looks) < 1:
            raise ValueError("a plan needs at least 2 items, 1 rater per item, 1 test and 1 look")
        if min(self.item_sd, self.system_sd, self.rater_sd, self.noise_sd, self.difference) < 0:
            raise ValueError("a plan's difference and spreads are 0 or more")
        if not (0 < self.alpha < 1 and 0 < self.target < 1):
            raise ValueError("alpha and the power asked for lie between 0 and 1")

    @property
    def fractions(self) -> tuple[float, ...]:
        """Of the ratings, at each look."""
        return tuple(number / self.looks for number in range(1, self.looks + 1))


def plan_on(scale: Scale, plan: Plan) -> Plan:
    """A plan whose difference and spreads are in points of 1 to 5, as the same shares of another scale."""
    return replace(
        plan,
        scale=scale,
        difference=scale.of_five(plan.difference),
        middle=scale.low + scale.of_five(plan.middle - FIVE.low),
        item_sd=scale.of_five(plan.item_sd),
        system_sd=scale.of_five(plan.system_sd),
        rater_sd=scale.of_five(plan.rater_sd),
        noise_sd=scale.of_five(plan.noise_sd),
    )


class Simulated:
    """The random numbers of all simulated studies of a plan, drawn once so that differences are tried on the same ones."""

    def __init__(self, plan: Plan, studies: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        shape = (studies, plan.items, plan.raters_per_item)
        item = plan.item_sd * rng.standard_normal((*shape[:2], 1))
        rater = plan.rater_sd * rng.standard_normal(shape)
        level = plan.middle + item + rater  # (S, I, K)
        self._texts: list[NDArray[np.float64]] = []
        for _ in range(2):
            own = plan.system_sd / np.sqrt(2) * rng.standard_normal((*shape[:2], 1))
            self._texts.append(level + own + plan.noise_sd * rng.standard_normal(shape))
        self._plan, self._level = plan, plan.alpha / plan.tests
        if plan.looks > 1:
            return  # no flips are needed
        flips = min(20_000, max(2_000, int(np.ceil(20 / self._level))))
        exact = plan.items <= EXACT_ITEMS
        self._signs: NDArray[np.float32] = (
            all_signs(plan.items) if exact else random_signs(flips, plan.items, rng)
        ).astype(np.float32)
        self._extra = 0 if exact else 1

    def differences(self, difference: float) -> NDArray[np.float64]:
        """Mean over raters of first minus second, of ratings rounded to the scale: (S, I)."""
        means: NDArray[Any] = self._rated(difference).mean(2)
        return means

    def detected(self, difference: float) -> float:
        """Share of the studies whose two-sided p is at most alpha / tests, or reaches the boundary of a look."""
        if self._plan.looks > 1:
            return self._decided(self._rated(difference))
        values = self.differences(difference).astype(np.float32)
        threshold = np.abs(values.sum(1)) - 1e-5 * np.abs(values).sum(1)  # (S,)
        reached = (np.abs(values @ self._signs.T) >= threshold[:, None]).sum(1)  # (S,)
        p = (reached + self._extra) / (len(self._signs) + self._extra)
        return float((p <= self._level).mean())

    def _rated(self, difference: float) -> NDArray[np.float64]:
        """First minus second of every rater: (S, I, K)."""
        low, high = self._plan.scale.low, self._plan.scale.high
        first, second = (
            np.clip(np.rint(text + shift), low, high)
            for text, shift in zip(self._texts, (difference / 2, -difference / 2), strict=True)
        )
        rated: NDArray[np.float64] = first - second
        return rated

    def _decided(self, rated: NDArray[np.float64]) -> float:
        """Share of the studies that a look decides. Every item gets its first rater before one gets its second, as in the queue."""
        studies, items, raters = rated.shape
        decided = np.zeros(studies, dtype=bool)
        for number, level in enumerate(levels(self._level, self._plan.fractions), 1):
            full, more = divmod(-(-items * raters * number // self._plan.looks), items)
            sums = rated[:, :, :full].sum(2)
            sums[:, :more] += rated[:, :more, full] if more else 0
            counts = full + (np.arange(items) < more)  # (I,)
            seen = counts > 0
            decided |= p_values(sums[:, seen] / counts[seen]) <= level
        return float(decided.mean())
