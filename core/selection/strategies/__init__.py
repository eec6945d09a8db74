"""Strategies: how demonstrations are chosen for a query, and how it is put. All are in ``STRATEGIES``, behind ``Strategy.select``."""

from core.selection.strategies.base import Candidates, Strategy
from core.selection.strategies.dense import BalancedKnn, Knn, MaximalMarginalRelevance
from core.selection.strategies.determinantal import Determinantal
from core.selection.strategies.framed import Alignment, CrossLingualThought, Framed, SelfConsistency, SelfTranslate
from core.selection.strategies.judged import Likelihood, MinimumDescriptionLength
from core.selection.strategies.lexical import Bm25
from core.selection.strategies.own import SelfGenerated, SelfSelection, Untrained
from core.selection.strategies.plain import BalancedRandom, RandomChoice, ZeroShot

STRATEGIES: dict[str, Strategy] = {  # the common ones first: lists show them in this order
    strategy.name: strategy
    for strategy in (
        SelfSelection(),
        Knn(),
        MaximalMarginalRelevance(),
        Bm25(),
        BalancedRandom(),
        RandomChoice(),
        ZeroShot(),
        BalancedKnn(),
        Determinantal(),
        MinimumDescriptionLength(),
        Likelihood(),
        SelfGenerated(),
        Untrained(),
        Alignment("query-alignment", nearest=True, aligner=False),
        Alignment("task-alignment", nearest=False, aligner=True),
        Alignment("x-insta", nearest=True, aligner=True),
        SelfTranslate(),
        CrossLingualThought(),
        SelfConsistency(),
    )
}

__all__ = ["STRATEGIES", "Candidates", "Framed", "Strategy"]
