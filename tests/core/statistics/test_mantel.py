"""The Mantel test against scipy's correlation."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from core.statistics.mantel import mantel


def test_mantel_is_spearman_over_pairs_and_its_p_counts_exchanges_of_languages() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(9, 2))
    far = np.linalg.norm(points[:, None] - points[None], axis=-1)
    noisy = far + 0.05 * (noise := rng.normal(size=(9, 9))) + 0.05 * noise.T
    upper = np.triu_indices(9, 1)
    found = mantel(noisy, far, draws=200)
    assert found is not None
    assert found.spearman == pytest.approx(spearmanr(noisy[upper], far[upper]).statistic)
    assert found.p == pytest.approx(1 / 201)  # no exchange comes near
    assert mantel(far[:3, :3], far[:3, :3]) is None
    assert mantel(np.ones((5, 5)), far[:5, :5]) is None
