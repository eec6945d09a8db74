"""Power and the number of tests: one function for the estimate, the report and the datasheet; an independent simulation.

Tests of `annotation.statistics.power`, `annotation.statistics.simulated`.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from annotation.report.results import verdict
from annotation.statistics.comparisons import compare, corrected
from annotation.statistics.normalised import Rank, Ranking
from annotation.statistics.power import items_needed, planned_tests, power_of, weakest
from annotation.statistics.simulated import Plan, Simulated
from annotation.statistics.values import Undefined


def test_the_family_of_tests_is_pairs_times_criteria_times_languages_and_all_of_them() -> None:
    assert planned_tests(systems=3, criteria=3, languages=2) == 27
    assert planned_tests(systems=2, criteria=3, languages=1) == 3
    assert planned_tests(systems=1, criteria=3, languages=2) == 1


def simulated(plan: Plan, studies: int = 400) -> float:
    """Another program for the same question: rater by rater, and a t-test in the place of the permutation test."""
    rng = np.random.default_rng(77)
    found = 0
    for _ in range(studies):
        item = rng.normal(0, plan.item_sd, plan.items)
        both = []
        leniency = rng.normal(0, plan.rater_sd, (plan.raters_per_item, plan.items))
        for shift in (plan.difference / 2, -plan.difference / 2):
            text = plan.middle + item + shift + rng.normal(0, plan.system_sd / np.sqrt(2), plan.items)
            given = [text + one + rng.normal(0, plan.noise_sd, plan.items) for one in leniency]
            both.append(np.mean([np.minimum(5, np.maximum(1, np.round(one))) for one in given], axis=0))
        found += stats.ttest_rel(both[0], both[1]).pvalue <= plan.alpha / plan.tests
    return found / studies


@pytest.mark.parametrize("tests", [1, 27])
def test_the_items_said_to_be_needed_reach_the_power_in_an_independent_simulation(tests: int) -> None:
    plan = Plan(items=30, raters_per_item=3, tests=tests, difference=0.3)
    first = power_of(plan, studies=400)
    assert first.power == pytest.approx(simulated(plan), abs=0.06)
    assert isinstance(first.items_needed, int)
    needed = Plan(items=first.items_needed, raters_per_item=3, tests=tests, difference=0.3)
    assert simulated(needed) >= 0.75
    assert "27 tests" in first.assumptions or tests == 1


# Boundaries of four looks at level .05, two-sided, of O'Brien-Fleming type, as published by Reboussin, DeMets, Kim and Lan (2000).
FOUR_LOOKS = (4.3326, 2.9631, 2.3590, 2.0141)


def simulated_looks(plan: Plan, studies: int) -> float:
    """A program of its own for early stopping: ratings arrive one after another, and scipy tests what is there at each quarter."""
    rng = np.random.default_rng(78)
    shape = (studies, plan.items)
    item, favour = rng.normal(0, plan.item_sd, shape), rng.normal(0, plan.system_sd, shape)
    arrived: list[tuple[int, np.ndarray]] = []  # of one rater and item: the item, the difference in every study
    for _ in range(plan.raters_per_item):
        leniency = rng.normal(0, plan.rater_sd, shape)
        halves = [plan.middle + item + leniency + sign * (plan.difference + favour) / 2 for sign in (1, -1)]
        first, second = (np.clip(np.round(half + rng.normal(0, plan.noise_sd, shape)), 1, 5) for half in halves)
        arrived += [(number, (first - second)[:, number]) for number in range(plan.items)]
    found = np.zeros(studies, dtype=bool)
    for quarter, bound in enumerate(FOUR_LOOKS, 1):
        of_item: dict[int, list[np.ndarray]] = {}
        for number, difference in arrived[: len(arrived) * quarter // 4]:
            of_item.setdefault(number, []).append(difference)
        means = np.asarray([np.mean(given, axis=0) for given in of_item.values()])  # (items seen, studies)
        found |= stats.ttest_1samp(means, 0, axis=0).pvalue <= 2 * stats.norm.sf(bound)
    return float(found.mean())


@pytest.mark.parametrize(("items", "raters"), [(40, 3), (60, 4)])
def test_the_power_of_looks_is_that_of_an_independent_simulation_of_them(items: int, raters: int) -> None:
    """Two simulations of 1,500 studies: their difference has a standard error of .018 at most."""
    plan = Plan(items, raters, difference=0.3, looks=4)
    tester = Simulated(plan, 1_500, seed=5)
    assert tester.detected(0.3) == pytest.approx(simulated_looks(plan, 1_500), abs=0.055)


def test_looks_cost_a_little_power_and_a_little_more_items() -> None:
    plan = Plan(items=30, raters_per_item=3, difference=0.3)
    looked = power_of(replace(plan, looks=4), studies=600)
    at_the_end = stats.ttest_1samp(Simulated(plan, 600, 0).differences(0.3), 0, axis=1).pvalue  # of the same ratings
    assert np.mean(at_the_end <= 0.05) - 0.04 < looked.power < np.mean(at_the_end <= 0.05)
    assert looked.more_items == pytest.approx(0.0196, abs=1e-3)  # 1.0196 by the multivariate normal: test_sequential.py
    assert isinstance(looked.items_needed, int)
    assert simulated_looks(replace(plan, items=looked.items_needed, looks=4), 1_500) >= 0.77
    far = replace(plan, difference=0.08, tests=3)  # beyond what is simulated
    many = [power_of(replace(far, looks=looks), studies=200).items_needed for looks in (1, 4)]
    assert isinstance(many[0], int) and isinstance(many[1], int) and 600 < many[0] < many[1] < 1.02 * many[0]


def test_identical_ratings_ask_for_no_more_items_and_one_dissent_proves_nothing() -> None:
    same = corrected([compare({f"i{n}": (3.0, 3.0) for n in range(10)}, "fluency", "sw", "x", "y")])[0]
    said = verdict(same, 3, 0.3)
    assert (said.kind, said.more) == ("undecided", 0)
    assert isinstance(said.needed, Undefined) and said.needed.code == "no_differences"
    one = {f"i{n}": (3.0, 3.0 + (n == 0) / 3) for n in range(30)}
    assert verdict(corrected([compare(one, "fluency", "sw", "x", "y")])[0], 3, 0.3).kind == "undecided"
    many = {f"i{n}": (3.0, 3.0 + (n % 3 - 1) / 6) for n in range(60)}
    assert verdict(corrected([compare(many, "fluency", "sw", "x", "y")])[0], 3, 0.3).kind == "alike"


def test_equal_means_are_drawn_as_equal() -> None:
    ranks = tuple(
        Rank(name, raw, raw, place, place) for name, raw, place in (("x", 1.5, 1), ("y", 1.5, 1), ("z", 1.0, 3))
    )
    assert Ranking("fluency", "sw", ranks, True, 1.0, 1.0, {}).signs() == ("=", ">")


def test_items_needed_counts_that_the_spread_is_estimated() -> None:
    """((1.960 + 0.842) / 0.5)^2 = 31.4, and 1.960^2 / 2 = 1.9 more (Guenther 1981)."""
    assert items_needed(1.0, 0.5) == 34


def test_the_weakest_language_is_the_one_whose_power_is_least() -> None:
    plan = Plan(items=100, raters_per_item=9)
    designs = [(60, 1), (20, 5), (60, 5), (90, 3)]
    alone = {one: power_of(Plan(*one), studies=200).power for one in designs}
    chosen = weakest(plan, designs, studies=200)
    assert (chosen.plan.items, chosen.plan.raters_per_item) == min(alone, key=lambda one: alone[one]) == (20, 5)
    assert chosen.power == alone[20, 5] < alone[60, 1] < alone[90, 3]
