"""The objectives against worked examples and brute force."""

import itertools

import numpy as np
import pytest
import torch

from core.errors import InvalidConfig
from core.training.bank.objectives import (
    credits_per_draw,
    expected_reward_loss,
    identity_decay,
    listwise_loss,
    per_draw_loss,
)

ONES = torch.ones(1)


def test_expected_reward_is_the_softmax_mean_of_the_rewards() -> None:
    scores, rewards = torch.tensor([[0.0, np.log(3.0)]]), torch.tensor([[1.0, 2.0]])
    # softmax is (1/4, 3/4): 1/4 * 1 + 3/4 * 2 = 1.75
    assert float(expected_reward_loss(scores, rewards, ONES)) == pytest.approx(-1.75)


def test_its_gradient_is_what_reinforce_estimates_from_draws() -> None:
    """Sum over all draws of pi(m) r(m) grad log pi(m), the expectation of REINFORCE at K = 1, by brute force."""
    scores = torch.tensor([[0.3, -0.2, 0.9]], requires_grad=True)
    rewards = torch.tensor([[0.5, 1.0, -0.4]])
    (exact,) = torch.autograd.grad(expected_reward_loss(scores, rewards, ONES), scores)
    total = torch.zeros_like(scores)
    for m in range(3):
        log_pi = scores.log_softmax(-1)[0, m]
        (gradient,) = torch.autograd.grad(log_pi, scores)
        total -= scores.detach().softmax(-1)[0, m] * rewards[0, m] * gradient
    torch.testing.assert_close(exact, total)


def test_listwise_loss_is_zero_where_scores_are_rewards_over_the_temperature() -> None:
    rewards = torch.tensor([[0.2, -0.1, 0.6]])
    assert float(listwise_loss(rewards / 0.5 + 3.0, rewards, ONES, 0.5)) == pytest.approx(0, abs=1e-6)


def test_listwise_loss_is_the_kl_of_a_worked_example() -> None:
    rewards, scores = torch.tensor([[0.0, np.log(3.0)]]), torch.zeros(1, 2)
    # target (1/4, 3/4), policy (1/2, 1/2): 1/4 log 1/2 + 3/4 log 3/2
    expected = 0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    assert float(listwise_loss(scores, rewards, ONES)) == pytest.approx(expected, rel=1e-5)


def test_queries_count_by_their_weights() -> None:
    scores, rewards = torch.zeros(2, 2), torch.tensor([[1.0, 1.0], [9.0, 9.0]])
    assert float(expected_reward_loss(scores, rewards, torch.tensor([1.0, 0.0]))) == pytest.approx(-1.0)
    assert float(expected_reward_loss(scores, rewards, torch.tensor([3.0, 1.0]))) == pytest.approx(-3.0)


def test_the_credit_of_a_demonstration_is_what_is_lost_without_it() -> None:
    with_all, without = torch.tensor([[-1.0]]), torch.tensor([[[-1.5, -0.8]]])
    torch.testing.assert_close(credits_per_draw(with_all, without), torch.tensor([[[0.5, -0.2]]]))


def test_the_per_draw_loss_of_a_worked_example() -> None:
    log_pi = torch.tensor([[[-1.0, -2.0], [-3.0, -4.0]]])
    credit = torch.tensor([[[0.5, 0.0], [0.1, 0.2]]])
    # advantages over the other context: draw 1: .4 and -.4; draw 2: -.2 and .2
    # context 1: .4 * -1 + -.2 * -2 = 0; context 2: -.4 * -3 + .2 * -4 = .4; mean .2, negative
    assert float(per_draw_loss(log_pi, credit, ONES)) == pytest.approx(-0.2)


def test_with_one_demonstration_the_mean_over_all_pairs_of_draws_is_the_exact_gradient() -> None:
    """The leave-one-out baseline does not bias: every pair of independent draws, by its probability, by brute force."""
    scores = torch.tensor([0.4, -0.3, 0.1], requires_grad=True)
    value = torch.tensor([0.7, -0.2, 0.3])
    log_pi = scores.log_softmax(-1)
    (exact,) = torch.autograd.grad(-(log_pi.exp() * value).sum(), scores, retain_graph=True)
    total = torch.zeros(3)
    for first, second in itertools.product(range(3), repeat=2):
        share = float((log_pi[first] + log_pi[second]).detach().exp())
        loss = per_draw_loss(
            torch.stack([log_pi[first], log_pi[second]])[None, :, None], value[[first, second]][None, :, None], ONES
        )
        (gradient,) = torch.autograd.grad(loss, scores, retain_graph=True)
        total += share * gradient
    torch.testing.assert_close(total, exact, atol=1e-6, rtol=1e-5)


def test_one_context_has_no_baseline() -> None:
    with pytest.raises(InvalidConfig, match="1 context"):
        per_draw_loss(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2), ONES)


def test_the_identity_is_free_and_distance_costs_its_square() -> None:
    assert float(identity_decay(torch.eye(3))) == 0
    changed = torch.eye(3)
    changed[0, 1] = 2.0
    assert float(identity_decay(changed)) == 4.0
