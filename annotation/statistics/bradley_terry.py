"""Strengths of systems from paired comparisons with ties: Bradley and Terry (1952) with ties by Davidson (1970).

P(i beats j) = s_i / d, P(tie) = v sqrt(s_i s_j) / d with d = s_i + s_j + v sqrt(s_i s_j) and v >= 0 (Davidson, "On Extending the
Bradley-Terry Model to Accommodate Ties in Paired Comparison Experiments", JASA 65, equations 2.2 and 2.3). In logarithms,
l = log s and t = log v, it is an exponential family, so the likelihood is concave and Newton's method finds its maximum. Without ties
v is 0, which is the model of Bradley and Terry.

Shapes: `S` systems, `D` data sets fitted together (the whole, then resamples).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEPS = 60
TOLERANCE = 1e-9  # of the largest gradient, per comparison
FURTHEST = 2.0  # a step changes no logarithm by more
SPARE = (
    5.0  # beyond twice the logarithm of the comparisons: a gap between neighbours that no data of this size can show
)


def is_connected(wins: Floats, ties: Floats) -> bool:
    """Whether a finite maximum exists (Ford 1957): however systems are split in two, each side beat or tied one of the other."""
    beats = (wins + ties) > 0
    reach = beats | np.eye(len(beats), dtype=bool)
    for _ in range(len(beats)):
        reach = reach | (reach.astype(int) @ reach.astype(int) > 0)
    return bool(reach.all())


def fit(wins: Floats, ties: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Maximum-likelihood log-strengths `(D, S)` that sum to 0, log tie parameters `(D,)`, and which have converged `(D,)`.

    `wins` `(D, S, S)`: how often the row beat the column; `ties` `(D, S, S)`: how often they were equal, symmetric. The tie
    parameter is -inf without a tie. A data set without a finite maximum does not converge: its gradient vanishes on the way to
    infinity, as where a system ties with others and never loses (a growing tie parameter lets its strength grow), so a gap counts too.
    """
    sets, systems = wins.shape[:2]
    strengths, tie = np.zeros((sets, systems)), np.zeros(sets)
    any_tie = ties.sum((1, 2)) > 0
    pairs = np.triu_indices(systems, 1)
    first, second = pairs
    won, lost, tied = wins[:, first, second], wins[:, second, first], ties[:, first, second]  # (D, pairs)
    number = won + lost + tied
    ready = np.zeros(sets, dtype=bool)
    for _ in range(STEPS):
        gradient, curvature = _derivatives(strengths, tie, any_tie, (won, lost, tied, number), pairs)
        ready = np.abs(gradient).max(1) <= TOLERANCE * np.maximum(number.sum(1), 1)
        if ready.all():
            break
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        step /= np.maximum(1, np.abs(step).max(1) / FURTHEST)[:, None]
        step[ready] = 0
        strengths += step[:, :systems]
        tie += np.where(any_tie, step[:, systems], 0)
        strengths -= strengths.mean(1, keepdims=True)
    gaps = np.diff(np.sort(strengths, axis=1), axis=1).max(1, initial=0.0)
    ready &= gaps <= 2 * np.log(np.maximum(number.sum(1), 1)) + SPARE
    return strengths, np.where(any_tie, tie, -np.inf), ready


def _derivatives(
    strengths: Floats,
    tie: Floats,
    any_tie: NDArray[np.bool_],
    counts: tuple[Floats, Floats, Floats, Floats],
    pairs: tuple[NDArray[np.intp], ...],
) -> tuple[Floats, Floats]:
    """Gradient `(D, S + 1)` and negative Hessian `(D, S + 1, S + 1)` of the log-likelihood, made regular along the directions
    that change nothing (all strengths together; the tie parameter where there are no ties).
    """
    won, lost, tied, number = counts
    first, second = pairs
    systems = strengths.shape[1]
    one, other = strengths[:, first], strengths[:, second]
    middle = np.where(any_tie[:, None], tie[:, None] + (one + other) / 2, -np.inf)
    logits = np.stack([one, other, middle])
    chance = np.exp(logits - logits.max(0))
    chance /= chance.sum(0)  # of: first wins, second wins, tie
    expected = number * chance
    # What each outcome adds to the exponents of: the first system, the second, the tie parameter.
    adds = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 1.0]])
    observed = np.stack([won, lost, tied])
    residual = np.einsum("oa,odp->adp", adds, observed - expected)
    mean = np.einsum("oa,odp->adp", adds, chance)
    square = np.einsum("oa,ob,odp->abdp", adds, adds, chance) - mean[:, None] * mean[None, :]
    square = square * number
    gradient = np.zeros((len(strengths), systems + 1))
    curvature = np.zeros((len(strengths), systems + 1, systems + 1))
    for pair, (row, column) in enumerate(zip(first, second, strict=True)):
        where = (row, column, systems)
        for a in range(3):
            gradient[:, where[a]] += residual[a, :, pair]
            for b in range(3):
                curvature[:, where[a], where[b]] += square[a, b, :, pair]
    curvature[:, :systems, :systems] += 1.0 / systems
    curvature[:, systems, systems] += np.where(any_tie, 0.0, 1.0)
    curvature += 1e-12 * np.eye(systems + 1)
    gradient[:, systems] = np.where(any_tie, gradient[:, systems], 0.0)
    return gradient, curvature


def chances(strength: float, other: float, tie: float) -> tuple[float, float, float]:
    """The model's chances that the first wins, of a tie, and that the second wins."""
    weights = np.exp(np.array([strength, tie + (strength + other) / 2, other]))
    first, equal, second = weights / weights.sum()
    return float(first), float(equal), float(second)
