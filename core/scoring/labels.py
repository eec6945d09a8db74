"""One score for a label of several tokens: the rule, by name, because it can turn an answer.

``sum``: the log-probability of all tokens, under which long labels have fewer chances. ``mean``: that divided by the number of tokens,
which favours long labels. Their calibrated form divides by the labels' prior, see ``core.scoring.calibration``.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from core.scoring.base import Request, Scores

LabelScore = Literal["sum", "mean"]
LABEL_SCORES: tuple[LabelScore, ...] = ("sum", "mean")


def label_scores(
    scorer: Scores, requests: Sequence[Request], rule: LabelScore, progress: Callable[[float], None] | None = None
) -> list[np.ndarray]:
    """``(answers,)`` of each request by ``rule``, nats; a relative request whose scores are means must be exact, and is made so."""
    if rule == "sum":
        return scorer.score(requests, progress)
    exact = [Request(request.context, request.answers) for request in requests]
    return [
        row / np.array(scorer.lengths([(request.context, answer) for answer in request.answers]))
        for row, request in zip(scorer.score(exact, progress), exact, strict=True)
    ]
