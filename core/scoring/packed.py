"""Shared-prefix scoring: the sequences of a pack lie in one row, each node seeing only its own past.

A pack is a trie written out node by node with a tree-shaped attention mask and explicit positions (as in tree attention,
SpecInfer, Miao et al. 2023, arXiv 2305.09781, section 4.2). A prefix shared by several packs goes into a key-value cache
once and is taken out again when they are done. Right for models with full attention and explicit positions.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.scoring.trie import Target, build_trie, count_nodes, shared_length

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WORTH_SHARING = 24  # tokens; a shorter shared prefix is recomputed rather than cached


class PackedScorer:
    """Scores sorted targets depth first."""

    def __init__(self, network: "PreTrainedModel", budget: int) -> None:
        """``budget`` is the number of trie nodes of one forward pass (a longer sequence still goes through alone)."""
        self.network, self.budget = network, budget

    @torch.inference_mode()
    def score(self, targets: Sequence[Target]) -> list[np.ndarray]:
        """Log-probability of every asked token, one array per target, nats."""
        from transformers import DynamicCache

        order = sorted(range(len(targets)), key=lambda i: targets[i].inputs)
        results: list[np.ndarray | None] = [None] * len(targets)
        self._cache = DynamicCache()
        for indices, values in self._walk([targets[i] for i in order], 0, list(range(len(order)))):
            for index, value in zip(indices, values, strict=True):
                results[order[index]] = value
        return [result for result in results if result is not None]

    def _walk(
        self, targets: list[Target], base: int, indices: list[int]
    ) -> Iterator[tuple[list[int], list[np.ndarray]]]:
        inputs = [target.inputs for target in targets]
        added = count_nodes(inputs, base)
        if sum(added) <= self.budget or len(targets) == 1:
            yield indices, self._pack(targets, base)
            return
        common = min(shared_length(inputs[0], inputs[-1]), min(target.first for target in targets) - 1)
        if common - base >= WORTH_SHARING:
            self._extend(inputs[0][base:common])
            yield from self._walk(targets, common, indices)
            self._shrink(common - base)
            return
        for group in self._groups(inputs, added, base):
            yield from self._walk([targets[i] for i in group], base, [indices[i] for i in group])

    def _groups(self, inputs: list[tuple[int, ...]], added: list[int], base: int) -> Iterator[list[int]]:
        """Cut sorted sequences where they share little; small neighbours are packed together up to the budget."""
        families: list[list[int]] = []
        for index in range(len(inputs)):
            joined = index and shared_length(inputs[index - 1], inputs[index]) - base >= WORTH_SHARING
            if joined:
                families[-1].append(index)
            else:
                families.append([index])
        if len(families) == 1:  # related but too many for one pack and no prefix of all: halve
            middle = len(inputs) // 2
            families = [families[0][:middle], families[0][middle:]]
        group: list[int] = []
        size = 0
        for family in families:
            cost = sum(added[i] for i in family)
            if group and size + cost > self.budget:
                yield group
                group, size = [], 0
            group = group + family
            size += cost
        yield group

    def _extend(self, tokens: Sequence[int]) -> None:
        ids = torch.tensor([tokens], device=self.network.device)
        self.network.get_decoder()(input_ids=ids, past_key_values=self._cache, use_cache=True)

    def _shrink(self, count: int) -> None:
        if count:
            self._cache.crop(-count)

    def _pack(self, targets: list[Target], base: int) -> list[np.ndarray]:
        trie = build_trie([target.inputs for target in targets], base)
        device = self.network.device
        # The token before the first asked one may itself be the last of the base; it is then read again as a node.
        needed = sorted(
            {node for target, path in zip(targets, trie.paths, strict=True) for node in path[target.first - 1 - base :]}
        )
        mask = torch.from_numpy(trie.visible(base))[None, None].to(device)
        output = self.network(
            input_ids=torch.tensor([trie.tokens], device=device),
            attention_mask=mask,
            position_ids=torch.tensor([trie.depths], device=device),
            past_key_values=self._cache if base else None,
            use_cache=bool(base),
            logits_to_keep=torch.tensor(needed, device=device),
        )
        if base:
            self._shrink(len(trie.tokens))
        logs = output.logits[0].float().log_softmax(-1)
        row = {node: i for i, node in enumerate(needed)}
        rows: list[int] = []
        columns: list[int] = []
        for target, path in zip(targets, trie.paths, strict=True):
            rows += [row[node] for node in path[target.first - 1 - base :]]
            columns += target.tokens[target.first :]
        values = logs[torch.tensor(rows, device=device), torch.tensor(columns, device=device)].cpu().numpy()
        lengths = [len(target.tokens) - target.first for target in targets]
        return [part.copy() for part in np.split(values, np.cumsum(lengths)[:-1])]
