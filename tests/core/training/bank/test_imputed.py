"""Imputed rewards: worked examples, and the same table by counting one pair at a time."""

import numpy as np
import pytest

from core.training.bank.imputed import imputed_rewards, label_table


def test_the_mean_of_a_pair_of_labels_is_drawn_towards_the_mean_of_its_kind_by_one_candidate() -> None:
    rewards = np.array([[-0.2, -2.0], [-0.6, -1.0]])
    targets = np.eye(2)  # the first query has label 0, the second label 1
    labels = np.array([[0, 1], [1, 0]])
    # equal labels: -.2 and -.6, mean -.4; different ones: -2 and -1, mean -1.5; each pair was seen once
    expected = [[(-0.2 - 0.4) / 2, (-2.0 - 1.5) / 2], [(-1.0 - 1.5) / 2, (-0.6 - 0.4) / 2]]
    np.testing.assert_allclose(label_table(rewards, targets, labels), expected)


def test_a_pair_that_was_never_seen_has_the_mean_of_its_kind() -> None:
    table = label_table(np.array([[-0.5, -3.0]]), np.eye(3)[:1], np.array([[0, 1]]))
    assert table[1, 1] == table[2, 2] == pytest.approx(-0.5)
    assert table[2, 0] == table[0, 2] == pytest.approx(-3.0)


def test_soft_targets_count_by_their_share() -> None:
    rng = np.random.default_rng(0)
    rewards, targets = rng.normal(size=(5, 4)), rng.dirichlet(np.ones(3), 5)
    labels = rng.integers(0, 3, (5, 4))
    weight, total = np.zeros((3, 3)), np.zeros((3, 3))
    for q in range(5):
        for m in range(4):
            for a in range(3):
                weight[a, labels[q, m]] += targets[q, a]
                total[a, labels[q, m]] += targets[q, a] * rewards[q, m]
    for a in range(3):
        for b in range(3):
            kind = [(i, j) for i in range(3) for j in range(3) if (i == j) == (a == b)]
            mean = sum(total[pair] for pair in kind) / sum(weight[pair] for pair in kind)
            assert label_table(rewards, targets, labels)[a, b] == pytest.approx(
                (total[a, b] + mean) / (weight[a, b] + 1)
            )


def test_an_example_is_worth_the_mean_of_the_table_over_the_querys_target() -> None:
    table = np.array([[-0.1, -2.0], [-3.0, -0.5]])
    rewards = imputed_rewards(table, np.array([[0.75, 0.25], [0.0, 1.0]]), np.array([0, 1, 1]))
    np.testing.assert_allclose(rewards, [[-0.825, -1.625, -1.625], [-3.0, -0.5, -0.5]])
