"""The reward of a context, ``R(C) = alpha Acc(C) + beta Div(C)``: plain functions of tensors, each part in [0, 1].

Shapes: B queries, G contexts per query, M languages the answer is given in, L labels, K demonstrations, D dimensions.
"""

import math
from dataclasses import dataclass

import torch

from core.errors import InvalidConfig


@dataclass(frozen=True)
class RewardConfig:
    """What a context is rewarded for."""

    alpha: float = 1.0  # weight of the accuracy part
    beta: float = 0.2  # weight of the diversity part
    blend: float = 0.5  # share of p(y*|x,C) in the accuracy part, the rest is whether the answer is right
    cap: float = 0.5  # the diversity part weighs at most this share of what a wrong answer costs its group
    normalise: bool = True  # parts are z-scores within their group, as in GRPO; false: the raw weighted sum, as in RLOO

    def __post_init__(self) -> None:
        """Refuse weights outside their ranges."""
        if not (0 <= self.alpha < math.inf and 0 <= self.beta < math.inf and self.alpha + self.beta > 0):
            raise InvalidConfig(
                f"reward.alpha is {self.alpha} and reward.beta {self.beta}; both are 0 or more, and one is above 0."
            )
        for name in ("blend", "cap"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidConfig(f"reward.{name} is {getattr(self, name)}; it must lie between 0 and 1.")


@dataclass(frozen=True)
class Rewards:
    """The rewards of a batch and what they are made of, each ``(B, G)``."""

    total: torch.Tensor  # what advantages are made of: the normalised parts, weighted
    accuracy: torch.Tensor  # Acc(C), [0, 1]
    diversity: torch.Tensor  # Div(C), [0, 1]


def consensus(log_probs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The label that contexts and languages agree on ``(B,)`` int64, and its mean probability ``(B,)``, from ``(B, G, M, L)``.

    The target of the self-supervised mode: self-consistency (Wang et al. 2023, arXiv 2203.11171) with contexts and languages instead
    of sampled reasoning, weighted by probability.
    """
    share, label = log_probs.exp().mean((1, 2)).max(-1)
    return label, share


def accuracy_reward(log_probs: torch.Tensor, target: torch.Tensor, blend: float) -> torch.Tensor:
    """``Acc`` ``(B, G)`` in [0, 1]: whether the target is the likeliest label, blended with its probability so that it is not flat.

    ``log_probs`` ``(B, G, M, L)`` normalised over the labels, ``target`` ``(B,)`` int64; the mean runs over the M languages.
    """
    targets = target[:, None, None].expand(log_probs.shape[:3])
    correct = (log_probs.argmax(-1) == targets).to(log_probs.dtype)
    likely = log_probs.gather(-1, targets[..., None])[..., 0].exp()
    return ((1 - blend) * correct + blend * likely).mean(-1)


def vendi_score(vectors: torch.Tensor) -> torch.Tensor:
    """Effective number of different items, in [1, K], ``(...)`` from unit vectors ``(..., K, D)``.

    exp of the entropy of the eigenvalues of the similarity matrix over K (Friedman and Dieng 2023, arXiv 2210.02410, definition 3.1).
    """
    count = vectors.shape[-2]
    values = torch.linalg.eigvalsh((vectors @ vectors.transpose(-1, -2)).double() / count).clamp_min(0)
    score: torch.Tensor = torch.special.entr(values).sum(-1).exp().clamp(1, count).to(vectors.dtype)
    return score


def diversity_reward(vectors: torch.Tensor) -> torch.Tensor:
    """``Div`` in (0, 1]: Vendi score over K, ``(...)`` from unit vectors ``(..., K, D)``; K copies of one give 1/K."""
    return vendi_score(vectors) / vectors.shape[-2]


def within_group(part: torch.Tensor, least: float = 1e-3) -> torch.Tensor:
    """``(B, G)`` minus its mean over the group, over its deviation; a group that hardly varies gives 0.

    ``least`` is the deviation below which a difference is taken for noise.
    """
    centred = part - part.mean(1, keepdim=True)
    deviation = part.std(1, keepdim=True, unbiased=False)
    return torch.where(deviation > least, centred / deviation.clamp_min(least), torch.zeros_like(part))


def _as_it_is(part: torch.Tensor) -> torch.Tensor:
    return part


def combine(accuracy: torch.Tensor, diversity: torch.Tensor, config: RewardConfig) -> Rewards:
    """``R = alpha Acc + beta Div``, each part normalised within its group unless ``config.normalise`` is false; all ``(B, G)``.

    Z-scores give every group the same say, also one whose contexts hardly differ, and their leave-one-out advantages are those of GRPO
    (Shao et al. 2024, arXiv 2402.03300) up to a constant; the raw sum keeps RLOO's estimate of the gradient unbiased.

    In a group where some contexts answer right and some wrong, the diversity part is scaled down until its whole spread is at
    most ``cap`` of the smallest step from a wrong answer (Acc <= 1/2) to a right one: diversity orders contexts that answer alike,
    and never beats a right answer.
    """
    scaled = within_group if config.normalise else _as_it_is
    first, second = config.alpha * scaled(accuracy), config.beta * scaled(diversity)
    correct = accuracy > 0.5
    mixed = correct.any(1) & ~correct.all(1) & (config.alpha > 0)
    step = first.masked_fill(~correct, torch.inf).amin(1) - first.masked_fill(correct, -torch.inf).amax(1)
    spread = (second.amax(1) - second.amin(1)).clamp_min(1e-12)
    limit = (config.cap * step.clamp_min(0) / spread).clamp_max(1.0)
    scale = torch.where(mixed, limit, torch.ones_like(limit))
    return Rewards(first + scale[:, None] * second, accuracy, diversity)


def entropy_of(labels: list[str]) -> float:
    """Entropy of how often each value occurs, nats; 0 for one value, log of their number for all different."""
    counts = torch.tensor([labels.count(value) for value in sorted(set(labels))], dtype=torch.float64)
    return float(torch.special.entr(counts / counts.sum()).sum())
