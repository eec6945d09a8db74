"""The policy learns from a bank, by each objective alone."""

import numpy as np
import pytest
import torch
from toys import toy_examples

from core.errors import InvalidConfig
from core.training.bank.build import ScoreBank
from core.training.bank.fit import Policy, PolicyFitConfig, train_policy
from core.training.bank.targets import self_supervised, supervised


def world(seed: int = 0) -> tuple[ScoreBank, np.ndarray, np.ndarray, np.ndarray]:
    """Label sits in dimension 0 alone, where noise dominates the others; a candidate helps when it has the query's label."""
    rng = np.random.default_rng(seed)
    q_labels, c_labels = rng.integers(0, 2, 60), rng.integers(0, 2, 80)

    def vectors(labels: np.ndarray) -> np.ndarray:
        rows = rng.normal(size=(len(labels), 6))
        rows[:, 0] = 0.8 * (2 * labels - 1)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    candidates = np.stack([rng.choice(80, 8, replace=False) for _ in range(60)])
    p = np.where(c_labels[candidates] == q_labels[:, None], 0.8, 0.3)
    scores = np.where(q_labels[:, None, None] == np.arange(2), np.log(p)[..., None], np.log(1 - p)[..., None])
    zero = np.log(np.where(q_labels[:, None] == np.arange(2), 0.6, 0.4))
    bank = ScoreBank(tuple(toy_examples()[:1] * 60), tuple(toy_examples()[:1] * 80), candidates, scores, zero, None)
    return bank, vectors(q_labels), vectors(c_labels), q_labels


def reward(policy: Policy, bank: ScoreBank, queries: np.ndarray, pool: np.ndarray, gold: np.ndarray) -> float:
    """Mean reward of the best-scored candidate, nats."""
    with torch.no_grad():
        scores = policy.scores(torch.tensor(queries).float(), torch.tensor(pool[bank.candidates]).float())
    best = scores.argmax(1).numpy()
    return float(supervised(bank.scores, gold).rewards[np.arange(len(best)), best].mean())


@pytest.mark.parametrize("objective", ["listwise", "expected"])
@pytest.mark.parametrize("mode", ["supervised", "self"])
def test_each_objective_alone_makes_the_choice_better_in_both_modes(objective: str, mode: str) -> None:
    bank, queries, pool, gold = world()
    targets = supervised(bank.scores, gold) if mode == "supervised" else self_supervised(bank.scores, bank.zero_shot)
    config = PolicyFitConfig(objective, steps=120, queries=30, rate=0.02, reward_temperature=0.3)
    untrained = reward(Policy(6, 0.1), bank, queries, pool, gold)
    trained = reward(train_policy(bank, targets, queries, pool, config, 0), bank, queries, pool, gold)
    assert trained > untrained + 0.05


def test_the_head_alone_learns_that_a_candidate_is_good_for_everyone() -> None:
    bank, queries, pool, _ = world()
    good = pool[:, 1] > 0
    scores = np.where(good[bank.candidates][..., None], np.log([0.9, 0.1]), np.log([0.5, 0.5]))
    bank = ScoreBank(bank.queries, bank.pool, bank.candidates, scores, bank.zero_shot, None)
    targets = supervised(scores, np.zeros(60, dtype=int))
    policy = train_policy(bank, targets, queries, pool, PolicyFitConfig(steps=150, queries=30, rate=0.02), 0)
    with_head = reward(policy, bank, queries, pool, np.zeros(60, dtype=int))
    flat = train_policy(bank, targets, queries, pool, PolicyFitConfig(steps=150, queries=30, rate=0.02, head=False), 0)
    assert float(flat.head.abs().sum()) == 0
    assert with_head > reward(flat, bank, queries, pool, np.zeros(60, dtype=int))


def test_decay_pulls_to_the_identity_and_the_same_seed_gives_the_same_policy() -> None:
    bank, queries, pool, gold = world()
    targets = supervised(bank.scores, gold)
    free, held = (
        train_policy(bank, targets, queries, pool, PolicyFitConfig(steps=60, rate=0.02, decay=decay), 0)
        for decay in (0.0, 20.0)
    )
    away = [float((policy.projection.detach() - torch.eye(6)).norm()) for policy in (free, held)]
    assert away[1] < away[0] / 2
    again = train_policy(bank, targets, queries, pool, PolicyFitConfig(steps=60, rate=0.02, decay=0.0), 0)
    assert torch.equal(free.projection, again.projection)


def test_an_untrained_policy_scores_by_cosine_over_its_temperature() -> None:
    queries, candidates = torch.eye(3)[:1], torch.eye(3)[None]
    torch.testing.assert_close(Policy(3, 0.5).scores(queries, candidates), torch.tensor([[2.0, 0.0, 0.0]]))


def test_an_unknown_objective_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InvalidConfig, match="allowed are listwise, expected"):
        PolicyFitConfig("rank")
