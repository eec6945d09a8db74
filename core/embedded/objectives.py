"""The losses of a pre-training step, in nats except *growth*.

- *answers*, *text*: next-token losses of label words, and of a share of translations and running text;
- *summary*: the middle state just before each answer against the teacher's vector of the sentence's English side;
- *pointer*: before an answer that stands further up, the look-up layer's attention goes there (Vinyals et al. 2015, arXiv 1506.03134,
  as an auxiliary);
- *alignment*: the mean middle state of a sentence in any language against the teacher's vector of its English side;
- *growth*: middle states stay short.

Middle states are those after half of the layers, whose mean is also the model's own sentence vector.

Shapes: R rows, T tokens of a row, B sentences, M meaning dimensions, N learnt positions.
"""

import random

import torch
from torch.nn import functional
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from core.embedded.config import DecoderConfig
from core.embedded.encoder import imitation_loss
from core.embedded.rows import ANSWER, Row, SentenceBank, TeacherTable
from core.models.embeddings import states_after

LONGEST_STATE = 9.0  # norm of a middle state that costs nothing; token vectors begin at about half of it


def row_losses(
    model: LlamaForCausalLM, rows: list[Row], teacher: TeacherTable, config: DecoderConfig, rng: random.Random
) -> dict[str, torch.Tensor]:
    """``answers`` and ``text`` (next-token losses of label words and of other text, means), ``summary`` and ``pointer``."""
    device = model.device
    ids, mask, positions = tensors(model, rows)
    length = ids.shape[1]
    weights = torch.tensor([row.weights + [0.0] * (length - len(row.weights)) for row in rows], device=device)
    scored = torch.rand(weights.shape, generator=torch.Generator().manual_seed(rng.randrange(2**31))).to(device)
    learnt = (weights >= ANSWER) | (weights > 0) & (scored < config.head_share)
    states = model.model(ids, attention_mask=mask, position_ids=positions, output_hidden_states=True)
    middle = config.layers // 2
    chosen = learnt[:, 1:].nonzero(as_tuple=True)  # N positions
    logits = model.lm_head(states.last_hidden_state[:, :-1][chosen])  # (N, V)
    nats = functional.cross_entropy(logits.float(), ids[:, 1:][chosen], reduction="none")
    answers = weights[:, 1:][chosen] >= ANSWER
    return {
        "answers": nats[answers].mean() if answers.any() else nats.new_zeros(()),
        "text": nats[~answers].mean() if (~answers).any() else nats.new_zeros(()),
        "summary": _summary_loss(states.hidden_states[middle], rows, teacher, config),
        "growth": growth_loss(states.hidden_states[middle]),
        "pointer": _pointer_loss(model, states.hidden_states[middle + 1], rows, mask, positions),
    }


def reading_losses(
    model: LlamaForCausalLM, rows: list[Row], teacher: TeacherTable, config: DecoderConfig
) -> dict[str, torch.Tensor]:
    """``summary`` and ``growth`` alone, from the lower half of the layers."""
    ids, mask, positions = tensors(model, rows)
    middle = lower_half(model, ids, mask, positions)
    return {"summary": _summary_loss(middle, rows, teacher, config), "growth": growth_loss(middle)}


def growth_loss(middle: torch.Tensor) -> torch.Tensor:
    """Keeps middle states ``(R, T, H)`` from outgrowing what the layers above add; no unit, at least 0.

    The other losses on these states see directions only, so nothing else holds their length.
    """
    lengths: torch.Tensor = middle.float().norm(dim=-1)
    return (lengths / LONGEST_STATE - 1).clamp(min=0).square().mean()


