"""Strategies: how demonstrations are chosen for a query. All behind ``Strategy.select``, registered in ``STRATEGIES``."""

from core.strategies.base import Candidates, Strategy
from core.strategies.dense import Knn, MaximalMarginalRelevance
from core.strategies.lexical import Bm25
from core.strategies.own import SelfSelection
from core.strategies.plain import BalancedRandom, RandomChoice, ZeroShot

STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        SelfSelection(),
        Knn(),
        MaximalMarginalRelevance(),
        Bm25(),
        BalancedRandom(),
        RandomChoice(),
        ZeroShot(),
    )
}

__all__ = ["STRATEGIES", "Candidates", "Strategy"]
