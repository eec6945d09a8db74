"""Rewards of scored candidates, with labels and without: pure functions of arrays.

Shapes: Q queries, M candidates of a query, L labels. Scores are calibrated log-probabilities, normalised over the labels, in nats.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import InvalidConfig


@dataclass(frozen=True)
class Targets:
    """What every candidate is worth, and how sure that is."""

    rewards: np.ndarray  # (Q, M) nats, mean 0 over the candidates of a query
    weights: np.ndarray  # (Q,) in [0, 1]: how much a query counts
    means: np.ndarray  # (Q,) nats: what was taken off the rewards of a query
    labels: np.ndarray  # (Q, L) the label distribution that the rewards stand for, its mean over the candidates

    @property
    def best(self) -> np.ndarray:
        """The likeliest label of every query, ``(Q,)`` int64."""
        return np.asarray(self.labels.argmax(-1))


def supervised(scores: np.ndarray, gold: np.ndarray) -> Targets:
    """``log p(y*|x,c)`` less its mean over the query's candidates; ``scores`` ``(Q, M, L)``, ``gold`` ``(Q,)`` int64."""
    labels = np.eye(scores.shape[-1])[gold]
    return _targets((scores * labels[:, None]).sum(-1), np.ones(len(gold)), labels)


def self_supervised(scores: np.ndarray, zero_shot: np.ndarray, second: np.ndarray | None = None) -> Targets:
    """Log-probability that an answer under c_m agrees with other evidence, ``log sum_y t_m(y) p(y|x,c_m)``, less the query's mean.

    With all of ``t`` on one label it is the supervised reward of that label. The cross-entropy ``sum_y t(y) log p(y)`` would not do: under
    an unsure target it rewards the candidate that makes the model hesitate.

    The target ``t_m`` of candidate m is the mean of p(y|x,c) over the *other* candidates, zero-shot and the answer in a second language: m
    itself is left out, so that no candidate can confirm itself. A query's weight is how sure its target is: the margin between its two
    likeliest labels, the least over the candidates' targets. ``scores`` ``(Q, M, L)``; ``zero_shot`` and ``second`` ``(Q, L)``.
    Self-consistency (Wang et al. 2023, arXiv 2203.11171) with demonstrations instead of sampled reasoning.
    """
    targets = leave_one_out_targets(scores, zero_shot, second)
    ordered = np.sort(targets, axis=-1)
    margins = (ordered[..., -1] - ordered[..., -2]).min(-1)
    return _targets(np.log((targets * np.exp(scores)).sum(-1)), margins, targets.mean(1))


def leave_one_out_targets(scores: np.ndarray, zero_shot: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
    """``t`` ``(Q, M, L)``, each row a distribution that does not depend on its own candidate's scores.

    Raises ``InvalidConfig`` for a single candidate: nobody else could say anything.
    """
    count = scores.shape[1]
    if count < 2:
        raise InvalidConfig("A query has 1 candidate; a target of the others needs 2 or more, raise bank.candidates.")
    others = [np.exp(zero_shot), *([] if second is None else [np.exp(second)])]
    p = np.exp(scores)
    total = p.sum(1, keepdims=True) - p + sum(others)[:, None]
    return np.asarray(total / (count - 1 + len(others)))


def own_labels(zero_shot: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
    """The labels ``(N,)`` int64 that the model itself gives to the texts of a pool, from ``(N, L)`` without demonstrations.

    With them instead of the pool's gold labels a run sees no label at all.
    """
    p = np.exp(zero_shot) + (0.0 if second is None else np.exp(second))
    return np.asarray(p.argmax(-1))


def _targets(values: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> Targets:
    means = values.mean(1)
    return Targets(values - means[:, None], weights, means, labels)
