"""Log-probabilities with a gradient, for training: the answers of each context as one trie, many contexts in one batch.

The same sequences, boundaries and sums as ``Scorer``; a test holds the two together. Rows are padded on the left, where a mask
hides the padding, so that the positions whose logits are needed lie at the end of every row. For models that take no
tree-shaped mask every answer is a row of its own.

Shapes: R rows, n nodes of the largest trie, L answers of a context.
"""

from collections.abc import Sequence

import torch

from core.models.loading import LanguageModel
from core.scoring.attention import layer_masks
from core.scoring.trie import Target, Trie, build_trie


def graded_scores(model: LanguageModel, contexts: Sequence[Sequence[Target]], packed: bool) -> torch.Tensor:
    """``log p(answer | context)`` ``(R, L)``, nats, differentiable; ``contexts`` holds as many targets for every context."""
    if not packed:
        lone = [[target] for targets in contexts for target in targets]
        return torch.cat(_padded(model, [targets[0] for targets in lone])).view(len(contexts), -1)
    return torch.stack(_packed(model, contexts))


def _packed(model: LanguageModel, contexts: Sequence[Sequence[Target]]) -> list[torch.Tensor]:
    orders = [sorted(range(len(targets)), key=lambda i: targets[i].inputs) for targets in contexts]
    tries = [build_trie([targets[i].inputs for i in order], 0) for targets, order in zip(contexts, orders, strict=True)]
    size = max(len(trie.tokens) for trie in tries)
    first = min(
        _first_node(trie, targets, order) + size - len(trie.tokens)
        for trie, targets, order in zip(tries, contexts, orders, strict=True)
    )
    device = model.device
    mask = torch.eye(size, dtype=torch.bool).repeat(
        len(tries), 1, 1
    )  # padding sees itself: a row that sees nothing has no softmax
    for row, trie in enumerate(tries):
        mask[row, size - len(trie.tokens) :, size - len(trie.tokens) :] = torch.from_numpy(trie.visible(0))
    pad = model.tokenizer.pad_token_id
    depths = torch.tensor([[0] * (size - len(trie.tokens)) + trie.depths for trie in tries])
    logits = model.network(
        input_ids=torch.tensor([[pad] * (size - len(t.tokens)) + t.tokens for t in tries], device=device),
        position_ids=depths.to(device),
        attention_mask=layer_masks(model.network, mask, depths, depths),
        use_cache=False,
        logits_to_keep=size - first,
    ).logits
    rows_of_scores = []
    for row, (trie, targets, order) in enumerate(zip(tries, contexts, orders, strict=True)):
        shift = size - len(trie.tokens) - first
        scores: list[torch.Tensor] = [logits.new_zeros(())] * len(targets)
        for index, path in zip(order, trie.paths, strict=True):
            target = targets[index]
            nodes = torch.tensor([node + shift for node in path[target.first - 1 :]], device=device)
            scores[index] = _chosen(logits[row, nodes], target)
        rows_of_scores.append(torch.stack(scores))
    return rows_of_scores


def _first_node(trie: Trie, targets: Sequence[Target], order: Sequence[int]) -> int:
    return min(path[targets[index].first - 1] for index, path in zip(order, trie.paths, strict=True))


def _padded(model: LanguageModel, targets: Sequence[Target]) -> list[torch.Tensor]:
    length = max(len(target.inputs) for target in targets)
    pad, device = model.tokenizer.pad_token_id, model.device
    ids = torch.tensor([list(t.inputs) + [pad] * (length - len(t.inputs)) for t in targets], device=device)
    mask = torch.tensor([[1] * len(t.inputs) + [0] * (length - len(t.inputs)) for t in targets], device=device)
    logits = model.network(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return [
        _chosen(logits[row, target.first - 1 : len(target.tokens) - 1], target)[None]
        for row, target in enumerate(targets)
    ]


def _chosen(logits: torch.Tensor, target: Target) -> torch.Tensor:
    """Sum of the log-probabilities of a target's asked tokens from their logits ``(T, V)``."""
    tokens = torch.tensor(target.tokens[target.first :], device=logits.device)
    return logits.float().log_softmax(-1).gather(1, tokens[:, None]).sum()
