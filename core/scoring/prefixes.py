"""Keys and values of the contexts that were scored last, so that a later call reads only what is new after them.

Answers in further languages, calibration and leave-one-out share the instruction and the demonstrations with what was just scored.
The memory is bounded; the oldest context goes first. Dropped when the weights change (``clear``).
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from core.scoring.trie import shared_length

if TYPE_CHECKING:
    from transformers import DynamicCache

MEMORY = 96_000_000  # bytes of all stored keys and values


@dataclass(frozen=True)
class Base:
    """The first ``length`` tokens of a stored context; the default is no context."""

    tokens: tuple[int, ...] = ()
    length: int = 0


class PrefixStore:
    """Contexts by their tokens, least recently used first."""

    def __init__(self, memory: int = MEMORY) -> None:
        """``memory``: bytes at most."""
        self.memory = memory
        self._layers: OrderedDict[tuple[int, ...], list[tuple[torch.Tensor, torch.Tensor]]] = OrderedDict()

    @property
    def bytes(self) -> int:
        """Memory in use."""
        return sum(_bytes(layers) for layers in self._layers.values())

    def grouped(self, contexts: Sequence[tuple[int, ...]], least: int) -> dict[Base, list[int]]:
        """Indices of ``contexts`` by the longest stored prefix of at least ``least`` tokens that each begins with."""
        groups: dict[Base, list[int]] = {}
        bases: dict[tuple[int, ...], Base] = {}
        for index, context in enumerate(contexts):
            if context not in bases:
                lengths = {tokens: shared_length(tokens, context) for tokens in self._layers}
                best = max(lengths, key=lambda tokens: lengths[tokens], default=())
                bases[context] = Base(best, lengths[best]) if best and lengths[best] >= least else Base()
            groups.setdefault(bases[context], []).append(index)
        return groups

    def cache(self, base: Base) -> tuple["DynamicCache", int]:
        """A key-value cache that holds ``base``, to be extended, and its length in tokens."""
        from transformers import DynamicCache

        cache = DynamicCache()
        if base.tokens not in self._layers:  # none, or evicted by what was stored since
            return cache, 0
        if base.length:
            self._layers.move_to_end(base.tokens)
            for index, (keys, values) in enumerate(self._layers[base.tokens]):
                cache.update(keys[:, :, : base.length], values[:, :, : base.length], index)
        return cache, base.length

    def store(self, tokens: tuple[int, ...], cache: "DynamicCache", positions: Sequence[int]) -> None:
        """Keep the entries of ``cache`` at ``positions`` as those of ``tokens``, if they fit into the memory at all."""
        if tokens in self._layers or len(tokens) != len(positions):
            return
        chosen = torch.tensor(positions, device=cache.layers[0].keys.device)
        layers = [(layer.keys.index_select(2, chosen), layer.values.index_select(2, chosen)) for layer in cache.layers]
        if _bytes(layers) > self.memory:
            return
        self._layers[tokens] = layers
        while self.bytes > self.memory:
            self._layers.popitem(last=False)

    def clear(self) -> None:
        """Drop everything."""
        self._layers.clear()


def _bytes(layers: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> int:
    return sum(tensor.numel() * tensor.element_size() for pair in layers for tensor in pair)
