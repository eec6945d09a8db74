"""What an optimiser step learns from: scores of the policy and rewards, for the scored candidates of its queries and for imputed ones.

Shapes: Q queries of the bank, B of a step, M candidates of a query, N examples of the pool, n of them imputed in a step, H hidden size.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from core.training.bank.build import ScoreBank
from core.training.bank.fit import Scoring, candidate_scores
from core.training.bank.imputed import imputed_rewards, label_table
from core.training.bank.targets import Targets

OUT = -1e9  # score and reward of what a query may not be shown: its share of any softmax is 0


@dataclass(frozen=True)
class StepData:
    """A bank as tensors on the policy's device."""

    queries: torch.Tensor  # (Q, H) centred unit vectors
    pool: torch.Tensor  # (N, H)
    candidates: torch.Tensor  # (Q, M) int64, indices into the pool
    rewards: torch.Tensor  # (Q, M) nats
    weights: torch.Tensor  # (Q,)
    right: torch.Tensor  # (Q, M) 1 where the answer under the candidate is the target's likeliest label
    imputed: (
        torch.Tensor | None
    )  # (Q, N) nats, OUT where the example may not be shown to the query; None: nothing is imputed


def step_data(
    bank: ScoreBank,
    targets: Targets,
    queries: np.ndarray,
    pool: np.ndarray,
    labels: np.ndarray | None,
    usable: np.ndarray | None,
    device: torch.device,
) -> StepData:
    """``queries`` ``(Q, H)`` and ``pool`` ``(N, H)`` centred unit vectors.

    ``labels`` ``(N,)`` int64 of the pool and ``usable`` ``(Q, N)`` (True = may be shown) are needed where rewards are imputed; else None.
    """
    imputed = None
    if labels is not None and usable is not None:
        table = label_table(targets.rewards + targets.means[:, None], targets.labels, labels[bank.candidates])
        rewards = imputed_rewards(table, targets.labels, labels) - targets.means[:, None]
        imputed = torch.from_numpy(np.where(usable, rewards, OUT)).float().to(device)
    right = bank.scores.argmax(-1) == targets.best[:, None]
    return StepData(
        torch.from_numpy(queries).to(device),
        torch.from_numpy(pool).to(device),
        torch.from_numpy(bank.candidates).to(device),
        torch.from_numpy(targets.rewards).float().to(device),
        torch.from_numpy(targets.weights).float().to(device).clamp_min(1e-9),
        torch.from_numpy(right).float().to(device),
        imputed,
    )


def scored(policy: Scoring, data: StepData, rows: torch.Tensor) -> torch.Tensor:
    """The policy's scores ``(B, M)`` of the scored candidates of the queries ``rows`` ``(B,)``, with a gradient."""
    return candidate_scores(policy, data.queries[rows], data.pool[data.candidates[rows]])


def with_imputed(
    policy: Scoring, data: StepData, rows: torch.Tensor, more: torch.Tensor, scores: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores and rewards ``(B, M + n)``: ``scores`` ``(B, M)`` and those of the examples ``more`` ``(n,)``, the same for all queries."""
    rewards = data.rewards[rows]
    if data.imputed is None or not len(more):
        return scores, rewards
    projected = nn.functional.normalize(data.queries[rows] @ policy.projection.T, dim=-1)
    candidates = data.pool[more]
    cosines = projected @ nn.functional.normalize(candidates @ policy.projection.T, dim=-1).T
    others = cosines / policy.log_temperature.exp() + candidates @ policy.head
    imputed = data.imputed[rows][:, more]
    others = others.masked_fill(imputed <= OUT, OUT)
    return torch.cat([scores, others], dim=1), torch.cat([rewards, imputed], dim=1)
