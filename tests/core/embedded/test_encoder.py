"""Distillation of the sentence encoder: its losses on worked examples, and a toy run that finds translations."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pretraining_toys import ENCODER, parallel_text
from tokenizers import Tokenizer

from core.embedded.encoder import Bags, bag, imitation_loss, save_encoder, sum_loss, train_encoder
from core.models.sentence_encoder import SentenceEncoder


def test_imitation_loss_worked_example() -> None:
    """Vectors (3, 4) and (0, 2), targets (1, 0) and (0, 1), temperature 0.5.

    Cosines over the temperature are (1.2, 1.6) and (0, 2), so the losses are log(1 + e^0.4) and log(1 + e^-2).
    """
    vectors = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    loss = imitation_loss(vectors, torch.eye(2), torch.tensor([0, 1]), 0.5)
    assert float(loss) == pytest.approx((math.log1p(math.exp(0.4)) + math.log1p(math.exp(-2))) / 2)


def test_rows_with_the_same_target_are_no_negatives() -> None:
    vectors = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(imitation_loss(vectors, targets, torch.tensor([5, 5]), 0.5)) == pytest.approx(0.0, abs=1e-6)


def test_sum_loss_worked_example() -> None:
    """Vectors (3, 4) and (0, 2), targets (1, 0) and (0, 1).

    Each with itself: cosines 3/5 and 1, so the loss is (2/5 + 0) / 2 = 1/5. With each other: (3, 6) against (1, 1) for
    both, so it is 1 - 9 / sqrt(45 * 2).
    """
    vectors = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    pairings = {True: 0.2, False: 1 - 9 / math.sqrt(90)}
    seen = set()
    for seed in range(8):
        with_itself = torch.randperm(2, generator=torch.Generator().manual_seed(seed)).tolist() == [0, 1]
        loss = sum_loss(vectors, torch.eye(2), torch.Generator().manual_seed(seed))
        assert float(loss) == pytest.approx(pairings[with_itself])
        seen.add(with_itself)
    assert seen == {True, False}


def test_sum_loss_is_zero_on_the_targets_and_two_opposite_them() -> None:
    targets = torch.nn.functional.normalize(torch.rand(6, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    assert float(sum_loss(3 * targets, targets, torch.Generator())) == pytest.approx(0.0, abs=1e-6)
    assert float(sum_loss(-targets, targets, torch.Generator())) == pytest.approx(2.0)


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=5), min_size=1, max_size=8), st.data())
def test_a_batch_of_bags_equals_direct_slicing(rows: list[list[int]], data: st.DataObject) -> None:
    starts = np.cumsum([0, *map(len, rows)])
    bags = Bags(torch.tensor([token for row in rows for token in row]), torch.tensor(starts))
    asked = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=6))
    tokens, offsets = bags.batch(torch.tensor(asked))
    assert tokens.tolist() == [token for place in asked for token in rows[place]]
    assert offsets.tolist() == np.cumsum([0, *(len(rows[place]) for place in asked[:-1])]).tolist()


def test_an_empty_text_has_a_bag(tokens: Tokenizer) -> None:
    assert len(bag(tokens, ["", "a"]).starts) == 3
    assert int(bag(tokens, [""]).starts[1]) >= 1


def means(tokens: Tokenizer, table: torch.Tensor, texts: list[str]) -> torch.Tensor:
    rows = [table[tokens.encode(" " + text).ids].mean(0) for text in texts]
    return torch.nn.functional.normalize(torch.stack(rows), dim=1)


def test_a_trained_encoder_finds_the_english_side_in_every_language(
    tokens: Tokenizer, table: torch.Tensor, teacher: dict[str, np.ndarray]
) -> None:
    assert table.shape == (600, 8)
    text = parallel_text()
    vectors = means(tokens, table, text["text"].tolist())
    english = list(teacher)
    cosines = vectors @ torch.tensor(np.stack(list(teacher.values())), dtype=torch.float32).T
    found = [english[place] for place in cosines.argmax(1).tolist()]
    # 30 sentences, ten meanings: chance finds three.
    assert sum(a == b for a, b in zip(found, text["english"], strict=True)) >= 27


def test_the_sum_loss_makes_meanings_add_up(tokens: Tokenizer, teacher: dict[str, np.ndarray]) -> None:
    """Two English sentences written one after the other lie nearer to the sum of their targets than without that loss."""
    english = list(teacher)
    pairs = [(a, b) for a in english for b in english if a < b]
    targets = torch.tensor(np.stack([teacher[a] + teacher[b] for a, b in pairs]), dtype=torch.float32)
    cosines = []
    for weight in (0.0, 5.0):
        config = replace(ENCODER, sum_weight=weight, bpe_dropout=0.0)
        table = train_encoder(tokens, parallel_text(), teacher, config, lambda line: None)
        both = torch.stack([table[tokens.encode(f" {a} {b}").ids].sum(0) for a, b in pairs])
        cosines.append(float(torch.nn.functional.cosine_similarity(both, targets).mean()))
    assert cosines[1] > cosines[0] + 0.1


def test_fewer_dimensions_are_the_leading_ones_of_the_teacher(
    tokens: Tokenizer, teacher: dict[str, np.ndarray]
) -> None:
    narrow = replace(ENCODER, dimensions=3, bpe_dropout=0.0, epochs=2)
    found = train_encoder(tokens, parallel_text(), teacher, narrow, lambda line: None)
    cut = {english: vector[:3] / np.linalg.norm(vector[:3]) for english, vector in teacher.items()}
    assert found.shape == (600, 3)
    assert torch.allclose(found, train_encoder(tokens, parallel_text(), cut, narrow, lambda line: None), atol=1e-5)


def test_training_the_encoder_repeats_exactly_and_leaves_the_tokenizer_as_it_was(
    tokens: Tokenizer, table: torch.Tensor, teacher: dict[str, np.ndarray]
) -> None:
    assert tokens.model.dropout is None
    steady = replace(ENCODER, bpe_dropout=0.0, epochs=2)  # the tokenizer's own dropout takes no seed
    text: pd.DataFrame = parallel_text()
    first = train_encoder(tokens, text, teacher, steady, lambda line: None)
    assert torch.equal(first, train_encoder(tokens, text, teacher, steady, lambda line: None))


@pytest.mark.slow
def test_a_saved_encoder_gives_normalised_means_of_its_table(
    tokens: Tokenizer, table: torch.Tensor, tmp_path: Path
) -> None:
    save_encoder(tokens, table, tmp_path / "encoder")
    texts = ["A robot repairs the pipe.", "Treni yetu"]
    got = SentenceEncoder(str(tmp_path / "encoder")).vectors(texts)
    assert got == pytest.approx(means(tokens, table.half().float(), texts).numpy(), abs=2e-3)  # half precision
