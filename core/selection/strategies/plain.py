"""Strategies that do not read the query: none, random, random with balanced labels."""

from collections.abc import Sequence

import torch

from core.records import Selection
from core.selection.strategies.base import Candidates, Strategy


class ZeroShot(Strategy):
    """No demonstrations."""

    name = "zero-shot"
    title = "None (zero-shot)"
    needs_k = False

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose nothing."""
        return candidates.selection(self.name, [])


class RandomChoice(Strategy):
    """Uniform over usable candidates, no item twice."""

    name = "random"
    title = "Random"
    seeded = True

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose by the seed and the query."""
        keys = torch.rand(len(candidates.pool), generator=candidates.generator())
        return candidates.selection(self.name, candidates.best(keys, count).tolist())


class BalancedRandom(Strategy):
    """Random, taking the labels in turn (in random order), so that none is shown twice before all were shown once."""

    name = "balanced"
    title = "Random, labels balanced"
    seeded = True

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose label by label; a label without candidates left is passed over."""
        keys = torch.rand(len(candidates.pool), generator=candidates.generator())
        order = candidates.best(keys, candidates.items).tolist()
        return candidates.selection(self.name, in_turn(candidates, order, count))


def in_turn(candidates: Candidates, order: Sequence[int], count: int) -> list[int]:
    """``count`` of the indices in ``order``, label after label in the order of their first; a label that ran out is passed over."""
    queues: dict[str, list[int]] = {}
    for index in order:
        queues.setdefault(candidates.pool.examples[index].label, []).append(index)
    chosen: list[int] = []
    while len(chosen) < count and any(queues.values()):
        for queue in queues.values():
            if queue and len(chosen) < count:
                chosen.append(queue.pop(0))
    return chosen