def tensors(model: LlamaForCausalLM, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids ``(R, T)``, padded at the end, with the mask and the positions of ``isolated``, on the model's device."""
    length = max(len(row.ids) for row in rows)
    end = model.config.eos_token_id
    ids = torch.tensor([row.ids + [end] * (length - len(row.ids)) for row in rows])
    mask, positions = isolated(rows, length)
    return ids.to(model.device), mask.to(model.device), positions.to(model.device)


def isolated(rows: list[Row], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention mask ``(R, 1, T, T)``, True = counts, causal within each episode, and positions ``(R, T)`` within it."""
    episode = torch.full((len(rows), length), -1)
    positions = torch.zeros((len(rows), length), dtype=torch.int64)
    for number, row in enumerate(rows):
        start = 0
        for count, size in enumerate(row.lengths):
            episode[number, start : start + size] = count
            positions[number, start : start + size] = torch.arange(size)
            start += size
    same = episode[:, None, :, None] == episode[:, None, None, :]
    return same & torch.ones(length, length, dtype=torch.bool).tril(), positions


def _summary_loss(middle: torch.Tensor, rows: list[Row], teacher: TeacherTable, config: DecoderConfig) -> torch.Tensor:
    """``middle`` is ``(R, T, H)``; mean over the summaries of all rows."""
    summaries = [(number, start, english) for number, row in enumerate(rows) for start, english in row.summaries]
    summaries = [entry for entry in summaries if entry[2] in teacher.row]
    if len(summaries) < 2:
        return middle.new_zeros((), dtype=torch.float32)
    states = middle[[number for number, _, _ in summaries], [start for _, start, _ in summaries]]
    return _imitate(states, [english for _, _, english in summaries], teacher, config)


def _pointer_loss(
    model: LlamaForCausalLM, states: torch.Tensor, rows: list[Row], mask: torch.Tensor, positions: torch.Tensor
) -> torch.Tensor:
    """Mean of -log of the attention (mean over heads) that the look-up layer pays to positions of the right answer.

    ``states`` is ``(R, T, H)``, the input of the look-up layer; ``mask`` and ``positions`` as from ``isolated``.
    """
    layer = model.model.layers[len(model.model.layers) // 2 + 1]
    normal = layer.input_layernorm(states)
    shape = (*normal.shape[:2], model.config.num_attention_heads, -1)
    queries, keys = (
        project(normal).view(shape).transpose(1, 2) for project in (layer.self_attn.q_proj, layer.self_attn.k_proj)
    )
    turned = model.model.rotary_emb(states, position_ids=positions)
    queries, keys = apply_rotary_pos_emb(queries, keys, *turned)  # (R, heads, T, D)
    losses = []
    for number, row in enumerate(rows):
        if not row.pointers:
            continue
        pointing = [start for start, _ in row.pointers]
        scores = queries[number][:, pointing].float() @ keys[number].float().transpose(1, 2) * layer.self_attn.scaling
        shares = scores.masked_fill(~mask[number, 0, pointing], -torch.inf).softmax(-1).mean(0)  # (pointers, T)
        right = torch.zeros_like(shares)
        for line, (_, ends) in enumerate(row.pointers):
            right[line, ends] = 1.0
        losses.append(-((shares * right).sum(-1) + 1e-6).log())
    return torch.cat(losses).mean() if losses else states.new_zeros((), dtype=torch.float32)


def alignment_loss(
    model: LlamaForCausalLM, bank: SentenceBank, teacher: TeacherTable, config: DecoderConfig, rng: random.Random
) -> torch.Tensor:
    """Over ``config.sentences`` sentences drawn from ``bank``."""
    chosen = bank.draw(rng, config.sentences)
    length = 1 + max(len(bank.ids[i]) for i in chosen)
    start, end = model.config.bos_token_id, model.config.eos_token_id
    rows = [[start, *bank.ids[i]] for i in chosen]
    ids = torch.tensor([row + [end] * (length - len(row)) for row in rows], device=model.device)  # (B, T)
    counts = torch.tensor([[0.0] + [1.0] * (len(row) - 1) + [0.0] * (length - len(row)) for row in rows])
    counts = counts.to(model.device)
    states = lower_half(model, ids).float()
    means = (states * counts[:, :, None]).sum(1) / counts.sum(1, keepdim=True)
    return _imitate(means, [bank.english[i] for i in chosen], teacher, config)


def _imitate(states: torch.Tensor, english: list[str], teacher: TeacherTable, config: DecoderConfig) -> torch.Tensor:
    """Only the meaning dimensions are compared: the others distinguish languages and carry notes."""
    rows = torch.tensor([teacher.row[sentence] for sentence in english], device=states.device)
    with torch.autocast(states.device.type, enabled=False):
        return imitation_loss(
            states[:, : config.meaning].float(), teacher.vectors.to(states.device)[rows], rows, config.temperature
        )


def lower_half(
    model: LlamaForCausalLM,
    ids: torch.Tensor,
    mask: torch.Tensor | None = None,
    positions: torch.Tensor | None = None,
) -> torch.Tensor:
    """States after the middle layer ``(B, T, H)`` of ``ids`` ``(B, T)``, without computing the layers above it."""
    return states_after(model, model.config.num_hidden_layers // 2, ids, mask, positions)
