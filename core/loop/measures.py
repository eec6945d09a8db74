"""The numbers of an iteration for the run log, from batches and what came out of them."""

from collections.abc import Sequence
from typing import Any

from core.loop.batches import Batch, StepResult
from core.loop.config import FitConfig
from core.loop.rewards import entropy_of


def shown_with_advantages(batch: Batch, result: StepResult) -> list[tuple[str, float]]:
    """Ids of the demonstrations of every context with the context's advantage."""
    return [
        (batch.candidates[i].id, round(advantage, 6))
        for contexts, advantages in zip(
            result.rollouts.chosen.tolist(), result.rollouts.advantages.tolist(), strict=True
        )
        for context, advantage in zip(contexts, advantages, strict=True)
        for i in context
    ]


def measures_of(batch: Batch, result: StepResult, config: FitConfig) -> dict[str, float]:
    """Numbers of one batch, means over its queries."""
    rollouts, rewards = result.rollouts, result.rollouts.rewards
    own = rollouts.without[:, 0]  # in the query's own language
    contexts = [[batch.candidates[i] for i in context] for group in rollouts.chosen.tolist() for context in group]
    weights = config.reward
    raw = (weights.alpha * rewards.accuracy + weights.beta * rewards.diversity) / (weights.alpha + weights.beta)
    return {
        "reward": float(raw.mean()),
        "acc": float(rewards.accuracy.mean()),
        "div": float(rewards.diversity.mean()),
        "right": float((rollouts.log_probs.argmax(-1) == rollouts.targets[:, None, None]).float().mean()),
        "right_without": float((rollouts.without.argmax(-1) == rollouts.targets[:, None]).float().mean()),
        "agreed": float(rollouts.agreed.mean()),
        "label_entropy": _mean([entropy_of([e.label for e in context]) for context in contexts]),
        "language_entropy": _mean([entropy_of([e.language for e in context]) for context in contexts]),
        "policy_entropy": float(result.entropy.mean()),
        "answer_entropy": float(-(own.exp() * own).sum(-1).mean()),
        "zero_spread": float((rewards.total.std(1, unbiased=False) < 1e-6).float().mean()),
        **{f"loss_{name}": float(value.detach()) for name, value in result.losses.items()},
    }


def mean_measures(parts: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Means over batches and processes, six digits."""
    return {key: round(_mean([part[key] for part in parts]), 6) for key in parts[0]}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
