"""English fragments: which pieces of the sentences the teacher is asked about."""

import pytest
from toys import SENTENCES

from core.embedded.corpus import LENGTHS, english_fragments

ENGLISH = [entry[1] for entry in SENTENCES] + [
    "The old farmer's wife sold well-made baskets, jars and pots at the market in town.",
    "Yes.",
    "Rain",
]
ALPHABET = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'-")


def words() -> set[str]:
    """Words of two letters or more, cut at white space instead of by an expression."""
    cut = {word.strip(".,") for sentence in ENGLISH for word in sentence.split()}
    return {word for word in cut if len(word) > 1 and set(word) <= ALPHABET}


def test_fragments_are_sorted_and_each_is_there_once_and_the_same_every_time() -> None:
    found = english_fragments(ENGLISH, 100)
    assert found == sorted(set(found))
    assert found == english_fragments(list(ENGLISH), 100)
    assert found != english_fragments(ENGLISH, 100, seed=1)


@pytest.mark.parametrize("size", [0, 3, 100])
def test_all_words_and_at_most_so_many_fragments_are_there_and_no_sentence_itself(size: int) -> None:
    found = set(english_fragments(ENGLISH, size))
    assert words() - {"Rain"} <= found
    assert not found & {*ENGLISH, ""}  # "Rain" is a word and a sentence
    assert len(found) <= len(words()) + size
    if size == 0:
        assert found == words() - {"Rain"}


def test_fragments_are_runs_of_words_of_a_longer_sentence() -> None:
    fragments = set(english_fragments(ENGLISH, 100)) - words()
    assert len(fragments) >= 5
    for fragment in fragments:
        count = len(fragment.split())
        assert count in LENGTHS
        whole = [sentence for sentence in ENGLISH if fragment in sentence]
        assert any(count < len(sentence.split()) - 1 for sentence in whole)
