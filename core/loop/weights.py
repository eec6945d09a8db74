"""What learns, and earlier states of it: the model before training (reference) and its running mean (EMA).

Both hold only the parameters that learn, so that with LoRA they cost as little as the adapter, and no second model is ever in
memory: a state is put in place for the time of a block and taken out again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Snapshot:
    """One state of a module's trainable parameters."""

    def __init__(self, module: nn.Module) -> None:
        """Copies the parameters as they are."""
        self._live = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self.values = {name: parameter.detach().clone() for name, parameter in self._live.items()}

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move towards the live parameters: ``value = decay value + (1 - decay) live``."""
        for name, parameter in self._live.items():
            self.values[name].lerp_(parameter.detach(), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the module has these parameters.

        Data are exchanged, not written over, so a graph built before the block may be differentiated after it.
        """
        kept = {name: parameter.data for name, parameter in self._live.items()}
        self._put(self.values)
        try:
            yield
        finally:
            self._put(kept)

    def _put(self, values: dict[str, torch.Tensor]) -> None:
        for name, parameter in self._live.items():
            parameter.data = values[name]
