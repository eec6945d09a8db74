"""Calibration error and Brier score: worked examples and independent implementations."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from core.errors import InvalidConfig
from core.statistics.reliability import brier_score, calibration_error

CONFIDENCE = np.array([0.55, 0.65, 0.9, 0.95])
RIGHT = np.array([1.0, 0.0, 1.0, 1.0])


def test_two_bins_of_equal_mass_by_hand() -> None:
    """{0.55, 0.65}: confidence 0.6, accuracy 0.5; {0.9, 0.95}: 0.925 and 1: (2 * 0.1 + 2 * 0.075) / 4 = 0.0875."""
    assert calibration_error(CONFIDENCE, RIGHT, bins=2) == pytest.approx(0.0875)


def test_bins_of_equal_width_by_hand() -> None:
    """Ten bins: [0.5, 0.6) gap 0.45, [0.6, 0.7) gap 0.65, [0.9, 1] gap 0.15 / 2 for two: (0.45 + 0.65 + 0.15) / 4."""
    assert calibration_error(CONFIDENCE, RIGHT, binning="width") == pytest.approx(0.3125)
    assert calibration_error(np.array([1.0]), np.array([1.0]), binning="width") == 0.0


def test_the_order_of_items_of_equal_confidence_does_not_matter() -> None:
    """Ten items of confidence 0.5, five right: calibrated, whichever of them come first."""
    confidence, right = np.full(10, 0.5), np.array([1.0] * 5 + [0.0] * 5)
    assert calibration_error(confidence, right, bins=2) == calibration_error(confidence, right[::-1], bins=2) == 0.0


def test_more_bins_than_items_is_a_bin_each_and_another_binning_is_refused() -> None:
    assert calibration_error(np.array([0.8]), np.array([0.0])) == pytest.approx(0.8)
    with pytest.raises(InvalidConfig, match="mass, width"):
        calibration_error(CONFIDENCE, RIGHT, binning="height")


def test_the_brier_score_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), size=30)
    gold = rng.integers(0, 4, 30)
    expected = brier_score_loss(gold, probabilities, labels=[0, 1, 2, 3], scale_by_half=False)
    assert brier_score(probabilities, gold) == pytest.approx(expected)
    assert brier_score(np.array([[0.0, 1.0]]), np.array([0])) == 2.0
