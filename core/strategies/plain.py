"""Strategies that do not read the query: none, random, random with balanced labels."""

import torch

from core.records import Selection
from core.strategies.base import Candidates


class ZeroShot:
    """No demonstrations."""

    name = "zero-shot"
    needs_k = False

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose nothing."""
        return candidates.selection(self.name, [])


class RandomChoice:
    """Uniform over usable candidates, no item twice."""

    name = "random"
    needs_k = True

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose by the seed and the query."""
        keys = torch.rand(len(candidates.pool), generator=candidates.generator())
        return candidates.selection(self.name, candidates.best(keys, count).tolist())


class BalancedRandom:
    """Random, taking the labels in turn (in random order), so that none is shown twice before all were shown once."""

    name = "balanced"
    needs_k = True

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose label by label; a label without candidates left is passed over."""
        keys = torch.rand(len(candidates.pool), generator=candidates.generator())
        order = candidates.best(keys, len(torch.unique(candidates.groups[candidates.usable_mask]))).tolist()
        queues: dict[str, list[int]] = {}
        for index in order:  # dict order = random order of labels
            queues.setdefault(candidates.pool.examples[index].label, []).append(index)
        chosen: list[int] = []
        while len(chosen) < count and any(queues.values()):
            for queue in queues.values():
                if queue and len(chosen) < count:
                    chosen.append(queue.pop(0))
        return candidates.selection(self.name, chosen)
