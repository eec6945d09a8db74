"""Strategies on the sentence encoder's vectors: nearest neighbours, and neighbours that differ in label or from each other."""

import torch

from core.records import Selection
from core.selection.strategies.base import Candidates, Strategy
from core.selection.strategies.plain import in_turn


class Knn(Strategy):
    """The nearest candidates by cosine (KATE, Liu et al. 2022, arXiv 2101.06804)."""

    name = "knn"
    title = "Nearest neighbours (encoder)"
    needs = frozenset({"encoder"})

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose the nearest."""
        scores = candidates.relevance()
        return candidates.selection(self.name, candidates.best(scores, count).tolist(), lambda i: float(scores[i]))


class BalancedKnn(Strategy):
    """The nearest candidates by cosine, labels in turn: no label is shown twice before all were shown once.

    Labels come in the order of their nearest candidate. Of an item's translations the nearest stands for it.
    """

    name = "balanced-knn"
    title = "Nearest neighbours, labels balanced"
    needs = frozenset({"encoder"})
    closed = True

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose the nearest of one label after the other; a label without candidates left is passed over."""
        scores = candidates.relevance()
        order = candidates.best(scores, candidates.items).tolist()
        return candidates.selection(self.name, in_turn(candidates, order, count), lambda i: float(scores[i]))


class MaximalMarginalRelevance(Strategy):
    """MMR (Carbonell and Goldstein 1998): near to the query, far from what is chosen.

    Score ``balance * cos(x, c) - (1 - balance) * max over chosen cos(c, c')``.
    """

    name = "mmr"
    title = "Diverse neighbours (MMR)"
    needs = frozenset({"encoder"})
    balance = 0.7

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose greedily."""
        vectors = candidates.index.encoder_vectors()
        relevance = candidates.relevance()
        nearest = torch.zeros_like(relevance)
        remaining = candidates.usable_mask.clone()
        chosen: list[int] = []
        marginal: dict[int, float] = {}
        for _ in range(count):
            scores = self.balance * relevance - (1 - self.balance) * nearest
            index = int(scores.masked_fill(~remaining, -torch.inf).argmax())
            marginal[index] = float(scores[index])
            chosen.append(index)
            remaining &= candidates.groups != candidates.groups[index]
            similar = vectors @ vectors[index]
            nearest = similar if len(chosen) == 1 else torch.maximum(nearest, similar)
        return candidates.selection(self.name, chosen, lambda i: marginal[i])
