"""What the policy is trained by from scored candidates: pure functions of tensors, each to be minimised.

Shapes: B queries, M candidates of a query, G contexts, K demonstrations, D dimensions, H hidden size. Scores ``s`` are the policy's, in
units of its softmax; rewards are in nats. ``weights`` ``(B,)`` say how much a query counts; at least one is above 0.
"""

from collections.abc import Callable

import torch

from core.errors import InvalidConfig

Objective = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]


def expected_reward_loss(
    scores: torch.Tensor,
    rewards: torch.Tensor,
    weights: torch.Tensor,
    temperature: float = 1.0,  # noqa: ARG001 - all objectives are called alike
) -> torch.Tensor:
    """``-sum_m softmax(s)_m r_m``, a scalar: the policy's expected reward over the scored candidates, without sampling noise.

    The gradient is the one that REINFORCE estimates from draws at K = 1. ``scores`` and ``rewards`` ``(B, M)``.
    """
    return -_mean((scores.softmax(-1) * rewards).sum(-1), weights)


def listwise_loss(
    scores: torch.Tensor, rewards: torch.Tensor, weights: torch.Tensor, temperature: float = 1.0
) -> torch.Tensor:
    """``KL(softmax(r/T) || softmax(s))`` over the scored candidates, nats, a scalar >= 0 (ListNet's top-one form, Cao et al. 2007).

    ``scores`` and ``rewards`` ``(B, M)``; ``temperature`` T > 0, in nats of reward.
    """
    target = (rewards / temperature).log_softmax(-1)
    return _mean((target.exp() * (target - scores.log_softmax(-1))).sum(-1), weights)


def credits_per_draw(with_all: torch.Tensor, without_each: torch.Tensor) -> torch.Tensor:
    """What each demonstration of a context adds, ``(B, G, K)`` nats: ``log p(y*|x,C) - log p(y*|x,C without c_k)``.

    ``with_all`` ``(B, G)``, ``without_each`` ``(B, G, K)``.
    """
    return with_all[..., None] - without_each


def per_draw_loss(log_pi: torch.Tensor, credit: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """REINFORCE with a leave-one-out baseline and credit per draw, a scalar: ``-E[sum_k A_gk log pi(c_k | c_1..c_k-1, x)]``.

    ``log_pi`` ``(B, G, K)`` in nats, with gradient; ``credit`` ``(B, G, K)`` constants. ``A_gk`` is the draw's credit less the mean
    credit of the k-th draws of the query's other contexts (Kool et al. 2019, equation 8, for every draw); what a draw does to later
    ones, by taking itself out of the choice, is left out. Unbiased for K = 1. Raises ``InvalidConfig`` with one context.
    """
    count = credit.shape[1]
    if count < 2:
        raise InvalidConfig("A query has 1 context; leave-one-out needs 2 or more, raise policy.contexts.")
    advantages = (credit - credit.mean(1, keepdim=True)) * count / (count - 1)
    return -_mean((advantages.detach() * log_pi).sum(-1).mean(-1), weights)


def identity_decay(projection: torch.Tensor) -> torch.Tensor:
    """Squared Frobenius distance of ``W`` ``(D, H)`` to the identity, a scalar: 0 for the untrained policy."""
    return (projection - torch.eye(*projection.shape, device=projection.device)).pow(2).sum()


def _mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return (values * weights).sum() / weights.sum()


OBJECTIVES: dict[str, Objective] = {"listwise": listwise_loss, "expected": expected_reward_loss}
