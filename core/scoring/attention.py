"""Attention masks of packed sequences for full and for sliding-window layers.

Which layers attend over a window only is read from the model's configuration (``sliding_window`` with ``layer_types``, as Gemma 2 and
3 and Qwen 3 have them, or ``sliding_window`` alone, as Mistral has it). True = may attend. Shapes: R rows, n nodes, P cached tokens.
"""

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FULL, SLIDING = "full_attention", "sliding_attention"  # layer types as transformers names them


def sliding_window(network: "PreTrainedModel") -> int | None:
    """Tokens that sliding-window layers attend over, the token itself among them; None where every layer attends over all."""
    settings = network.config.get_text_config()
    window = getattr(settings, "sliding_window", None)
    if not window or getattr(settings, "use_sliding_window", True) is False:
        return None
    return int(window)


def layer_masks(
    network: "PreTrainedModel", visible: torch.Tensor, queries: torch.Tensor, keys: torch.Tensor
) -> torch.Tensor | dict[str, torch.Tensor]:
    """The mask argument of the network for ``visible`` ``(R, n, P + n)`` bool.

    ``queries`` ``(R, n)`` and ``keys`` ``(R, P + n)`` are the depths of the nodes and of what they attend to, in tokens from the start
    of their sequence. One mask ``(R, 1, n, P + n)`` where all layers take the same, else one by layer type.
    """
    window, device = sliding_window(network), network.device
    full = _as_read(network, visible[:, None].to(device))
    if window is None or int(queries.max()) < window:
        return full
    near = (queries[:, :, None] - keys[:, None, :]) < window
    sliding = _as_read(network, (visible & near)[:, None].to(device))
    if FULL in (getattr(network.config.get_text_config(), "layer_types", None) or ()):
        return {FULL: full, SLIDING: sliding}
    return sliding


def _as_read(network: "PreTrainedModel", mask: torch.Tensor) -> torch.Tensor:
    """The mask as the attention takes it: eager attention adds its mask to the scores, so that True would count as 1."""
    if getattr(network.config.get_text_config(), "_attn_implementation", "") != "eager":
        return mask
    lowest = torch.finfo(network.dtype).min
    return torch.zeros(mask.shape, dtype=network.dtype, device=mask.device).masked_fill(~mask, lowest)
