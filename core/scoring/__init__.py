"""Exact log-probabilities of answers, computing what prompts share only once.

``Scorer`` is the one home of ``log p(y | prompt)``: the app, every strategy and every experiment ask it.
"""

from core.scoring.base import Request, Scores
from core.scoring.scorer import Scorer

__all__ = ["Request", "Scorer", "Scores"]
