"""Training the policy from a bank: the language model is frozen, so every step is a few products of vectors.

The policy scores a candidate by ``s = z(x).z(c)/tau + u.h(c)``: the cosine under the projection ``W``, and a small head on the candidate's
own vector, by which "good for everyone" can be said. ``W`` begins as the identity and decays towards it, ``u`` begins at 0.

Shapes: Q queries, M candidates of a query, N examples of the pool, H hidden size, D dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from core.errors import InvalidConfig
from core.seeds import generator_of
from core.training.bank.build import ScoreBank
from core.training.bank.objectives import OBJECTIVES
from core.training.bank.targets import Targets


@dataclass(frozen=True)
class PolicyFitConfig:
    """How the policy is trained from a bank."""

    objective: str = "listwise"  # see OBJECTIVES
    steps: int = 300
    queries: int = 256  # of a step
    rate: float = 2e-3  # AdamW's
    decay: float = 0.1  # towards the identity, per step and rate, as AdamW's decay goes towards 0
    reward_temperature: float = 1.0  # nats; of the listwise objective
    temperature: float = 0.1  # tau at the start
    head: bool = True  # whether the term per candidate is learnt

    def __post_init__(self) -> None:
        """Refuse an unknown objective and impossible numbers."""
        if self.objective not in OBJECTIVES:
            raise InvalidConfig(f"bank.objective is {self.objective!r}; allowed are {', '.join(OBJECTIVES)}.")
        for name in ("steps", "queries", "rate", "reward_temperature", "temperature"):
            if not getattr(self, name) > 0:
                raise InvalidConfig(f"bank.{name} is {getattr(self, name)}; it must be above 0.")
        if self.decay < 0:
            raise InvalidConfig(f"bank.decay is {self.decay}; it must be 0 or more.")


class Policy(nn.Module):
    """Projection, temperature and head."""

    def __init__(self, size: int, temperature: float, head: bool = True) -> None:
        """The untrained policy over vectors of ``size`` H."""
        super().__init__()
        self.projection = nn.Parameter(torch.eye(size))
        self.log_temperature = nn.Parameter(torch.tensor(float(np.log(temperature))))
        self.head = nn.Parameter(torch.zeros(size), requires_grad=head)

    @property
    def temperature(self) -> float:
        """Tau, in units of cosine."""
        return float(self.log_temperature.detach().exp())

    def vectors(self, centred: torch.Tensor) -> torch.Tensor:
        """``z`` ``(..., D)`` unit vectors from centred unit vectors ``(..., H)``."""
        return nn.functional.normalize(centred @ self.projection.T, dim=-1)

    def bias(self, centred: torch.Tensor) -> torch.Tensor:
        """The term per candidate ``(...)``, in units of the score."""
        return centred @ self.head

    def scores(self, queries: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
        """``s`` ``(B, M)`` from centred unit vectors ``(B, H)`` and ``(B, M, H)``, differentiable."""
        return candidate_scores(self, queries, candidates)

    @torch.no_grad()
    def decay(self, share: float) -> None:
        """Move ``W`` towards the identity and the head towards 0 by a share of the distance."""
        self.projection.lerp_(torch.eye(*self.projection.shape, device=self.projection.device), share)
        self.head.mul_(1 - share)


class Scoring(Protocol):
    """What scores candidates: ``Policy``, or the learner of a run."""

    projection: nn.Parameter
    log_temperature: nn.Parameter
    head: nn.Parameter


def candidate_scores(policy: Scoring, queries: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """``s`` ``(B, M)`` from centred unit vectors ``(B, H)`` and ``(B, M, H)``, differentiable."""
    projected = nn.functional.normalize(queries @ policy.projection.T, dim=-1)
    rows = nn.functional.normalize(candidates @ policy.projection.T, dim=-1)
    cosines = (rows @ projected[:, :, None])[..., 0]
    return cosines / policy.log_temperature.exp() + candidates @ policy.head


def train_policy(
    bank: ScoreBank,
    targets: Targets,
    queries: np.ndarray,
    pool: np.ndarray,
    config: PolicyFitConfig,
    seed: int,
    report: Callable[[int, float], None] | None = None,
    start: Policy | None = None,
) -> Policy:
    """The policy that ``config.objective`` leads to; ``queries`` ``(Q, H)`` and ``pool`` ``(N, H)`` are centred unit vectors.

    ``seed`` decides which queries a step sees. ``start``: a policy to go on from, changed in place.
    """
    policy = start or Policy(queries.shape[1], config.temperature, config.head)
    trained = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=config.rate, weight_decay=0.0)
    source = generator_of("policy", seed)
    query_rows = torch.from_numpy(queries).float()
    pool_rows = torch.from_numpy(pool).float()
    candidates = torch.from_numpy(bank.candidates)
    rewards, weights = torch.from_numpy(targets.rewards).float(), torch.from_numpy(targets.weights).float()
    loss_of = OBJECTIVES[config.objective]
    size = min(config.queries, len(bank))
    order = torch.randperm(len(bank), generator=source)
    at = 0
    for step in range(1, config.steps + 1):
        if at + size > len(order):
            order, at = torch.randperm(len(bank), generator=source), 0
        rows = order[at : at + size]
        at += size
        scores = policy.scores(query_rows[rows], pool_rows[candidates[rows]])
        loss = loss_of(scores, rewards[rows], weights[rows].clamp_min(1e-9), config.reward_temperature)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        policy.decay(config.rate * config.decay)
        if report is not None:
            report(step, float(loss.detach()))
    return policy
