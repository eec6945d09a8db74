"""Label distributions of queries under contexts, for training: the prompts and sums of ``core.scoring``, with or without a gradient.

Shapes: R (query, context, language) triples, L labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.prompting import PromptWriter
from core.records import Demonstration, Example, Query
from core.scoring import Request, Scorer
from core.scoring.graded import graded_scores


@dataclass(frozen=True)
class Ask:
    """One query under one context, answered in one language."""

    query: Query
    context: tuple[Example, ...]  # best first
    code: str


class Asker:
    """Asks one model about one closed task."""

    def __init__(self, writer: PromptWriter, scorer: Scorer) -> None:
        """``writer`` and ``scorer`` belong to the same model."""
        self.writer, self.scorer = writer, scorer
        self.packed = scorer.method == "packed"  # probed now, before weights or precision change

    def log_probs(self, asks: Sequence[Ask]) -> torch.Tensor:
        """``log p(y|x,C)`` ``(R, L)``, normalised over the labels, nats, without a gradient, under the weights in place."""
        self.scorer.forget()
        rows = np.stack(self.scorer.score([self._request(ask) for ask in asks]))
        return torch.from_numpy(rows).float().log_softmax(-1)

    def graded(self, asks: Sequence[Ask]) -> torch.Tensor:
        """The same with a gradient."""
        targets = []
        for ask in asks:
            request = self._request(ask)
            targets.append(self.scorer.targets([(request.context, answer) for answer in request.answers]))
        return graded_scores(self.scorer.model, targets, self.packed).log_softmax(-1)

    def _request(self, ask: Ask) -> Request:
        shown = [Demonstration(example, None, None) for example in ask.context]
        return Request(self.writer.prompt(ask.query, shown, ask.code).text, self.writer.words(ask.code))
