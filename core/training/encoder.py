"""The language model as its own encoder: ``z`` with a gradient, and the earlier states of the weights that losses compare with.

A ``Snapshot`` holds one state of the parameters that learn: the untrained one (reference), or their running mean (EMA). With LoRA it costs
as little as the adapter, and no second model is ever in memory: a state is applied for the time of a block.

Shapes: N texts, H hidden size, D dimensions.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from torch import nn

from core.models.devices import multiplies_bf16
from core.models.embeddings import Projection, SentenceVectors, encoded_texts, mean_states
from core.models.loading import LanguageModel
from core.training.config import FitConfig


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
    def applied(self) -> Iterator[None]:
        """Within the block the module has these parameters.

        Data are exchanged, not written over, so a graph built before the block may be differentiated after it.
        """
        live = {name: parameter.data for name, parameter in self._live.items()}
        self._put(self.values)
        try:
            yield
        finally:
            self._put(live)

    def _put(self, values: dict[str, torch.Tensor]) -> None:
        for name, parameter in self._live.items():
            parameter.data = values[name]


BATCH_TOKENS = 4096  # of texts that are encoded together


class SelfEncoder(nn.Module):
    """What learns: the language model as far as set, the policy's projection and its temperature."""

    def __init__(self, model: LanguageModel, vectors: SentenceVectors, centre: Projection, config: FitConfig) -> None:
        """``vectors`` are the untrained model's; ``centre`` holds the language means that are taken off.

        ``untrained_centre`` stays as it is, for the untrained vectors.
        """
        super().__init__()
        self.model, self.config, self.untrained = model, config, vectors
        self.centre = self.untrained_centre = centre
        self.network = model.network
        self.network.requires_grad_(config.optim.trained == "full")
        if config.optim.trained == "lora":
            for name, parameter in self.network.named_parameters():
                parameter.requires_grad_("lora_" in name)
        self.projection = nn.Parameter(torch.eye(centre.overall.shape[0], device=model.device))
        self.log_temperature = nn.Parameter(torch.tensor(float(np.log(config.policy.temperature)), device=model.device))
        learns_head = config.bank.queries > 0 and config.choice.head
        self.head = nn.Parameter(torch.zeros(centre.overall.shape[0], device=model.device), requires_grad=learns_head)
        self.reference = Snapshot(self)
        self.average = Snapshot(self)

    @property
    def temperature(self) -> float:
        """The policy's temperature, in units of cosine."""
        return float(self.log_temperature.detach().exp())

    def in_half(self) -> AbstractContextManager[None]:
        """Matrix products in bfloat16 where set and the device has them. One block per state of the weights: it remembers its casts."""
        return torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=self.computes_half)

    @property
    def computes_half(self) -> bool:
        """Whether ``in_half`` changes anything."""
        return self.config.optim.bf16 and multiplies_bf16(self.model.device)

    def raw(self, texts: Sequence[str]) -> torch.Tensor:
        """``h`` ``(N, H)``, with a gradient where the language model learns; of similar length together, equal texts once."""
        if self.config.optim.trained == "policy":
            return torch.from_numpy(self.untrained.raw(texts)).to(self.model.device)
        distinct = sorted(set(texts), key=lambda text: (len(text), text))
        encoded = encoded_texts(self.model, distinct)
        parts, start = [], 0
        while start < len(distinct):
            size = max(1, min(len(distinct) - start, BATCH_TOKENS // (len(encoded[start]) + 8)))
            parts.append(mean_states(self.model, self.untrained.layer, encoded[start : start + size]))
            start += size
        rows = {text: row for row, text in enumerate(distinct)}
        return torch.cat(parts)[torch.tensor([rows[text] for text in texts], device=self.model.device)]

    def project(
        self,
        raw: torch.Tensor,
        languages: Sequence[str],
        weight: torch.Tensor | None = None,
        untrained: bool = False,
        centre: Projection | None = None,
    ) -> torch.Tensor:
        """``z`` ``(N, D)``: unit vectors from ``h``; ``weight`` None: the identity; ``untrained``: ``raw`` is the untrained model's.

        ``centre``: language means to take off instead of the learner's own.
        """
        centre = centre or (self.untrained_centre if untrained else self.centre)
        means = np.stack([centre.means.get(code, centre.overall) for code in languages])
        centred = nn.functional.normalize(raw, dim=-1) - torch.from_numpy(means).to(raw)
        return nn.functional.normalize(centred if weight is None else centred @ weight.T, dim=-1)

    def untrained_vectors(self, texts: Sequence[str]) -> np.ndarray:
        """``h`` ``(N, H)`` of the untrained model, remembered. New texts go one by one: a vector then depends on nothing else."""
        missing = [text for text in dict.fromkeys(texts) if not self.untrained.knows([text])]
        if missing:
            with self.reference.applied():
                for text in missing:
                    self.untrained.raw([text])
        return self.untrained.raw(texts)
