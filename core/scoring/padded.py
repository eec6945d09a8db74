"""Scoring by plain padded batches: right for every causal architecture, computes shared prefixes again and again.

Padding stands on the right, where a causal model cannot see it from earlier positions.
"""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.scoring.head import Head
from core.scoring.trie import Target

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PaddedScorer:
    """Scores targets in batches of similar length."""

    def __init__(self, network: "PreTrainedModel", budget: int, pad: int, head: Head | None = None) -> None:
        """``budget``: tokens of one batch, padding included; ``head``: None for full logits."""
        self.network, self.budget, self.pad, self.head = network, budget, pad, head
        self._keeps = "logits_to_keep" in inspect.signature(network.forward).parameters

    @torch.inference_mode()
    def score(self, targets: Sequence[Target]) -> list[np.ndarray]:
        """Log-probability of every token of each answer, one array per target, nats."""
        order = sorted(range(len(targets)), key=lambda i: len(targets[i].tokens))
        results: list[np.ndarray] = [np.empty(0)] * len(targets)
        end = len(order)
        while end > 0:  # longest first, so that running out of memory shows at once
            size = max(1, min(end, self.budget // len(targets[order[end - 1]].tokens)))
            batch = order[end - size : end]
            for index, values in zip(batch, self._batch([targets[i] for i in batch]), strict=True):
                results[index] = values
            end -= size
        return results

    def _batch(self, targets: list[Target]) -> list[np.ndarray]:
        length = max(len(target.inputs) for target in targets)
        device = self.network.device
        ids = torch.tensor([list(t.inputs) + [self.pad] * (length - len(t.inputs)) for t in targets], device=device)
        mask = torch.tensor([[1] * len(t.inputs) + [0] * (length - len(t.inputs)) for t in targets], device=device)
        if self.head is not None:
            states = self.head.states(input_ids=ids, attention_mask=mask, use_cache=False)
            return [self._needed(states[row], target) for row, target in enumerate(targets)]
        first = min(target.first for target in targets) - 1
        extra = {"logits_to_keep": length - first} if self._keeps else {}
        logits = self.network(input_ids=ids, attention_mask=mask, use_cache=False, **extra).logits
        offset = first if self._keeps else 0
        values = []
        for row, target in enumerate(targets):
            positions = torch.arange(target.first - 1 - offset, len(target.tokens) - 1 - offset, device=device)
            logs = logits[row, positions].float().log_softmax(-1)
            tokens = torch.tensor(target.tokens[target.first :], device=device)
            values.append(logs[torch.arange(len(tokens), device=device), tokens].cpu().numpy())
        return values

    def _needed(self, states: torch.Tensor, target: Target) -> np.ndarray:
        """Of one row, from its states ``(T, H)``."""
        assert self.head is not None
        needed = states[target.first - 1 : len(target.tokens) - 1]
        tokens = torch.tensor(target.tokens[target.first :], device=states.device)
        values = self.head.logits(needed, tokens)
        first = 1 if target.relative else 0
        if len(tokens) > first:
            values[first:] -= self.head.normalisers(needed[first:])
        return np.asarray(values.cpu().numpy())
