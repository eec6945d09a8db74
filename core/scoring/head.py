"""The output head of a language model, projected at chosen positions and for chosen words only.

Over a vocabulary of 262,144 words the head costs as much for one position as the body of a small model costs for several, so no score
projects more than it needs. Two quantities are told apart:

- the exact ``log p(word | prefix)``, which needs the log-normaliser over the whole vocabulary at its position;
- the logit of a word, without the normaliser, for words that are compared at one position: there the normaliser cancels.

The normaliser is summed up over blocks of the vocabulary: ``positions x vocabulary`` is never held in memory at once.
Shapes: P positions, W pairs of a position and a word, H hidden, V words.
"""

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BLOCK = 1 << 22  # logits held at once: positions times a block of the vocabulary
_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}  # nats, of the probe
_TOLERANCE_LOW = 0.25  # nats, of the probe in half precision: the network rounds its logits


class Head:
    """The head of one network."""

    def __init__(self, network: "PreTrainedModel") -> None:
        """Reads the weights at each call, so that it follows training."""
        self.network = network
        softcap = getattr(network.config.get_text_config(), "final_logit_softcapping", None)
        self._softcap = float(softcap) if softcap else None

    def states(self, **inputs: Any) -> torch.Tensor:
        """Last hidden states ``(R, T, H)`` of the body."""
        states: torch.Tensor = self.network.get_decoder()(**inputs)[0]
        return states

    def logits(self, states: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Logit of each word at its own position: ``states`` ``(W, H)``, ``words`` ``(W,)``; ``(W,)`` float32, not normalised."""
        layer = self.network.get_output_embeddings()
        values = (states.float() * layer.weight[words].float()).sum(-1)
        if getattr(layer, "bias", None) is not None:
            values = values + layer.bias[words].float()
        return self._capped(values)

    def normalisers(self, states: torch.Tensor) -> torch.Tensor:
        """``log sum exp`` of the logits over the whole vocabulary at each position: ``(P, H)`` to ``(P,)`` float32."""
        layer = self.network.get_output_embeddings()
        size = layer.weight.shape[0]
        step = max(1024, BLOCK // max(1, len(states)))
        sums = []
        for start in range(0, size, step):
            block = torch.nn.functional.linear(
                states,
                layer.weight[start : start + step],
                None if layer.bias is None else layer.bias[start : start + step],
            )
            sums.append(torch.logsumexp(self._capped(block.float()), -1))
        return torch.logsumexp(torch.stack(sums), 0)

    def _capped(self, logits: torch.Tensor) -> torch.Tensor:
        return logits if self._softcap is None else self._softcap * torch.tanh(logits / self._softcap)

    @torch.inference_mode()
    def passes_probe(self, tokens: list[int]) -> bool:
        """Whether body and head, apart, give the network's own log-probabilities of ``tokens``: some models scale their logits."""
        layer = self.network.get_output_embeddings()
        if self.network.get_decoder() is None or getattr(layer, "weight", None) is None or not hasattr(layer, "bias"):
            return False
        ids = torch.tensor([tokens], device=self.network.device)
        try:
            expected = self.network(input_ids=ids).logits[0, :-1].float().log_softmax(-1)
            states = self.states(input_ids=ids)[0, :-1]
            logs = self.logits(states, ids[0, 1:]) - self.normalisers(states)
        except (AttributeError, TypeError, RuntimeError, NotImplementedError):
            return False
        apart = (logs - expected.gather(1, ids[0, 1:, None])[:, 0]).abs().max()
        return bool(apart <= _TOLERANCE.get(self.network.dtype, _TOLERANCE_LOW))
