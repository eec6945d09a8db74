"""Tries of token sequences, against brute force.

Tests of `core.scoring.base`.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.scoring.trie import build_trie, count_nodes, shared_length

# A small alphabet makes shared prefixes, duplicates and sequences that begin others common.
sequences = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=7).map(tuple), min_size=1, max_size=9).map(sorted)
bases = st.lists(st.integers(0, 2), max_size=4).map(tuple)


@given(sequences, bases)
def test_every_path_reproduces_its_sequence(tails: list[tuple[int, ...]], base: tuple[int, ...]) -> None:
    whole = [base + tail for tail in tails]
    trie = build_trie(whole, len(base))
    for sequence, path in zip(whole, trie.paths, strict=True):
        assert tuple(trie.tokens[node] for node in path) == sequence[len(base) :]
        assert [trie.depths[node] for node in path] == list(range(len(base), len(sequence)))
        assert [trie.parents[node] for node in path] == [-1, *path[:-1]]


@given(sequences, bases)
def test_every_distinct_prefix_is_one_node(tails: list[tuple[int, ...]], base: tuple[int, ...]) -> None:
    whole = [base + tail for tail in tails]
    prefixes = {tail[: end + 1] for tail in tails for end in range(len(tail))}
    assert len(build_trie(whole, len(base)).tokens) == len(prefixes)
    assert sum(count_nodes(whole, len(base))) == len(prefixes)


@given(sequences, bases)
@settings(max_examples=60)
def test_a_node_sees_the_base_itself_and_its_ancestors_only(
    tails: list[tuple[int, ...]], base: tuple[int, ...]
) -> None:
    trie = build_trie([base + tail for tail in tails], len(base))
    size = len(trie.tokens)
    brute = np.zeros((size, len(base) + size), dtype=bool)
    for node in range(size):
        brute[node, : len(base)] = True
        ancestor = node
        while ancestor >= 0:
            brute[node, len(base) + ancestor] = True
            ancestor = trie.parents[ancestor]
    assert np.array_equal(trie.visible(len(base)), brute)


@given(st.lists(st.integers(0, 2), max_size=6), st.lists(st.integers(0, 2), max_size=6))
def test_shared_length_is_the_longest_common_prefix(first: list[int], second: list[int]) -> None:
    length = shared_length(first, second)
    assert first[:length] == second[:length]
    assert first[length : length + 1] != second[length : length + 1] or length == len(first) == len(second)
