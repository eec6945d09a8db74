"""Log-probabilities of many contexts at once against one at a time, and the gradient estimate against enumeration.

Shapes: B queries, G contexts, K demonstrations, N candidates, D dimensions.
"""

import itertools

import pytest
import torch

from core.selection import policy
from core.selection.policy import PolicyConfig
from core.training.losses import leave_one_out, policy_gradient_loss

B, G, K, N, D = 3, 4, 3, 7, 5
ALONE = torch.arange(N)
TRANSLATED = torch.tensor([0, 1, 0, 2, 3, 1, 4])  # places 0 and 2, 1 and 5 are translations of each other


@pytest.fixture
def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    """Queries ``(B, D)`` and candidates ``(N, D)``, unit norm, float64."""
    rows = torch.randn(B + N, D, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    rows = torch.nn.functional.normalize(rows, dim=-1)
    return rows[:B], rows[B:]


@pytest.mark.parametrize("redundancy", [0.0, 0.6])
@pytest.mark.parametrize("groups", [ALONE, TRANSLATED])
def test_a_batch_equals_one_draw_at_a_time_with_its_gradient(
    vectors: tuple[torch.Tensor, torch.Tensor], groups: torch.Tensor, redundancy: float
) -> None:
    queries, candidates = (part.clone().requires_grad_() for part in vectors)
    usable = torch.ones(B, N, dtype=torch.bool)
    usable[1, 3] = usable[2, 0] = False
    config, source = PolicyConfig(0.4, redundancy), torch.Generator().manual_seed(1)
    draws = [
        [policy.draw(queries[b], candidates, usable[b], K, config, groups, source) for _ in range(G)] for b in range(B)
    ]
    one_by_one = torch.stack([torch.stack([draw.log_probs for draw in row]) for row in draws])
    chosen = torch.stack([torch.stack([draw.chosen for draw in row]) for row in draws])
    score = queries @ candidates.T / 0.4
    together = policy.log_probs(score, chosen, usable, groups, candidates, redundancy / 0.4)
    assert together.shape == (B, G, K)
    assert torch.allclose(together, one_by_one, atol=1e-12)
    weights = torch.randn(B, G, K, generator=source, dtype=torch.float64)
    for seen, expected in zip(
        torch.autograd.grad((weights * together).sum(), (queries, candidates)),
        torch.autograd.grad((weights * one_by_one).sum(), (queries, candidates)),
        strict=True,
    ):
        assert float(expected.abs().max()) > 0.1
        assert torch.allclose(seen, expected, atol=1e-12)


def test_a_batch_equals_log_prob_of_any_sequence(vectors: tuple[torch.Tensor, torch.Tensor]) -> None:
    score = vectors[0] @ vectors[1].T / 0.3
    usable = torch.ones(B, N, dtype=torch.bool)
    chosen = torch.tensor([[[6, 0, 1], [4, 2, 3]], [[5, 6, 4], [0, 1, 3]], [[3, 4, 6], [2, 5, 4]]])
    together = policy.log_probs(score, chosen, usable, TRANSLATED)
    for b, g in itertools.product(range(B), range(2)):
        expected = policy.log_prob(score[b], chosen[b, g], usable[b], TRANSLATED)
        assert together[b, g].tolist() == pytest.approx(expected.tolist(), abs=1e-12)


def test_probabilities_of_all_contexts_of_a_batch_add_up_to_one(vectors: tuple[torch.Tensor, torch.Tensor]) -> None:
    usable = torch.ones(B, N, dtype=torch.bool)
    usable[0, 6] = False
    sequences = [s for s in itertools.permutations(range(N), 2) if TRANSLATED[s[0]] != TRANSLATED[s[1]]]
    for b in range(B):
        possible = torch.tensor([[s for s in sequences if bool(usable[b, list(s)].all())]])
        score = (vectors[0] @ vectors[1].T)[b : b + 1]
        logs = policy.log_probs(score, possible, usable[b : b + 1], TRANSLATED, vectors[1], 0.7).sum(-1)
        assert float(logs.exp().sum()) == pytest.approx(1.0, abs=1e-12)


# The estimator: five candidates, ordered contexts of two, and a reward for each of the twenty.

CONTEXTS = list(itertools.permutations(range(5), 2))


@pytest.fixture
def rewards() -> torch.Tensor:
    """``(20,)`` in [0, 1], without any structure."""
    return torch.rand(len(CONTEXTS), generator=torch.Generator().manual_seed(9), dtype=torch.float64)


def log_pi(score: torch.Tensor) -> torch.Tensor:
    """Log pi of all contexts ``(20,)``, from scores ``(5,)``."""
    usable = torch.ones(1, 5, dtype=torch.bool)
    return policy.log_probs(score[None], torch.tensor(CONTEXTS)[None], usable, torch.arange(5))[0].sum(-1)


def test_leave_one_out_gradient_is_unbiased_over_all_groups(rewards: torch.Tensor) -> None:
    """Every group of two contexts, weighted by its probability: the mean estimate is the gradient of E[R], exactly."""
    score = torch.tensor([0.3, -0.8, 1.1, 0.0, -0.2], dtype=torch.float64, requires_grad=True)
    usable = torch.ones(5, dtype=torch.bool)
    by_hand = torch.stack([policy.log_prob(score, torch.tensor(context), usable).sum() for context in CONTEXTS])
    (truth,) = torch.autograd.grad((by_hand.exp() * rewards).sum(), score)
    logs = log_pi(score)
    probability = logs.detach().exp()
    mean = torch.zeros(5, dtype=torch.float64)
    for pair in itertools.product(range(len(CONTEXTS)), repeat=2):
        group = torch.tensor([pair])  # (1, 2)
        loss = policy_gradient_loss(logs[group], leave_one_out(rewards[group]))
        (estimate,) = torch.autograd.grad(loss, score, retain_graph=True)
        mean -= probability[group[0]].prod() * estimate
    assert float(truth.abs().max()) > 0.01
    assert mean.tolist() == pytest.approx(truth.tolist(), abs=1e-12)


def test_ascent_with_sampled_groups_finds_the_best_context() -> None:
    """Each candidate has a worth in either place, the best context is (2, 1). A table without structure has local optima."""
    first, second = (0.1, 0.2, 0.9, 0.3, 0.0), (0.2, 0.8, 0.3, 0.1, 0.1)
    rewards = torch.tensor([(first[one] + second[other]) / 2 for one, other in CONTEXTS], dtype=torch.float64)
    best = CONTEXTS.index((2, 1))
    assert int(rewards.argmax()) == best
    score = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    source, usable = torch.Generator().manual_seed(0), torch.ones(5, dtype=torch.bool)
    one = torch.ones(1, dtype=torch.float64)
    optimiser = torch.optim.Adam([score], lr=0.05)
    for _ in range(250):
        drawn = [
            policy.draw(one, score.detach()[:, None], usable, 2, PolicyConfig(1.0), None, source).chosen.tolist()
            for _ in range(4)
        ]
        group = torch.tensor([[CONTEXTS.index((pair[0], pair[1])) for pair in drawn]])
        optimiser.zero_grad()
        policy_gradient_loss(log_pi(score)[group], leave_one_out(rewards[group])).backward()
        optimiser.step()
    assert float(log_pi(score)[best].exp().detach()) > 0.9  # from 1/20
