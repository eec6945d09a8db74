"""Strategies: how demonstrations are chosen for a query, and how it is put. All are in ``STRATEGIES``, behind ``Strategy.select``."""

from collections.abc import Iterable

from core.selection.strategies.assisted import TranslationAssisted
from core.selection.strategies.base import Candidates, Strategy, Vectors
from core.selection.strategies.dense import BalancedKnn, Knn, MaximalMarginalRelevance
from core.selection.strategies.determinantal import Determinantal
from core.selection.strategies.framed import Alignment, CrossLingualThought, Framed, SelfConsistency, SelfTranslate
from core.selection.strategies.judged import Likelihood, MinimumDescriptionLength
from core.selection.strategies.lexical import Bm25
from core.selection.strategies.own import SelfGenerated, SelfSelection, Untrained
from core.selection.strategies.plain import BalancedRandom, RandomChoice, ZeroShot
from core.selection.strategies.romanised import Romanised

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
        Alignment("query-alignment", "Query alignment (X-InSTA)", nearest=True, aligner=False),
        Alignment("task-alignment", "Task alignment (X-InSTA)", nearest=False, aligner=True),
        Alignment("x-insta", "Query and task alignment (X-InSTA)", nearest=True, aligner=True),
        SelfTranslate(),
        CrossLingualThought(),
        SelfConsistency(),
        Romanised(),
        TranslationAssisted(),
    )
}


def needs_of(names: Iterable[str]) -> frozenset[Vectors]:
    """The vectors of the pool that the strategies of these names read; names of none are passed over."""
    return frozenset(kind for name in names if name in STRATEGIES for kind in STRATEGIES[name].needs)


__all__ = ["STRATEGIES", "Candidates", "Framed", "Strategy", "Vectors", "needs_of"]
