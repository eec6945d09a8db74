"""What a planned study can find: power and the smallest difference it would detect.

By simulation of the planned analysis: ratings are made for two systems, averaged over raters, and tested by the
sign-flip test of `core.statistics.paired` at alpha / tests. That is the first step of Holm, so the power under Holm is at
least the one computed here. Each simulated rater rates both systems of an item, so rater and item spread cancel in
the difference except where the scale ends or rounds.

Shapes: `S` simulated studies, `I` items, `K` raters per item, `F` flips.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.scales import FIVE, Scale
from annotation.statistics.values import Interval, Undefined, undefined
from core.statistics.paired import EXACT_ITEMS, all_signs, random_signs

LARGEST = 2.0  # points of 1 to 5, and as much of other scales; the widest difference that is tried
STEPS = 8  # bisections, hence to LARGEST / 256 points
LARGEST_STUDY = 600  # items; beyond, the approximation is exact enough and a simulation slow


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

    def __post_init__(self) -> None:
        if self.items < 2 or self.raters_per_item < 1 or self.tests < 1:
            raise ValueError("a plan needs at least 2 items, 1 rater per item and 1 test")
        if min(self.item_sd, self.system_sd, self.rater_sd, self.noise_sd, self.difference) < 0:
            raise ValueError("a plan's difference and spreads are 0 or more")
        if not (0 < self.alpha < 1 and 0 < self.target < 1):
            raise ValueError("alpha and the power asked for lie between 0 and 1")


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


@dataclass(frozen=True, slots=True)
class Power:
    """What the plan can do."""

    plan: Plan
    power: float  # share of simulated studies that find the expected difference, 0..1
    interval: Interval  # 95 %, of the simulation (Wilson)
    on_scale: float  # the mean difference of the rounded ratings that the expected one turns into
    detectable: float | Undefined  # smallest difference detected with the target power, in points before rounding
    items_needed: int | Undefined  # paired items for the expected difference with the target power, by simulation

    @property
    def assumptions(self) -> str:
        """What the numbers rest on, as a sentence to stand beside them."""
        plan = self.plan
        return (
            f"Assumed standard deviations, in points of {plan.scale}: {plan.item_sd:g} between items, {plan.system_sd:g} between systems "
            f"within items, {plan.rater_sd:g} between raters, {plan.noise_sd:g} noise; mean {plan.middle:g}; {plan.tests} tests, "
            f"corrected by Holm."
        )


def planned_tests(systems: int, criteria: int, languages: int) -> int:
    """Size of the Holm family of a report: pairs of systems x criteria x (languages, and all of them together if several).

    The one number of tests of the organiser's estimate, the report and the datasheet; at least 1.
    """
    scopes = languages + 1 if languages > 1 else languages
    return max(1, systems * (systems - 1) // 2 * criteria * scopes)


def weakest(plan: Plan, designs: Iterable[tuple[int, int]], *, studies: int = 500, seed: int = 0) -> Power:
    """The least power that `plan` has among languages, each with its (items, raters per item).

    A language with no more items and no more raters than another one needs no second simulation. Raises ValueError without any.
    """
    distinct = set(designs)

    def dominated(items: int, raters: int) -> bool:
        return any(other != (items, raters) and other[0] <= items and other[1] <= raters for other in distinct)

    least = [one for one in sorted(distinct) if not dominated(*one)]
    powers = [
        power_of(replace(plan, items=items, raters_per_item=raters), studies=studies, seed=seed)
        for items, raters in least
    ]
    return min(powers, key=lambda one: one.power)


def power_of(plan: Plan, *, studies: int = 500, seed: int = 0) -> Power:
    """Simulates `studies` studies for the expected difference, and again for each difference that is tried."""
    tester = _Tester(plan, studies, seed)
    detected = tester.detected(plan.difference)
    differences = tester.differences(plan.difference)
    spread = float(differences.std(axis=1, ddof=1).mean())
    on_scale = float(differences.mean())
    return Power(
        plan=plan,
        power=detected,
        interval=_wilson(detected, studies),
        on_scale=on_scale,
        detectable=_smallest(tester, plan),
        items_needed=_items_by_simulation(plan, spread, on_scale, studies, seed),
    )


def items_needed(
    spread: float, difference: float, tests: int = 1, *, alpha: float = 0.05, target: float = 0.8
) -> int | Undefined:
    """Paired items to detect a mean difference with the target power, at alpha / tests.

    Normal approximation: ((z of 1 - alpha / 2 tests, plus z of the power) x spread / difference)^2, with `spread`
    the standard deviation of the items' differences; plus half the square of the first z, because the spread is estimated
    too (Guenther 1981). Never fewer than the exact test needs for such a p.
    """
    if difference <= 0:
        return undefined("not_detectable", {"largest": f"{max(difference, 0):g}"})
    normal = NormalDist()
    level = normal.inv_cdf(1 - alpha / (2 * tests))
    z = level + normal.inv_cdf(target)
    least = 1 + int(np.ceil(np.log2(tests / alpha)))
    return max(least, int(np.ceil((z * spread / difference) ** 2 + level**2 / 2)))


def _items_by_simulation(plan: Plan, spread: float, on_scale: float, studies: int, seed: int) -> int | Undefined:
    """From the approximation upwards until the simulated power reaches the target: it is the test itself that counts."""
    least = items_needed(spread, on_scale, plan.tests, alpha=plan.alpha, target=plan.target)
    if isinstance(least, Undefined) or least > LARGEST_STUDY:
        return least
    for _ in range(STEPS):
        if _Tester(replace(plan, items=max(2, least)), studies, seed).detected(plan.difference) >= plan.target:
            return least
        least = max(least + 1, round(least * 1.06))
    return least


def _smallest(tester: "_Tester", plan: Plan) -> float | Undefined:
    """By bisection over differences on the same random numbers."""
    largest = plan.scale.of_five(LARGEST)
    if tester.detected(largest) < plan.target:
        return undefined("not_detectable", {"largest": f"{largest:g}"})
    low, high = 0.0, largest
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if tester.detected(middle) >= plan.target else (middle, high)
    return high


class _Tester:
    """The random numbers of all simulated studies, drawn once so that differences are tried on the same ones."""

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
        self._level, self._scale = plan.alpha / plan.tests, plan.scale
        flips = min(20_000, max(2_000, int(np.ceil(20 / self._level))))
        exact = plan.items <= EXACT_ITEMS
        self._signs: NDArray[np.float32] = (
            all_signs(plan.items) if exact else random_signs(flips, plan.items, rng)
        ).astype(np.float32)
        self._extra = 0 if exact else 1

    def differences(self, difference: float) -> NDArray[np.float64]:
        """Mean over raters of first minus second, of ratings rounded to the scale: (S, I)."""
        first, second = (
            np.clip(np.rint(text + shift), self._scale.low, self._scale.high)
            for text, shift in zip(self._texts, (difference / 2, -difference / 2), strict=True)
        )
        means: NDArray[Any] = (first - second).mean(2)
        return means

    def detected(self, difference: float) -> float:
        """Share of the studies whose two-sided p is at most alpha / tests."""
        values = self.differences(difference).astype(np.float32)
        threshold = np.abs(values.sum(1)) - 1e-5 * np.abs(values).sum(1)  # (S,)
        reached = (np.abs(values @ self._signs.T) >= threshold[:, None]).sum(1)  # (S,)
        p = (reached + self._extra) / (len(self._signs) + self._extra)
        return float((p <= self._level).mean())


def _wilson(share: float, trials: int) -> Interval:
    """Wilson's interval (95 %) of a share."""
    z = 1.959964
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(share, float(max(0.0, middle - half)), float(min(1.0, middle + half)))
