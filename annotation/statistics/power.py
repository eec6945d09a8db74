"""What a planned study can find: power and the smallest difference it would detect.

By simulation of the planned analysis at alpha / tests (`annotation.statistics.simulated`). That is the first step of Holm, so
the power under Holm is at least the one computed here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from annotation.statistics.simulated import Plan, Simulated
from annotation.statistics.values import Interval, Undefined, undefined
from core.statistics.sequential import inflation

LARGEST = 2.0  # points of 1 to 5, and as much of other scales; the widest difference that is tried
STEPS = 8  # bisections, hence to LARGEST / 256 points
LARGEST_STUDY = 600  # items; beyond, the approximation is exact enough and a simulation slow


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
            + (
                f" Early stopping: {plan.looks} looks at equal parts of the ratings, which ask for {self.more_items:.1%} more items than "
                "one test at the end (Lan and DeMets 1983, O'Brien-Fleming type)."
                if plan.looks > 1
                else ""
            )
        )

    @property
    def more_items(self) -> float:
        """The share of items that looks ask for besides those of one test at the end with the same power."""
        return inflation(self.plan.alpha / self.plan.tests, self.plan.fractions, self.plan.target) - 1


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
    tester = Simulated(plan, studies, seed)
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
    if plan.looks > 1 and not isinstance(least, Undefined):
        least = int(np.ceil(least * inflation(plan.alpha / plan.tests, plan.fractions, plan.target)))
    if isinstance(least, Undefined) or least > LARGEST_STUDY:
        return least
    for _ in range(STEPS):
        if Simulated(replace(plan, items=max(2, least)), studies, seed).detected(plan.difference) >= plan.target:
            return least
        least = max(least + 1, round(least * 1.06))
    return least


def _smallest(tester: Simulated, plan: Plan) -> float | Undefined:
    """By bisection over differences on the same random numbers."""
    largest = plan.scale.of_five(LARGEST)
    if tester.detected(largest) < plan.target:
        return undefined("not_detectable", {"largest": f"{largest:g}"})
    low, high = 0.0, largest
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if tester.detected(middle) >= plan.target else (middle, high)
    return high


def _wilson(share: float, trials: int) -> Interval:
    """Wilson's interval (95 %) of a share."""
    z = 1.959964
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(share, float(max(0.0, middle - half)), float(min(1.0, middle + half)))
