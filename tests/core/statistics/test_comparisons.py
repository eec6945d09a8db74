"""All pairs of systems: paired over what both answered, corrected over all pairs."""

import numpy as np
import pandas as pd
import pytest

from core.statistics.bootstrap import paired_interval
from core.statistics.comparisons import (
    compare_all,
    mean_interval,
    not_worse_than_best,
    scores_of,
    spread,
    too_few_seeds,
)

LANGUAGES = ("swh_Latn", "hin_Deva")


def system(rate: float, seed: int, size: int = 60) -> "pd.Series[float]":
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([LANGUAGES, [f"{i}" for i in range(size)]], names=["language", "item"])
    return pd.Series(rng.random(2 * size) < rate, index=index).astype(float)


SYSTEMS = {"good": system(0.8, 0), "fair": system(0.75, 1), "poor": system(0.3, 2)}


def test_a_score_is_the_mean_over_seeds_and_rows_without_one_are_left_out() -> None:
    items = pd.DataFrame(
        {
            "item": [1, 1, 2, 2],
            "language": ["swh_Latn"] * 4,
            "seed": [0, 1, 0, 1],
            "score": [1.0, 0.0, None, None],
        }
    )
    found = scores_of(items, "score")
    assert found.to_dict() == {("swh_Latn", "1"): 0.5}


def test_every_pair_is_compared_over_items_and_corrected_over_all_pairs() -> None:
    found = {(entry.first, entry.second): entry for entry in compare_all(SYSTEMS, draws=2_000)}
    assert list(found) == [("good", "fair"), ("good", "poor"), ("fair", "poor")]
    assert [entry.significant for entry in found.values()] == [False, True, True]
    entry = found["good", "poor"]
    assert (entry.items, entry.pairs) == (60, 120)
    assert entry.p == pytest.approx(1 / 2_001)
    assert entry.p_holm == pytest.approx(3 / 2_001)


def test_the_interval_of_a_pair_is_that_of_its_differences_alone() -> None:
    alone = compare_all({name: SYSTEMS[name] for name in ("good", "poor")}, draws=2_000)[0].difference
    differences = SYSTEMS["good"] - SYSTEMS["poor"]
    expected = paired_interval(differences.tolist(), [item for _, item in differences.index], draws=2_000)
    assert alone == expected


def test_pairs_share_only_what_both_answered_and_strangers_are_not_compared() -> None:
    few = SYSTEMS["poor"].loc[["swh_Latn"]]
    other = SYSTEMS["fair"].rename(index=lambda name: f"other {name}", level="item")
    found = compare_all({"good": SYSTEMS["good"], "few": few, "other": other}, draws=500)
    assert [(entry.first, entry.second, entry.pairs, entry.items) for entry in found] == [("good", "few", 60, 60)]


def test_the_best_and_those_not_told_from_it() -> None:
    compared = compare_all(SYSTEMS, draws=2_000)
    means = {name: float(values.mean()) for name, values in SYSTEMS.items()}
    assert not_worse_than_best(means, compared) == ("good", ("fair",))


def test_a_mean_has_the_interval_over_items_whose_translations_go_together() -> None:
    """The same answers in both languages carry what one language carries."""
    once = SYSTEMS["good"].loc[["swh_Latn"]]
    twice = pd.concat([once, once.rename({"swh_Latn": "hin_Deva"}, level="language")])
    assert mean_interval(twice) == mean_interval(once)


def test_spread_over_seeds_and_the_strategies_that_need_more() -> None:
    """0.4, 0.5, 0.6: deviations of 0.1 around 0.5, sum of squares 0.02 over n - 1 = 2."""
    assert spread([0.4, 0.5, 0.6]).mean == pytest.approx(0.5)
    assert spread([0.4, 0.5, 0.6]).deviation == pytest.approx(0.1)
    assert (spread([0.4]).deviation, spread([0.4]).seeds) == (None, 1)
    assert too_few_seeds({"random": 2, "balanced": 3}) == {"random": 2}
