"""Shared-prefix scoring: the sequences of a pack lie in one row, each node attending to its own past only.

A pack is a trie written out node by node with a tree-shaped attention mask and explicit positions (as in tree attention,
SpecInfer, Miao et al. 2023, arXiv 2305.09781, section 4.2). A prefix shared by several packs goes into a key-value cache
once and is taken out again when they are done. The prefixes of the last few contexts are kept between calls (``PrefixStore``), so
that the answers to one question read their demonstrations once. Right for models with explicit positions whose layers attend over
everything or over a window, see ``core.scoring.attention``.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.scoring.attention import layer_masks
from core.scoring.head import Head
from core.scoring.prefixes import PrefixStore
from core.scoring.trie import Target, Trie, build_trie, count_nodes, shared_length

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WORTH_SHARING = 24  # tokens; a shorter shared prefix is recomputed rather than cached
INTERACTIVE = 256  # targets; a larger call has contexts enough to share among themselves, and stores none


class PackedScorer:
    """Scores sorted targets depth first."""

    def __init__(self, network: "PreTrainedModel", budget: int, head: Head | None = None) -> None:
        """``budget``: trie nodes of one forward pass (a longer sequence still goes through alone). ``head``: None for full logits."""
        self.network, self.budget, self.head = network, budget, head
        self.prefixes = PrefixStore()

    @torch.inference_mode()
    def score(self, targets: Sequence[Target]) -> list[np.ndarray]:
        """Log-probability of every token of each answer, one array per target, nats."""
        results: list[np.ndarray] = [np.empty(0)] * len(targets)
        self._stores = len(targets) <= INTERACTIVE
        groups = self.prefixes.grouped([target.tokens[: target.first - 1] for target in targets], WORTH_SHARING)
        for base, indices in groups.items():
            order = sorted(indices, key=lambda i: targets[i].inputs)
            self._cache, length = self.prefixes.cache(base)
            for part, values in self._walk([targets[i] for i in order], length, list(range(len(order)))):
                for index, value in zip(part, values, strict=True):
                    results[order[index]] = value
        return results

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
        # The token before the first of an answer may itself be the last of the base; it is then read again as a node.
        answer_nodes = [path[target.first - 1 - base :] for target, path in zip(targets, trie.paths, strict=True)]
        stores = self._stores and self._worth_storing(targets, base)
        depths = torch.tensor([trie.depths])
        inputs = {
            "input_ids": torch.tensor([trie.tokens], device=self.network.device),
            "attention_mask": layer_masks(
                self.network,
                torch.from_numpy(trie.visible(base))[None],
                depths,
                torch.cat([torch.arange(base)[None], depths], 1),
            ),
            "position_ids": depths.to(self.network.device),
            "past_key_values": self._cache if base or stores else None,
            "use_cache": bool(base or stores),
        }
        values = (
            self._full(inputs, targets, answer_nodes)
            if self.head is None
            else self._needed(inputs, targets, answer_nodes)
        )
        if stores:
            self._store(targets, trie, base)
        if base or stores:
            self._shrink(len(trie.tokens))
        lengths = [len(nodes) for nodes in answer_nodes]
        return [part.copy() for part in np.split(values.cpu().numpy(), np.cumsum(lengths)[:-1])]

    def _full(self, inputs: dict[str, object], targets: list[Target], answer_nodes: list[list[int]]) -> torch.Tensor:
        """All nodes' log-probabilities by the network's own logits."""
        needed = sorted({node for nodes in answer_nodes for node in nodes})
        output = self.network(**inputs, logits_to_keep=torch.tensor(needed, device=self.network.device))
        row = {node: i for i, node in enumerate(needed)}
        rows = [row[node] for nodes in answer_nodes for node in nodes]
        words = [token for target in targets for token in target.tokens[target.first :]]
        logs: torch.Tensor = output.logits[0].float().log_softmax(-1)
        return logs[rows, words]

    def _needed(self, inputs: dict[str, object], targets: list[Target], answer_nodes: list[list[int]]) -> torch.Tensor:
        """The same by as few rows of the head as there are words, and a normaliser only where one is needed."""
        assert self.head is not None
        device = self.network.device
        states = self.head.states(**inputs)[0]
        nodes = torch.tensor([node for part in answer_nodes for node in part], device=device)
        words = torch.tensor([token for target in targets for token in target.tokens[target.first :]], device=device)
        values = self.head.logits(states[nodes], words)
        unscaled = [
            target.relative and i == 0
            for target, part in zip(targets, answer_nodes, strict=True)
            for i in range(len(part))
        ]
        exact = ~torch.tensor(unscaled, device=device)
        if bool(exact.any()):
            positions, which = torch.unique(nodes[exact], return_inverse=True)
            values[exact] -= self.head.normalisers(states[positions])[which]
        return values

    def _worth_storing(self, targets: list[Target], base: int) -> bool:
        return any(target.first - 1 - base >= WORTH_SHARING for target in targets)

    def _store(self, targets: list[Target], trie: Trie, base: int) -> None:
        """Keep the keys and values of the contexts of this pack, one each."""
        contexts: dict[tuple[int, ...], list[int]] = {}
        for target, path in zip(targets, trie.paths, strict=True):
            contexts.setdefault(target.tokens[: target.first - 1], path[: target.first - 1 - base])
        for tokens, path in contexts.items():
            self.prefixes.store(tokens, self._cache, [*range(base), *(base + node for node in path)])
