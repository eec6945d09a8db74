"""What a step learns from: scored and imputed candidates side by side, and nothing that a query may not be shown."""

import numpy as np
import pytest
import torch

from core.records import Example
from core.training.bank.build import ScoreBank
from core.training.bank.fit import Policy
from core.training.bank.objectives import OBJECTIVES
from core.training.bank.step import OUT, StepData, scored, step_data, with_imputed
from core.training.bank.targets import supervised

Q, N, H = 4, 6, 5
NAMES = ("a", "b")


def material(usable: np.ndarray | None) -> StepData:
    rng = np.random.default_rng(1)
    unit = lambda rows: (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)  # noqa: E731
    queries = tuple(Example(f"q{i}", f"q{i}", "eng_Latn", f"query {i}", NAMES[i % 2]) for i in range(Q))
    pool = tuple(Example(f"p{i}", f"p{i}", "fra_Latn", f"text {i}", NAMES[i % 2]) for i in range(N))
    candidates = np.array([[0, 1], [1, 2], [2, 3], [4, 5]])
    scores = np.log(rng.dirichlet(np.ones(2), (Q, 2)))
    bank = ScoreBank(queries, pool, candidates, scores, np.log(rng.dirichlet(np.ones(2), Q)), None)
    targets = supervised(scores, np.array([i % 2 for i in range(Q)]))
    labels = None if usable is None else np.array([i % 2 for i in range(N)])
    vectors = unit(rng.normal(size=(Q, H))), unit(rng.normal(size=(N, H)))
    return step_data(bank, targets, *vectors, labels, usable, torch.device("cpu"))


def test_imputed_rewards_are_on_the_scale_of_the_scored_ones() -> None:
    """An example with the label of a scored candidate is worth what that one is, as far as the table says; both less the query's mean."""
    usable = np.ones((Q, N), dtype=bool)
    data, policy = material(usable), Policy(H, 0.5)
    rows, more = torch.tensor([0, 3]), torch.arange(N)
    scores, rewards = with_imputed(policy, data, rows, more, scored(policy, data, rows))
    assert scores.shape == rewards.shape == (2, 2 + N)
    torch.testing.assert_close(rewards[:, :2], data.rewards[rows])
    torch.testing.assert_close(scores[0, 2:4], scores[0, :2])  # the scored candidates 0 and 1, met again in the pool
    assert float(rewards[0, 2]) == pytest.approx(float(rewards[0, 4]))  # equal labels


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
def test_what_may_not_be_shown_changes_neither_loss_nor_gradient(objective: str) -> None:
    usable = np.ones((Q, N), dtype=bool)
    usable[:, 4:] = False
    data, rows = material(usable), torch.arange(Q)
    results = []
    for more in (torch.arange(4), torch.arange(N)):
        policy = Policy(H, 0.5)
        scores, rewards = with_imputed(policy, data, rows, more, scored(policy, data, rows))
        loss = OBJECTIVES[objective](scores, rewards, data.weights[rows], 1.0)
        loss.backward()
        assert policy.projection.grad is not None
        results.append((loss.detach(), policy.projection.grad))
    torch.testing.assert_close(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1])
    assert float(data.imputed.min()) == OUT  # type: ignore[union-attr]


def test_without_imputing_scores_and_rewards_are_those_of_the_bank() -> None:
    data, policy, rows = material(None), Policy(H, 0.5), torch.arange(Q)
    scores = scored(policy, data, rows)
    same, rewards = with_imputed(policy, data, rows, torch.arange(0), scores)
    assert same is scores
    torch.testing.assert_close(rewards, data.rewards)
