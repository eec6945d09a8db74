"""Log-probabilities with a gradient, for training: the answers of each context as one trie, many contexts in one batch.

The same sequences, boundaries and sums as ``Scorer``; a test holds the two together. Rows are padded on the left, where a mask
hides the padding. For models that take no tree-shaped mask every answer is a row of its own. Where body and head come apart
(``core.scoring.head``) the vocabulary is projected once at every position that an answer passes, and nowhere else.

Shapes: R rows, T tokens of the longest row, A answers, P positions, V words.
"""

from collections.abc import Sequence
from typing import Any

import torch

from core.models.loading import LanguageModel
from core.scoring.attention import layer_masks
from core.scoring.head import Head
from core.scoring.trie import Target, build_trie

Requested = tuple[int, int, int, int]  # one token of an answer: its number, row, position that predicts it, token


def graded_scores(
    model: LanguageModel, contexts: Sequence[Sequence[Target]], packed: bool, head: Head | None = None
) -> torch.Tensor:
    """``log p(answer | context)`` ``(R, A)``, nats, differentiable; ``contexts`` holds as many targets for every context.

    ``head`` None: the network makes its own logits, of all words at all positions.
    """
    make = _packed if packed else _padded
    inputs, requested = make(model, contexts)
    sums = _sums(model, head, inputs, requested, sum(map(len, contexts)))
    return sums.view(len(contexts), -1)


def _packed(model: LanguageModel, contexts: Sequence[Sequence[Target]]) -> tuple[dict[str, Any], list[Requested]]:
    """Inputs of the network, a row a context with its answers as a trie, and what is requested of it."""
    orders = [sorted(range(len(targets)), key=lambda i: targets[i].inputs) for targets in contexts]
    tries = [build_trie([targets[i].inputs for i in order], 0) for targets, order in zip(contexts, orders, strict=True)]
    size, device = max(len(trie.tokens) for trie in tries), model.device
    mask = torch.eye(size, dtype=torch.bool).repeat(len(tries), 1, 1)  # padding sees itself: else it has no softmax
    for row, trie in enumerate(tries):
        mask[row, size - len(trie.tokens) :, size - len(trie.tokens) :] = torch.from_numpy(trie.visible(0))
    pad = model.tokenizer.pad_token_id
    depths = torch.tensor([[0] * (size - len(trie.tokens)) + trie.depths for trie in tries])
    inputs = {
        "input_ids": torch.tensor([[pad] * (size - len(t.tokens)) + t.tokens for t in tries], device=device),
        "position_ids": depths.to(device),
        "attention_mask": layer_masks(model.network, mask, depths, depths),
        "use_cache": False,
    }
    requested = []
    for row, (trie, targets, order) in enumerate(zip(tries, contexts, orders, strict=True)):
        shift = size - len(trie.tokens)
        for index, path in zip(order, trie.paths, strict=True):
            nodes = [node + shift for node in path[targets[index].first - 1 :]]
            requested += _tokens(row * len(targets) + index, row, nodes, targets[index])
    return inputs, requested


def _padded(model: LanguageModel, contexts: Sequence[Sequence[Target]]) -> tuple[dict[str, Any], list[Requested]]:
    """The same with a row an answer."""
    targets = [target for row in contexts for target in row]
    length = max(len(target.inputs) for target in targets)
    pad, device = model.tokenizer.pad_token_id, model.device
    ids = torch.tensor([list(t.inputs) + [pad] * (length - len(t.inputs)) for t in targets], device=device)
    mask = torch.tensor([[1] * len(t.inputs) + [0] * (length - len(t.inputs)) for t in targets], device=device)
    requested = []
    for row, target in enumerate(targets):
        requested += _tokens(row, row, list(range(target.first - 1, len(target.tokens) - 1)), target)
    return {"input_ids": ids, "attention_mask": mask, "use_cache": False}, requested


def _tokens(answer: int, row: int, positions: Sequence[int], target: Target) -> list[Requested]:
    pairs = zip(positions, target.tokens[target.first :], strict=True)
    return [(answer, row, position, token) for position, token in pairs]


def _sums(
    model: LanguageModel, head: Head | None, inputs: dict[str, Any], requested: Sequence[Requested], count: int
) -> torch.Tensor:
    """Sums ``(A,)`` of the log-probabilities of each answer's tokens; a position is normalised once, however many answers pass it."""
    answer, row, position, token = torch.tensor(requested, device=model.device).unbind(1)
    positions, of = torch.unique(torch.stack([row, position]), dim=1, return_inverse=True)
    if head is None:
        rows = model.network(**inputs).logits[positions[0], positions[1]].float()  # (P, V)
        log_probs = rows[of, token] - rows.logsumexp(-1)[of]
    else:
        states = head.states(**inputs)[positions[0], positions[1]]  # (P, H)
        log_probs = head.logits(states[of], token) - head.normalisers(states)[of]
    return torch.zeros(count, device=model.device).index_add(0, answer, log_probs.float())
