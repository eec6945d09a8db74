"""Shares of groups: whole numbers beside the fair ones, that fit together into the places of every group."""

from collections import Counter
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_examples import UNHURRIED

from annotation.shares import next_group, shares


@st.composite
def designs(draw: st.DrawFn) -> tuple[dict[str, int], int, int]:
    """Items of every group, raters per item, items per rater."""
    items = draw(st.lists(st.integers(1, 12), min_size=1, max_size=6))
    return {f"g{n}": count for n, count in enumerate(items)}, draw(st.integers(1, 5)), draw(st.integers(1, sum(items)))


@UNHURRIED
@given(designs())
def test_shares_are_the_fair_ones_rounded_and_fill_the_places_of_every_group(
    design: tuple[dict[str, int], int, int],
) -> None:
    items, k, cap = design
    places = {one: k * count for one, count in items.items()}
    total = sum(places.values())
    rows = [shares(places, cap, number) for number in range(total // cap)]
    assert {sum(row.values()) for row in rows} == {cap}
    for one, count in places.items():
        fair = Fraction(cap * count, total)
        column = [row[one] for row in rows]
        assert {floor(fair), ceil(fair)} >= set(column)  # so two raters differ by one at most
        assert max(column) <= items[one]  # never more than there are
        assert sum(column) == count if total % cap == 0 else sum(column) <= count


def test_a_rater_beyond_the_planned_ones_gets_the_shares_of_the_first_again() -> None:
    places = {"easy": 10, "hard": 5}
    rows = [shares(places, 5, number) for number in range(5)]
    assert [row["hard"] for row in rows[:3]] == [2, 1, 2] and rows[0]["easy"] == 3  # fair: 10 / 3 and 5 / 3
    assert rows[3:] == rows[:2]


@pytest.mark.parametrize(
    ("places", "cap", "row"), [({"a": 2}, 3, 0), ({"a": 2}, 0, 0), ({"a": 2, "b": 0}, 1, 0), ({"a": 2}, 1, -1)]
)
def test_what_cannot_be_shared_is_refused(places: dict[str, int], cap: int, row: int) -> None:
    with pytest.raises(ValueError, match="no shares"):
        shares(places, cap, row)


@UNHURRIED
@given(designs(), st.integers(0, 2**31 - 1))
def test_groups_alternate_so_that_any_beginning_of_a_row_is_close_to_its_shares(
    design: tuple[dict[str, int], int, int], seed: int
) -> None:
    items, k, cap = design
    plan = shares({one: k * count for one, count in items.items()}, cap, 0)
    had: Counter[str] = Counter()
    for given_so_far in range(cap):
        one = next_group(plan, had, set(plan), seed)
        had[one] += 1
        for group, due in plan.items():
            # Behind its part of the plan by less than the number of groups, and never beyond it.
            assert -len(plan) < had[group] - due * Fraction(given_so_far + 1, cap) < 1 + Fraction(1, cap)
    assert had == Counter(plan)


def test_what_is_all_given_is_passed_over_and_what_the_plan_has_no_more_of_comes_last() -> None:
    plan = {"easy": 2, "hard": 2}
    assert next_group(plan, {"easy": 0, "hard": 1}, {"hard"}, 1) == "hard"
    assert next_group(plan, {"easy": 2, "hard": 1}, {"easy", "hard"}, 1) == "hard"
    assert next_group(plan, {"easy": 2, "hard": 1}, {"easy", "odd"}, 1) in {"easy", "odd"}
