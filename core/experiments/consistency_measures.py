"""Agreement of a model's answers to one item asked in several languages, in the part of raters that agree on labels; and how far apart
two languages are.

Shapes: S seeds, I items, R languages, L labels, P pairs of languages, D draws. Answers are label numbers ``(S, I, R)``. Intervals draw
items; all languages and seeds of an item are drawn together.
"""

from collections.abc import Sequence
from math import asin, cos, radians, sin, sqrt

import numpy as np

from core.languages import UNKNOWN, language_facts
from core.statistics.bootstrap import DRAWS, percentiles, resampled
from core.statistics.values import Interval

RADIUS = 6371.0  # of the earth, km


def kilometres(first: str, second: str) -> float | None:
    """Great-circle distance of two languages by code (haversine); None where coordinates are not known."""
    a, b = language_facts(first), language_facts(second)
    if a.latitude is None or a.longitude is None or b.latitude is None or b.longitude is None:
        return None
    up, over = radians(b.latitude - a.latitude), radians(b.longitude - a.longitude)
    half = sin(up / 2) ** 2 + cos(radians(a.latitude)) * cos(radians(b.latitude)) * sin(over / 2) ** 2
    return 2 * RADIUS * asin(sqrt(min(1.0, half)))


def same_family(first: str, second: str) -> bool | None:
    """Whether two languages are of one family; None where one is not known."""
    a, b = language_facts(first).family, language_facts(second).family
    return None if UNKNOWN in (a, b) else a == b


def counted(answers: np.ndarray, labels: int) -> np.ndarray:
    """How many languages gave each label, ``(S, I, L)``."""
    return np.stack([(answers == label).sum(-1) for label in range(labels)], axis=-1).astype(float)


def item_agreement(counts: np.ndarray) -> np.ndarray:
    """Share of pairs of languages with equal answers, by item, mean over seeds: ``(I,)`` in [0, 1] from ``(S, I, L)``."""
    raters = counts.sum(-1)
    pairs: np.ndarray = ((counts**2).sum(-1) - raters) / (raters * (raters - 1))
    return np.asarray(pairs.mean(0))


def unanimous(counts: np.ndarray) -> np.ndarray:
    """Share of seeds under which all languages answer alike, by item: ``(I,)``."""
    alike: np.ndarray = counts.max(-1) == counts.sum(-1)
    return np.asarray(alike.mean(0))


def fleiss_kappa(counts: np.ndarray, draws: int = DRAWS, seed: int = 0) -> Interval | None:
    """Agreement beyond chance over all languages (Fleiss 1971), with its interval over items; None where all answers are one label.

    Several seeds of an item count as subjects that are drawn together. Draws in which all answers are one label are left out.
    """
    agreed, shares = item_agreement(counts), (counts / counts.sum(-1, keepdims=True)).mean(0)  # (I,), (I, L)
    totals = np.column_stack([agreed, shares])

    def kappa(means: np.ndarray) -> np.ndarray:
        return _beyond(means[:, 0], (means[:, 1:] ** 2).sum(-1))

    whole = float(kappa(totals.mean(0, keepdims=True))[0])
    return None if np.isnan(whole) else percentiles(whole, kappa(resampled(totals, draws, seed) / len(totals)))


def pair_equal(answers: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Whether two languages answer alike, mean over seeds: ``(I, P)``."""
    return np.stack([(answers[:, :, a] == answers[:, :, b]).mean(0) for a, b in pairs], axis=-1)


def cohen_kappas(answers: np.ndarray, pairs: Sequence[tuple[int, int]], labels: int) -> np.ndarray:
    """Agreement of each pair beyond chance (Cohen 1960): ``(P,)``, NaN where both languages give one and the same label only.

    Chance is what the two languages' own label shares make of it, so two languages that always answer "travel" do not count as agreeing.
    """
    shares = np.stack([(answers == label).mean((0, 1)) for label in range(labels)], axis=-1)  # (R, L)
    equal = pair_equal(answers, pairs).mean(0)
    return _beyond(equal, np.array([shares[a] @ shares[b] for a, b in pairs]))


def _beyond(equal: np.ndarray, chance: np.ndarray) -> np.ndarray:
    largest = 1 - chance
    return np.asarray(np.divide(equal - chance, largest, out=np.full(largest.shape, np.nan), where=largest > 1e-12))
