"""Rollouts: the records of a training step, and the label distributions of its queries under contexts.

``Asker`` scores queries under contexts with the prompts and sums of ``core.scoring``, with or without a gradient.

Shapes: B queries, N candidates, G contexts, K demonstrations, M languages of the answer, L labels, H hidden size, R (query, context,
language) triples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from core.prompting import PromptWriter
from core.records import Demonstration, Example, Query
from core.scoring import Request, Scorer, Scores
from core.scoring.graded import graded_scores
from core.training.rewards import Rewards


@dataclass(frozen=True)
class Ask:
    """One query under one context, answered in one language."""

    query: Query
    context: tuple[Example, ...]  # best first
    code: str


class Asker:
    """Asks one model about one closed task."""

    def __init__(self, writer: PromptWriter, scorer: Scorer, served: Scores | None = None) -> None:
        """``writer`` and ``scorer`` belong to the same model, and so does ``served``, which scores in its place where it never changes."""
        self.writer, self.scorer = writer, scorer
        self.scores: Scores = served or scorer
        self.packed, self.head = (
            scorer.method == "packed",
            scorer.head,
        )  # probed now, before weights or precision change
        self.frozen = False  # the language model never changes: what was scored once stays true

    def log_probs(self, asks: Sequence[Ask]) -> torch.Tensor:
        """``log p(y|x,C)`` ``(R, L)``, normalised over the labels, nats, without a gradient, under the weights in place."""
        if not self.frozen:
            self.scorer.forget()
        rows = np.stack(self.scores.score([self._request(ask) for ask in asks]))
        return torch.from_numpy(rows).float().log_softmax(-1)

    def graded(self, asks: Sequence[Ask]) -> torch.Tensor:
        """The same with a gradient."""
        targets = []
        for ask in asks:
            request = self._request(ask)
            targets.append(self.scorer.targets([(request.context, answer) for answer in request.answers]))
        return graded_scores(self.scorer.model, targets, self.packed, self.head).log_softmax(-1)

    def _request(self, ask: Ask) -> Request:
        demonstrations = [Demonstration(example, None, None) for example in ask.context]
        return Request(
            self.writer.prompt(ask.query, demonstrations, ask.code).text, self.writer.words(ask.code, ask.query.choices)
        )


@dataclass(frozen=True)
class Written:
    """A demonstration that the model wrote, with what is needed to reinforce its writing."""

    example: Example  # origin "generated"
    prompt: str  # what it was written after
    continuation: str  # the text as it continues the prompt
    log_prob: float  # mean log-probability of its tokens when it was written, nats per token
    query: str  # the text of the query it was written for
    iteration: int


@dataclass(frozen=True)
class Batch:
    """The queries of one forward pass and what they choose among; candidates are the same in every process."""

    queries: tuple[Query, ...]  # B
    identities: tuple[str, ...]  # B, seeds of the draws
    golds: tuple[int, ...] | None  # B indices of labels; None: no labels are used
    codes: tuple[tuple[str, ...], ...]  # B times M, languages of the answer, the query's own first
    candidates: tuple[Example, ...]  # N
    usable: torch.Tensor  # (B, N) bool, True = may be a demonstration
    groups: torch.Tensor  # (N,) int64, equal for translations of one item
    reference: tuple[np.ndarray, np.ndarray]  # untrained raw vectors h of queries (B, H) and candidates (N, H)
    written: dict[int, Written] = field(default_factory=dict)  # by index among the candidates


@dataclass(frozen=True)
class Rollouts:
    """The contexts that were drawn, the answers they led to, and what these were worth."""

    chosen: torch.Tensor  # (B, G, K) int64, indices of candidates, in the order of drawing
    log_probs: torch.Tensor  # (B, G, M, L) normalised over the labels, nats
    without: torch.Tensor  # (B, M, L) the same without demonstrations
    targets: torch.Tensor  # (B,) int64: gold labels, or the labels that contexts agree on
    agreed: torch.Tensor  # (B,) mean probability of the target over contexts and languages, [0, 1]
    rewards: Rewards
    advantages: torch.Tensor  # (B, G)


@dataclass(frozen=True)
class StepResult:
    """One forward pass."""

    losses: dict[str, torch.Tensor]  # scalars: rl, align, coherence, floor, reference, writing, total
    rollouts: Rollouts
    entropy: torch.Tensor  # (B,) of the policy's first draw, nats
    seconds: dict[str, float]  # by phase
