"""Teacher vectors by sentence, and the bank that the alignment loss draws from."""

import random

import numpy as np
import pytest

from core.embedded.rows import Sentence, SentenceBank, TeacherTable


def test_the_teacher_table_keeps_vectors_with_their_sentences(teacher: dict[str, np.ndarray]) -> None:
    found = TeacherTable.of(teacher, 8)
    assert set(found.row) == set(teacher)
    for english, vector in teacher.items():
        assert found.vectors[found.row[english]].tolist() == pytest.approx(vector.tolist(), abs=1e-6)


def test_the_teacher_table_cuts_to_the_leading_dimensions_and_normalises_again() -> None:
    # The leading half of (3, 4, 12) / 13 is (3, 4) / 13, of unit norm (0.6, 0.8).
    found = TeacherTable.of({"b": np.array([3, 4, 12]) / 13, "a": np.array([0.0, -1.0, 0.0])}, 2)
    assert found.vectors[found.row["b"]].tolist() == pytest.approx([0.6, 0.8])
    assert found.vectors[found.row["a"]].tolist() == pytest.approx([0.0, -1.0])


def test_the_bank_leaves_out_long_and_empty_sentences_and_draws_from_one_length_bucket() -> None:
    sentences = [Sentence(str(n), "eng_Latn", "a " * n, f"english {n}") for n in reversed(range(13))]
    bank = SentenceBank.of(sentences, lambda texts: [list(range(text.count("a"))) for text in texts], 9)
    assert bank.english == [f"english {n}" for n in reversed(range(1, 10))]
    assert [len(ids) for ids in bank.ids] == list(reversed(range(1, 10)))
    buckets = ({1, 2, 3}, {4, 5, 6}, {7, 8, 9})
    drawn = [{len(bank.ids[place]) for place in bank.draw(random.Random(seed), 20)} for seed in range(20)]
    assert all(any(lengths <= bucket for bucket in buckets) for lengths in drawn)
    assert all(any(lengths <= bucket for lengths in drawn) for bucket in buckets)


def test_sentences_of_the_bank_are_tokenised_as_inside_a_text() -> None:
    seen: list[str] = []

    def encode(texts: list[str]) -> list[list[int]]:
        seen.extend(texts)
        return [[1] for _ in texts]

    SentenceBank.of([Sentence("x", "eng_Latn", "River.", "River.")], encode, 9)
    assert seen == [" River."]
