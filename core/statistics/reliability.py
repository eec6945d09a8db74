"""Whether probabilities mean what they say. Pure functions of arrays; B items, L labels."""

import numpy as np

from core.errors import InvalidConfig

BINNINGS = ("mass", "width")


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10, binning: str = "mass") -> float:
    """Expected calibration error, sum over bins of share * |accuracy - mean confidence|, in [0, 1].

    ``confidence`` ``(B,)`` in [0, 1], ``right`` ``(B,)`` 0 or 1. ``binning`` "mass": bins of equally many items in order of confidence
    (Nixon et al. 2019, arXiv 1904.01685); "width": bins of equal width (Guo et al. 2017, arXiv 1706.04599). Items of equal confidence
    share their mean accuracy, so that their order does not matter. Fewer items than bins: a bin each.
    """
    if binning not in BINNINGS:
        raise InvalidConfig(f"There is no binning {binning!r}; choose one of {', '.join(BINNINGS)}.")
    levels, level_of = np.unique(np.asarray(confidence, dtype=float), return_inverse=True)  # sorted
    shared = (np.bincount(level_of, right) / np.bincount(level_of))[level_of]
    order = np.argsort(confidence, kind="stable")
    gaps = shared[order] - levels[level_of[order]]
    if binning == "mass":
        parts = np.array_split(gaps, min(bins, len(gaps)))
    else:
        which = np.minimum((levels[level_of[order]] * bins).astype(int), bins - 1)
        parts = [gaps[which == number] for number in range(bins)]
    return float(sum(abs(part.sum()) for part in parts) / len(gaps))


def brier_score(probabilities: np.ndarray, gold: np.ndarray) -> float:
    """Mean squared distance to the right answer, sum over labels (Brier 1950), in [0, 2]; 0 is best.

    ``probabilities`` ``(B, L)`` rows sum to 1, ``gold`` ``(B,)`` indexes of the right labels.
    """
    target = np.eye(probabilities.shape[1])[gold]
    return float(((probabilities - target) ** 2).sum(1).mean())
