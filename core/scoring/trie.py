"""Token sequences as a trie: every shared prefix is one path, to be computed once.

Shapes: S sequences, n nodes of a trie.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Target:
    """One sequence and the part of it whose probability is asked for: ``tokens[first:]`` given ``tokens[:first]``."""

    tokens: tuple[int, ...]
    first: int  # >= 1
    relative: bool = False  # whether the first of these may lack its log-normaliser, see ``Request.relative``

    @property
    def inputs(self) -> tuple[int, ...]:
        """Tokens the model has to read: all but the last."""
        return self.tokens[:-1]


@dataclass(frozen=True)
class Trie:
    """Nodes of several sequences below a shared base, in depth-first order: a parent precedes its children."""

    tokens: list[int]  # (n,)
    parents: list[int]  # (n,), -1 for children of the base
    depths: list[int]  # (n,), tokens before this one, base included
    paths: list[list[int]]  # per sequence, the nodes of its inputs below the base

    def visible(self, base: int) -> np.ndarray:
        """Attention mask ``(n, base + n)``, True = may attend: the whole base, the node itself and its ancestors."""
        size = len(self.tokens)
        mask = np.zeros((size, base + size), dtype=bool)
        mask[:, :base] = True
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                mask[node, base:] = mask[parent, base:]
            mask[node, base + node] = True
        return mask


def shared_length(first: Sequence[int], second: Sequence[int]) -> int:
    """Length of the common prefix."""
    limit = min(len(first), len(second))
    for index in range(limit):
        if first[index] != second[index]:
            return index
    return limit


def build_trie(sequences: Sequence[tuple[int, ...]], base: int) -> Trie:
    """Trie of sorted ``sequences`` that all share their first ``base`` tokens."""
    tokens: list[int] = []
    parents: list[int] = []
    depths: list[int] = []
    paths: list[list[int]] = []
    previous: tuple[int, ...] = ()
    path: list[int] = []
    for sequence in sequences:
        shared = max(0, shared_length(previous, sequence) - base) if paths else 0
        path = path[:shared]
        for depth in range(base + shared, len(sequence)):
            parents.append(path[-1] if path else -1)
            path.append(len(tokens))
            tokens.append(sequence[depth])
            depths.append(depth)
        paths.append(list(path))
        previous = sequence
    return Trie(tokens, parents, depths, paths)


def count_nodes(sequences: Sequence[tuple[int, ...]], base: int) -> list[int]:
    """New nodes that each sorted sequence adds to the trie below ``base``."""
    added = []
    previous: tuple[int, ...] | None = None
    for sequence in sequences:
        shared = base if previous is None else max(base, shared_length(previous, sequence))
        added.append(len(sequence) - shared)
        previous = sequence
    return added
