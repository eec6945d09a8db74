"""A determinantal point process over candidates: a set that is relevant as a whole and repeats itself little.

Shapes: M candidates considered, K chosen, E dimensions.
"""

import torch

from core.records import Selection
from core.selection.strategies.base import Candidates, Strategy

LEAST = 1e-10  # squared distance to the span of what is chosen below which a candidate adds nothing


class Determinantal(Strategy):
    """The most probable set of a k-DPP (Kulesza and Taskar 2012, arXiv 1207.6083), found greedily.

    Kernel as in CEIL (Ye et al. 2023, arXiv 2302.05698): ``L = diag(exp(r / 2 trade)) S diag(exp(r / 2 trade))`` with relevance
    ``r_i`` and similarity ``S_ij`` cosines of the sentence encoder, moved to [0, 1] by ``(1 + cos) / 2``; so ``log det L_C = sum r /
    trade + log det S_C``. CEIL trains the encoder by this likelihood; here it is used as it is. Only the ``nearest`` items are
    considered, each by its nearest translation.
    """

    name = "dpp"
    title = "Diverse set (DPP)"
    needs = frozenset({"encoder"})
    nearest = 100  # items considered
    trade = 0.1  # weight of relevance is its inverse

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose greedily; the score of a demonstration is what it added to ``log det L``, nats."""
        cosine = candidates.relevance()
        near = candidates.best(cosine, min(candidates.items, max(self.nearest, count)))
        vectors = candidates.index.encoder_vectors()[near].double()
        relevance = (1 + cosine[near].double()) / 2 / self.trade
        indices, gains = greedy_map(relevance, (1 + vectors @ vectors.T) / 2, count)
        chosen = near[indices].tolist()
        added = dict(zip(chosen, gains.tolist(), strict=True))
        return candidates.selection(self.name, chosen, lambda i: added[i])


def greedy_map(relevance: torch.Tensor, similarity: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``count`` different indexes ``(K,)`` and what each added to ``log det L`` ``(K,)``, nats.

    ``relevance`` ``(M,)`` is the logarithm of the kernel's diagonal scale, ``similarity`` ``(M, M)`` positive semidefinite. Every step
    takes the example that adds most, through one more row of the Cholesky factor for all examples at once (Chen et al. 2018, arXiv
    1709.05135, algorithm 1): exact, O(M K) a step. What the chosen span already has a residual clamped at ``LEAST``, so past the
    rank of ``similarity`` relevance decides.
    """
    residual = similarity.diagonal().clone()
    rows = similarity.new_zeros(count, len(residual))
    remaining = torch.ones_like(residual, dtype=torch.bool)
    indices, gains = [], []
    for step in range(count):
        gain = (relevance + residual.clamp_min(LEAST).log()).masked_fill(~remaining, -torch.inf)
        index = int(gain.argmax())
        indices.append(index)
        gains.append(gain[index])
        remaining[index] = False
        if residual[index] > LEAST:
            rows[step] = (similarity[index] - rows[:step, index] @ rows[:step]) / residual[index].sqrt()
            residual = residual - rows[step].square()
    return torch.tensor(indices), torch.stack(gains)
