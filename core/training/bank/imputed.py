"""Rewards of candidates that were never scored, imputed from those that were: what a demonstration with such a label was worth on average.

A bank scores a few candidates of a query, and a pool has thousands. With one demonstration a model mostly follows its label, so the mean
reward of the scored candidates by the query's label and the candidate's says most of what a score would; what is left, which example of
a label is the better one, is learnt from the scored ones alone. No forward pass is needed.

Shapes: Q queries, M candidates of a query, N examples of the pool, L labels.
"""

import numpy as np


def label_table(rewards: np.ndarray, targets: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean reward ``(L, L)`` in nats by the query's label (rows) and the candidate's (columns).

    ``rewards`` ``(Q, M)`` in nats, ``targets`` ``(Q, L)`` the label distribution of every query, ``labels`` ``(Q, M)`` int64 those of its
    candidates. A pair of labels is drawn towards the mean of its kind (equal labels, or different ones) as if one more candidate with that
    mean had been scored, so a pair that was never seen has it.
    """
    count = targets.shape[1]
    columns = np.eye(count)[labels]  # (Q, M, L)
    weights = np.einsum("qa,qmb->ab", targets, columns)
    sums = np.einsum("qa,qm,qmb->ab", targets, rewards, columns)
    same = np.eye(count, dtype=bool)
    prior = np.zeros((count, count))
    for kind in (same, ~same):
        prior[kind] = sums[kind].sum() / max(weights[kind].sum(), 1e-12)
    return np.asarray((sums + prior) / (weights + 1))


def imputed_rewards(table: np.ndarray, targets: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``(Q, N)`` nats: the mean of ``table`` ``(L, L)`` over ``targets`` ``(Q, L)``, for candidates with ``labels`` ``(N,)`` int64."""
    return np.asarray((targets @ table)[:, labels])
