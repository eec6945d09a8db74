"""What a loaded model must be before anything is asked of it: whole, causal, finite, and with a tokenizer that fits.

A library fills a missing weight at random and only warns, and takes a bidirectional model for a causal one; both would give plausible
numbers. So loading ends with a probe of a few tokens, whose verdict is remembered by the model's fingerprint.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from core.errors import ModelUnavailable

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PROBE = 6  # tokens
# Largest change of a logit that counts as rounding, in standard deviations of the logits. Padding moves sums in low precision more than
# a changed token further on does, and a model that ignores the padding moves by about one.
ROUNDING = {"fp32": 1e-3, "bf16": 2e-2, "nf4": 2e-2}
PADDED_ROUNDING = {"fp32": 1e-2, "bf16": 0.3, "nf4": 0.3}
NAMED = 3  # weights that a message names


@dataclass(frozen=True)
class Verdict:
    """What the probe saw of a model that is accepted."""

    pads: bool  # whether rows of a padded batch are continued as they are alone


def refuse_other_weights(name: str, info: Mapping[str, Any]) -> None:
    """Refuse weights that are missing, left over or of another shape.

    ``info``: what ``from_pretrained(output_loading_info=True)`` returns beside the network; heads tied to the token vectors are not in
    it. Raises ``ModelUnavailable`` naming the weights.
    """
    shapes = {str(entry[0] if isinstance(entry, tuple) else entry) for entry in info.get("mismatched_keys") or ()}
    missing = set(map(str, info.get("missing_keys") or ())) - shapes
    faults = {
        "are missing": missing,
        "have other shapes than config.json says": shapes,
        "belong to no part of it": set(map(str, info.get("unexpected_keys") or ())),
    }
    named = [f"{len(keys)} {what} ({_some(keys)})" for what, keys in faults.items() if keys]
    if named:
        raise ModelUnavailable(
            f"The weights of {name!r} are not those of its config.json: {'; '.join(named)}. Restore or convert the folder anew."
        )


def refuse_tokenizer(name: str, tokenizer: "PreTrainedTokenizerBase", vectors: int) -> None:
    """Refuse a tokenizer without a token that can end or pad a row, or with tokens beyond the ``vectors`` of the model.

    Special tokens beyond them pass: no text is ever read as one. Raises ``ModelUnavailable``.
    """
    if tokenizer.pad_token_id is None and tokenizer.eos_token_id is None:
        raise ModelUnavailable(
            f"The tokenizer of {name!r} has neither a pad nor an end token, so that rows of a batch cannot be filled; name one in "
            "tokenizer_config.json (pad_token or eos_token)."
        )
    if len(tokenizer) <= vectors:
        return
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    beyond = [token for token in tokenizer.get_vocab().values() if token >= vectors and token not in special]
    if beyond:
        raise ModelUnavailable(
            f"The tokenizer of {name!r} has {len(tokenizer):,} tokens, and the model vectors for {vectors:,}; put the tokenizer into the "
            "folder that the model was trained with."
        )


@torch.inference_mode()
def probe(name: str, network: "PreTrainedModel", start: tuple[int, ...], pad: int, precision: str) -> Verdict:
    """Run a few tokens through the network.

    Raises ``ModelUnavailable`` for logits that are not finite, and for earlier logits that change with the last token: those of a model
    that reads in both directions. Whether padded rows are read as alone is reported, not refused.
    """
    vectors = int(network.get_input_embeddings().weight.shape[0])
    step = max(1, vectors // (PROBE + 2))
    row = torch.tensor([[*start, *(step * (1 + index) % vectors for index in range(PROBE))]], device=network.device)
    other = row.clone()
    other[0, -1] = (row[0, -1] + 1) % vectors
    logits, changed = (_logits(network, ids) for ids in (row, other))
    if not bool(torch.isfinite(logits).all()):
        raise ModelUnavailable(
            f"The model {name!r} gives values that are not finite (NaN or infinity); its weights are damaged, or {precision} is too narrow "
            "for them: restore the folder, or choose fp32."
        )
    spread = max(float(logits.std()), 1e-6)
    moved = float((logits[:-1] - changed[:-1]).abs().max()) / spread
    if moved > ROUNDING[precision]:
        raise ModelUnavailable(
            f"The model {name!r} is bidirectional: what it reads last changes what it expects before ({moved:.2g} standard deviations); "
            "choose a causal language model, whose config.json says so."
        )
    return Verdict(_pads(network, row, logits[-1], pad, PADDED_ROUNDING[precision] * spread))


def _pads(network: "PreTrainedModel", row: torch.Tensor, alone: torch.Tensor, pad: int, allowed: float) -> bool:
    """Whether the next token after ``row`` is expected as ``alone`` where the row stands, padded in front, beside a longer one."""
    longer = torch.cat([row, row[:, 1:]], dim=1)
    filling = torch.full((1, longer.shape[1] - row.shape[1]), pad, device=row.device)
    ids = torch.cat([torch.cat([filling, row], dim=1), longer])
    mask = torch.ones_like(ids)
    mask[0, : filling.shape[1]] = 0
    output = network.generate(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=1,
        do_sample=False,
        pad_token_id=pad,
        return_dict_in_generate=True,
        output_logits=True,
    )
    return float((output.logits[0][0].float() - alone).abs().max()) <= allowed


def _logits(network: "PreTrainedModel", ids: torch.Tensor) -> torch.Tensor:
    """``(T, V)`` float32 of one row."""
    logits: torch.Tensor = network(input_ids=ids).logits[0]
    return logits.float()


def _some(keys: Iterable[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
