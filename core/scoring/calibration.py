"""Calibration of label scores: contextual, batch, domain-context, and with the belief without demonstrations. Pure functions of arrays.

Shapes: B queries, L labels. Scores are log p(label | prompt), nats, not normalised over the labels.
"""

import numpy as np

from core.errors import InvalidConfig


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Normalise over the last axis."""
    shifted = scores - scores.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def contextual(scores: np.ndarray, content_free: np.ndarray) -> np.ndarray:
    """Divide by the probabilities of a content-free query (Zhao et al. 2021, arXiv 2102.09690, section 5).

    ``scores`` ``(B, L)``, ``content_free`` ``(L,)`` from the same demonstrations; returns log-probabilities ``(B, L)``.
    """
    return log_softmax(log_softmax(scores) - log_softmax(content_free))


def batch(scores: np.ndarray) -> np.ndarray:
    """Subtract the mean log-probability of each label over an unlabelled batch (Zhou et al. 2023, arXiv 2309.17249).

    ``scores`` ``(B, L)``; returns log-probabilities ``(B, L)``. Needs no further forward pass. One row calibrates to uniform, so
    a batch of fewer than two is refused.
    """
    if len(scores) < 2:
        raise InvalidConfig(f"Batch calibration saw {len(scores)} query; it needs at least 2 to estimate a mean.")
    logs = log_softmax(scores)
    return log_softmax(logs - logs.mean(0))


def kl_divergence(first: np.ndarray, second: np.ndarray) -> float:
    """KL(first || second) of two log-score vectors ``(L,)``, each normalised over the labels; nats, >= 0."""
    p, q = log_softmax(first), log_softmax(second)
    return float(max(0.0, (np.exp(p) * (p - q)).sum()))


def domain(scores: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Divide by the labels' prior under the prompt (Fei et al. 2023, arXiv 2305.19148, section 4).

    ``scores`` ``(..., L)``, ``prior`` ``(L,)`` log of the mean probabilities over unlabelled texts; returns log-probabilities.
    """
    return log_softmax(log_softmax(scores) - log_softmax(prior))


def with_prior_belief(evidence: np.ndarray, belief: np.ndarray) -> np.ndarray:
    """Add the belief without demonstrations to the evidence with them, both calibrated log-probabilities ``(..., L)``.

    A product of experts with equal weights: what a model holds before it sees demonstrations is information of its own.
    """
    return log_softmax(log_softmax(evidence) + log_softmax(belief))
