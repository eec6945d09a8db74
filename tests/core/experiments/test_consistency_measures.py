"""Agreement, alignment and distance against worked examples and independent implementations.

Tests of `core.experiments.consistency_alignment`.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa as other_fleiss

from core.experiments.consistency_alignment import Alignment, aligned, layer_means, pair_table
from core.experiments.consistency_measures import (
    cohen_kappas,
    counted,
    fleiss_kappa,
    item_agreement,
    kilometres,
    pair_equal,
    same_family,
    unanimous,
)
from core.models.embeddings import SentenceVectors
from core.models.loading import LanguageModel

ANSWERS = np.random.default_rng(5).choice(3, size=(1, 30, 4), p=[0.6, 0.3, 0.1])


def test_fleiss_kappa_is_that_of_statsmodels_and_lies_in_its_interval() -> None:
    counts = counted(ANSWERS, 3)
    found = fleiss_kappa(counts)
    assert found is not None
    assert found.value == pytest.approx(other_fleiss(counts[0]))
    assert found.low < found.value < found.high


def test_one_label_everywhere_has_no_kappa() -> None:
    counts = counted(np.zeros((1, 5, 3), dtype=int), 2)
    assert fleiss_kappa(counts) is None
    assert item_agreement(counts).tolist() == [1.0] * 5


def test_agreement_of_an_item_is_the_share_of_pairs_that_answer_alike() -> None:
    counts = counted(np.array([[[0, 0, 0, 1]], [[2, 2, 2, 2]]]), 3)  # two seeds: 3 of 6 pairs alike, then all
    assert item_agreement(counts).tolist() == [pytest.approx(0.75)]
    assert unanimous(counts).tolist() == [0.5]


def test_cohens_kappa_of_a_pair_is_that_of_scikit_learn() -> None:
    pairs = [(0, 1), (1, 3)]
    expected = [cohen_kappa_score(ANSWERS[0, :, a], ANSWERS[0, :, b]) for a, b in pairs]
    assert cohen_kappas(ANSWERS, pairs, 3).tolist() == pytest.approx(expected)
    assert pair_equal(ANSWERS, pairs).shape == (30, 2)


def test_a_sentence_is_aligned_when_its_translation_is_nearest_both_ways() -> None:
    # Second and third of B are one and the same: neither is nearer than the other, so only the first is aligned.
    first = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    second = np.array([[2.0, 0.1], [0.1, 1.0], [0.1, 1.0]])
    assert aligned(first, second).tolist() == [True, False, False]
    assert aligned(first, first).all()


def test_pairs_are_rows_by_layer_and_version() -> None:
    states = {code: np.random.default_rng(place).normal(size=(2, 5, 4)) for place, code in enumerate("abc")}
    table = pair_table(states)
    assert len(table) == 2 * 2 * 3
    assert table["aligned"].map(len).eq(5).all()


def test_alignment_of_a_language_is_its_share_against_one_other_or_all_others_and_the_best_layer_is_of_centred_states() -> (
    None
):
    """Three sentences; a and b aligned in two of three, a and c in all, b and c in none; layer 1 is worse for centred states."""
    hits = {("a", "b"): [True, True, False], ("a", "c"): [True] * 3, ("b", "c"): [False] * 3}
    rows = [(0, version, *pair, kept) for version in ("raw", "centred") for pair, kept in hits.items()]
    rows += [(1, "raw", *pair, [True] * 3) for pair in hits] + [(1, "centred", *pair, [False] * 3) for pair in hits]
    alignment = Alignment(pd.DataFrame(rows, columns=["layer", "version", "first", "second", "aligned"]))
    assert (alignment.best, alignment.last) == (0, 1)
    assert alignment.of_language("a", "b", 0, "raw")[0] == pytest.approx(2 / 3, abs=1e-4)
    assert alignment.of_language("a", None, 0, "raw")[0] == pytest.approx(5 / 6, abs=1e-4)
    assert alignment.of_pairs([("c", "a"), ("b", "c")], 0).tolist() == [1.0, 0.0]


def test_states_of_every_layer_are_those_that_the_policy_reads(model: LanguageModel) -> None:
    texts = ["A river.", "The mayor lost the vote by far.", "No"]
    depths = layer_means(model, texts, batch=2)
    assert depths.shape == (model.layers + 1, 3, 32)
    for layer in (0, 1):
        np.testing.assert_allclose(depths[layer], SentenceVectors(model, layer).raw(texts), atol=1e-5)


def test_distance_follows_the_great_circle() -> None:
    # English (52, 0) and Japanese (37, 140) in the table; 9,385 km by the haversine formula on a sphere of 6,371 km.
    assert kilometres("eng_Latn", "jpn_Jpan") == pytest.approx(9385, abs=60)
    assert kilometres("eng_Latn", "eng_Latn") == 0
    assert kilometres("eng_Latn", "xxx_Latn") is None
    assert same_family("eng_Latn", "hin_Deva") is True
    assert same_family("eng_Latn", "jpn_Jpan") is False
