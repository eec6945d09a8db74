"""The reward of a context: worked examples, eigenvalues from another library, and what holds for every group."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidConfig
from core.training.rewards import (
    RewardConfig,
    accuracy_reward,
    combine,
    consensus,
    diversity_reward,
    entropy_of,
    vendi_score,
    within_group,
)


def doubles(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def unit(count: int, dimensions: int, seed: int) -> torch.Tensor:
    raw = torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(raw, dim=-1)


def test_accuracy_blends_being_right_with_being_sure() -> None:
    log_probs = doubles([[0.8, 0.2], [0.3, 0.7]]).log()[None, None]  # one query, one context, two languages
    target = torch.tensor([0])
    assert accuracy_reward(log_probs, target, 0.0).tolist() == [[0.5]]  # right in one language of two
    assert accuracy_reward(log_probs, target, 1.0)[0].tolist() == pytest.approx([0.55])  # (0.8 + 0.3) / 2
    # Half of each: the mean of 1/2 + 0.4 and 0 + 0.15.
    assert accuracy_reward(log_probs, target, 0.5)[0].tolist() == pytest.approx([0.525])


def test_accuracy_takes_every_query_by_its_own_target() -> None:
    log_probs = doubles([[0.9, 0.1], [0.9, 0.1]]).log()[:, None, None]
    assert accuracy_reward(log_probs, torch.tensor([0, 1]), 0.0).tolist() == [[1.0], [0.0]]


def test_consensus_weighs_by_probability_not_by_votes() -> None:
    # Two contexts say label 1 weakly, one says label 0 firmly: (0.4 + 0.4 + 0.95) / 3 = 0.58333.
    log_probs = doubles([[0.4, 0.6], [0.4, 0.6], [0.95, 0.05]]).log()[None, :, None]
    label, share = consensus(log_probs)
    assert label.tolist() == [0]
    assert share.tolist() == pytest.approx([1.75 / 3])


def test_consensus_runs_over_languages_too() -> None:
    log_probs = doubles([[0.6, 0.4], [0.1, 0.9]]).log()[None, None]  # one context, two languages: mean 0.35, 0.65
    label, share = consensus(log_probs)
    assert (label.tolist(), share.tolist()) == ([1], pytest.approx([0.65]))


def test_vendi_of_copies_is_one_and_of_orthogonal_vectors_their_number() -> None:
    assert float(vendi_score(unit(1, 6, 0).expand(4, -1))) == pytest.approx(1.0)
    assert float(vendi_score(torch.eye(4))) == pytest.approx(4.0)
    # Two copies and a third at a right angle: eigenvalues 2/3 and 1/3, exp(entropy) = 3 / 2^(2/3).
    assert float(vendi_score(torch.eye(2, dtype=torch.float64)[[0, 0, 1]])) == pytest.approx(3 / 2 ** (2 / 3))


@pytest.mark.parametrize(("count", "dimensions"), [(2, 3), (4, 8), (8, 3)])
def test_vendi_equals_the_entropy_of_squared_singular_values(count: int, dimensions: int) -> None:
    """The eigenvalues of X X' / K are the squared singular values of X over K: no similarity matrix needed."""
    vectors = torch.stack([unit(count, dimensions, seed) for seed in range(5)])
    for row, seen in zip(vectors.numpy(), vendi_score(vectors).tolist(), strict=True):
        values = np.linalg.svd(row, compute_uv=False) ** 2 / count
        assert seen == pytest.approx(math.exp(-sum(v * math.log(v) for v in values if v > 1e-15)))


def test_diversity_is_vendi_over_k() -> None:
    assert float(diversity_reward(torch.eye(5)[[1, 1, 1, 1]])) == pytest.approx(0.25)
    vectors = unit(24, 6, 1).view(2, 3, 4, 6)  # (B, G, K, D)
    assert torch.allclose(diversity_reward(vectors), vendi_score(vectors) / 4)
    assert diversity_reward(vectors).shape == (2, 3)


def test_parts_are_centred_and_scaled_within_their_group() -> None:
    # Mean 1, deviation sqrt((1 + 1 + 4) / 3) = sqrt 2.
    found = within_group(doubles([[0.0, 0.0, 3.0], [0.7, 0.7, 0.7]]))
    assert found.tolist() == [pytest.approx([-(0.5**0.5), -(0.5**0.5), 2**0.5]), [0.0, 0.0, 0.0]]


def test_a_difference_below_the_least_is_noise() -> None:
    assert within_group(doubles([[0.5, 0.5015]])).tolist() == [[0.0, 0.0]]  # deviation 0.00075
    assert within_group(doubles([[0.5, 0.503]]))[0].tolist() == pytest.approx([-1.0, 1.0])  # deviation 0.0015


