"""Power and the number of tests: one function for the estimate, the report and the datasheet; an independent simulation."""

import numpy as np
import pytest
from scipy import stats

from annotation.report.results import verdict
from annotation.statistics.comparisons import compare, corrected
from annotation.statistics.normalised import Rank, Ranking
from annotation.statistics.power import Plan, items_needed, planned_tests, power_of, weakest
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
