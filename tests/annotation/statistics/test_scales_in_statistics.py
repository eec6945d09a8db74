"""Ratings on 1 to 7 and 0 to 100, with "not applicable" and holes, against krippendorff, pandas and scipy.

Tests of `annotation.statistics.analysis`.
"""

import krippendorff
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from scale_examples import HUNDRED, SEVEN, records

from annotation.records import OutputRecord, RatingRecord, StudyData
from annotation.scales import Scale
from annotation.statistics.agreement import agreements, alpha, alpha_interval, value_counts
from annotation.statistics.analysis import Analysis, analyse
from annotation.statistics.power import power_of
from annotation.statistics.simulated import Plan, plan_on
from annotation.statistics.values import Interval, Undefined

BOTH = pytest.mark.parametrize("scale", [SEVEN, HUNDRED], ids=str)
KEY = "quality"


def frame_of(rows: list[RatingRecord]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [(r.item_key, r.system, r.rater, r.value) for r in rows], columns=["item", "system", "rater", "value"]
    )
    return frame.astype({"value": "float64"})  # "not applicable" is NaN to pandas


def analysis_of(rows: list[RatingRecord], scale: Scale, raters: int = 4) -> Analysis:
    outputs = {
        row.output_id: OutputRecord(
            row.output_id, row.study, row.item_key, "sw", "?", "?", None, row.system, row.language, "text", {}
        )
        for row in rows
    }
    data = StudyData(tuple(rows), (), tuple(outputs.values()), ())
    return analyse(data, [KEY], raters, scales={KEY: scale})


@BOTH
def test_alpha_is_that_of_the_krippendorff_package_with_not_applicable_as_missing(scale: Scale) -> None:
    rows = records(scale, KEY)
    table = frame_of(rows).pivot_table(index="rater", columns=["item", "system"], values="value", dropna=False)
    level = "interval" if scale is HUNDRED else "ordinal"
    theirs = krippendorff.alpha(
        reliability_data=table.to_numpy(), level_of_measurement=level, value_domain=[float(one) for one in scale.points]
    )
    (ours,) = agreements(rows, [KEY], scales={KEY: scale})
    assert ours.level == level
    assert ours.alpha == pytest.approx(theirs, abs=1e-10)
    assert isinstance(ours.interval, Interval) and ours.interval.low < theirs < ours.interval.high
    rated_twice = (table.notna().sum() > 1).sum()
    assert ours.outputs == rated_twice


def test_four_moments_say_what_all_coincidences_say_and_resamples_too() -> None:
    """At the interval level alpha over 7 points, by moments, is the ratio of the disagreements summed over all pairs."""
    rows = [row for row in records(SEVEN, KEY) if row.value is not None]
    units: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        units.setdefault((row.item_key, row.system), []).append(row.point)
    several = {unit: values for unit, values in units.items() if len(values) > 1}
    observed = sum(sum((a - b) ** 2 for a in values for b in values) / (len(values) - 1) for values in several.values())
    everything = [value for values in several.values() for value in values]
    count = len(everything)
    expected = sum((a - b) ** 2 for a in everything for b in everything) / (count * (count - 1))
    counts = value_counts(list(several.values()), SEVEN.points)
    assert alpha(counts, "interval", SEVEN.points) == pytest.approx(1 - observed / count / expected, abs=1e-12)
    spread = alpha_interval(counts, [item for item, _ in several], 1, "interval", SEVEN.points)
    shifted = alpha_interval(counts, [item for item, _ in several], 1, "interval", range(93, 100))
    assert isinstance(spread, Interval) and isinstance(shifted, Interval)
    assert (shifted.low, shifted.high) == pytest.approx((spread.low, spread.high), abs=1e-9)  # distances alone count


@BOTH
def test_cells_are_those_of_pandas_and_count_what_was_not_applicable(scale: Scale) -> None:
    rows = records(scale, KEY)
    frame = frame_of(rows)
    analysis = analysis_of(rows, scale)
    assert analysis.ratings == frame["value"].notna().sum()
    assert analysis.not_applicable == frame["value"].isna().sum() > 0
    for cell in analysis.cells:
        own = frame[frame["system"] == cell.system]
        assert cell.mean == pytest.approx(own["value"].mean())
        assert cell.median == own["value"].median()
        assert cell.n == own["value"].count() == sum(cell.counts)
        assert cell.not_applicable == own["value"].isna().sum()
        assert cell.missing == 12 * 4 - len(own)  # an answer, though no rating, is not missing
        edges = [*range(0, 100, 10), 101] if scale is HUNDRED else [*range(1, 9)]
        assert list(cell.counts) == np.histogram(own["value"].dropna(), bins=edges)[0].tolist()


@BOTH
def test_differences_are_in_points_of_the_scale_and_tested_as_scipy_tests_them(scale: Scale) -> None:
    rows = records(scale, KEY)
    means = frame_of(rows).groupby(["item", "system"])["value"].mean().unstack().dropna()
    (one,) = analysis_of(rows, scale).comparisons
    differences = (means["agl"] - means["knn"]).to_numpy()
    assert one.items == len(differences)
    assert one.difference == pytest.approx(differences.mean(), abs=1e-9)
    assert one.spread == pytest.approx(differences.std(ddof=1), abs=1e-8)
    theirs = scipy.stats.permutation_test(
        (means["agl"].round(9).to_numpy(), means["knn"].round(9).to_numpy()),
        lambda a, b: np.mean(a - b),
        permutation_type="samples",
        n_resamples=np.inf,
    )
    assert one.p == pytest.approx(theirs.pvalue, abs=1e-9)  # 12 items: both are exact


def test_a_criterion_that_never_applied_is_not_computable_and_breaks_nothing() -> None:
    rows = [row for row in records(HUNDRED, KEY) if row.value is None]
    analysis = analysis_of(rows, HUNDRED)
    assert analysis.ratings == 0 and analysis.not_applicable == len(rows) > 3
    assert all(isinstance(cell.mean, Undefined) and cell.n == 0 for cell in analysis.cells)
    assert analysis.comparisons == analysis.rankings == ()


def test_a_plan_on_another_scale_asks_for_the_same_share_of_it() -> None:
    """Rounding costs a fifth of a point of 1 to 5 much, and of 0 to 100 nothing: power there is that of the plain normal model."""
    plan = Plan(items=40, raters_per_item=3, difference=0.3)
    hundred = plan_on(HUNDRED, plan)
    assert (hundred.difference, hundred.middle, hundred.item_sd) == pytest.approx((7.5, 62.5, 17.5))
    found = power_of(hundred, studies=400)
    assert "points of 0 to 100" in found.assumptions
    # Of a mean over raters: item-by-system spread, and the noise of both systems over three raters, as shares of the scale.
    spread = np.hypot(hundred.system_sd, hundred.noise_sd * np.sqrt(2 / 3))
    shift = hundred.difference / (spread / np.sqrt(hundred.items))
    theirs = scipy.stats.nct.sf(scipy.stats.t.ppf(0.975, 39), 39, shift)
    assert found.power == pytest.approx(theirs, abs=0.06)  # 400 studies: two standard errors are 0.04
    assert power_of(plan_on(Scale(1, 2), plan), studies=400).power < found.power  # two points say little