def test_diversity_is_scaled_down_to_the_cap_in_a_mixed_group() -> None:
    # Normalised parts (1, -1) and 10 (-1, 1). The step is 2, the spread 20; 1/2 * 2 / 20 = 0.05 of it stays.
    found = combine(doubles([[1.0, 0.0]]), doubles([[0.2, 1.0]]), RewardConfig(alpha=1.0, beta=10.0, cap=0.5))
    assert found.total[0].tolist() == pytest.approx([0.5, -0.5])
    assert (found.accuracy.tolist(), found.diversity.tolist()) == ([[1.0, 0.0]], [[0.2, 1.0]])


def test_diversity_weighs_in_full_where_all_answers_are_right_or_all_wrong() -> None:
    for level in (0.9, 0.2):
        found = combine(doubles([[level, level]]), doubles([[0.4, 0.8]]), RewardConfig(alpha=1.0, beta=0.2))
        assert found.total[0].tolist() == pytest.approx([-0.2, 0.2])


def test_diversity_alone_counts_without_accuracy() -> None:
    found = combine(doubles([[1.0, 0.0]]), doubles([[0.4, 0.8]]), RewardConfig(alpha=0.0, beta=1.0))
    assert found.total[0].tolist() == pytest.approx([-1.0, 1.0])


PART = st.floats(0.0, 1.0)
GROUPS = st.integers(2, 6).flatmap(
    lambda count: st.tuples(*[st.lists(PART, min_size=count, max_size=count) for _ in range(2)])
)


@given(GROUPS, st.floats(0.01, 5), st.floats(0, 20), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_no_diversity_lets_a_wrong_answer_beat_a_right_one(
    group: tuple[list[float], list[float]], alpha: float, beta: float, cap: float
) -> None:
    found = combine(doubles([group[0]]), doubles([group[1]]), RewardConfig(alpha=alpha, beta=beta, cap=cap))
    assert bool(torch.isfinite(found.total).all())
    right = torch.tensor(group[0]) > 0.5
    total = found.total[0]
    if bool(right.any()) and not bool(right.all()):
        assert float(total[right].min()) >= float(total[~right].max()) - 1e-9 * (alpha + beta)


@given(st.lists(st.booleans(), min_size=2, max_size=6), st.data(), st.floats(0.05, 20), st.floats(0.05, 1))
@settings(max_examples=200, deadline=None)
def test_contexts_that_answer_alike_are_ordered_by_diversity(
    right: list[bool], data: st.DataObject, beta: float, cap: float
) -> None:
    steps = data.draw(st.permutations(range(len(right))))
    accuracy, diversity = [0.9 if flag else 0.1 for flag in right], [0.3 + 0.1 * step for step in steps]
    total = combine(doubles([accuracy]), doubles([diversity]), RewardConfig(beta=beta, cap=cap)).total[0].tolist()
    for first in range(len(right)):
        for second in range(len(right)):
            if right[first] == right[second] and steps[first] > steps[second]:
                assert total[first] > total[second]


def test_entropy_of_values() -> None:
    assert entropy_of(["a", "a", "a"]) == 0.0
    assert entropy_of(["a", "b", "c", "d"]) == pytest.approx(math.log(4))
    assert entropy_of(["a", "b", "a", "a"]) == pytest.approx(math.log(4) - 0.75 * math.log(3))  # shares 3/4, 1/4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"alpha": -1.0}, r"reward\.alpha is -1\.0 and reward\.beta 0\.2; both are 0 or more"),
        ({"alpha": 0.0, "beta": 0.0}, r"reward\.alpha is 0\.0 and reward\.beta 0\.0; .* one is above 0"),
        ({"blend": 1.5}, r"reward\.blend is 1\.5; it must lie between 0 and 1"),
        ({"cap": -0.1}, r"reward\.cap is -0\.1; it must lie between 0 and 1"),
    ],
)
def test_impossible_weights_are_refused(changes: dict[str, float], words: str) -> None:
    with pytest.raises(InvalidConfig, match=words):
        RewardConfig(**changes)


def test_without_normalisation_the_reward_is_the_weighted_sum_and_its_advantages_are_raw() -> None:
    accuracy = torch.tensor([[0.2, 0.4, 0.3]])  # all wrong: nothing is capped
    diversity = torch.tensor([[0.5, 0.1, 0.9]])
    raw = combine(accuracy, diversity, RewardConfig(alpha=1.0, beta=0.2, normalise=False))
    torch.testing.assert_close(raw.total, accuracy + 0.2 * diversity)
    scored = combine(accuracy, diversity, RewardConfig(alpha=1.0, beta=0.0))
    assert float(scored.total.std(unbiased=False)) == pytest.approx(1.0, abs=1e-4)  # z-scores
