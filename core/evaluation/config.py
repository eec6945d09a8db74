"""What is evaluated: strategies, numbers of demonstrations, seeds; and the passes that follow from them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from core.config import Count, Natural, check
from core.errors import InvalidConfig
from core.inference.perturbation import SHOWN_LABELS
from core.records import Example
from core.selection.strategies import STRATEGIES

ZERO_SHOT = "zero-shot"  # what every strategy is at k = 0


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated. Answers are in the query's language unless another is named."""

    strategies: tuple[str, ...]
    k: tuple[Natural, ...]  # numbers of demonstrations; every strategy is run for each
    seeds: tuple[int, ...]
    pool_languages: tuple[str, ...] | None  # None: every language but the query's
    shown_labels: str = "gold"  # labels that demonstrations show, see core.inference.perturbation
    most: Count | None = None  # queries of a language, see at_most; None: all
    answers: str | None = None  # language of all answers, as translation needs one; None: the query's own

    def __post_init__(self) -> None:
        """Refuse unknown strategies and labels, impossible numbers, and an empty list of seeds."""
        check(self, "--")
        for name in self.strategies:
            if name not in STRATEGIES:
                raise InvalidConfig(f"There is no strategy {name!r}; choose from {', '.join(STRATEGIES)}.")
        if not self.strategies:
            raise InvalidConfig(f"No strategy was named; choose from {', '.join(STRATEGIES)}.")
        if not self.seeds or not self.k:
            raise InvalidConfig(
                f"k is {', '.join(map(str, self.k)) or 'empty'} and seeds are {list(self.seeds)}; give at least one k of 0 or more "
                "and at least one seed."
            )
        if self.shown_labels not in SHOWN_LABELS:
            raise InvalidConfig(f"The labels shown are {self.shown_labels!r}; choose one of {', '.join(SHOWN_LABELS)}.")

    def code(self, example: Example) -> str:
        """The language that a query is answered in."""
        return self.answers or example.language


@dataclass(frozen=True)
class Run:
    """One pass over all queries."""

    strategy: str
    k: int
    seed: int

    @property
    def name(self) -> str:
        """As its part is called on disk."""
        return f"{self.strategy}-k{self.k}-s{self.seed}"


def runs_of(config: EvaluationConfig) -> list[Run]:
    """The passes to make, each once.

    Without demonstrations all strategies are zero-shot, with k = 0, but for those that frame the query. What has no chance in it
    runs under the first seed alone; under other labels than their own, demonstrations always have some.
    """
    runs = []
    for k in config.k:
        for strategy in config.strategies:
            if not STRATEGIES[strategy].needs_k or (k == 0 and not STRATEGIES[strategy].framed):
                runs.append(Run(ZERO_SHOT, 0, config.seeds[0]))
                continue
            chance = k > 0 and (STRATEGIES[strategy].seeded or config.shown_labels != "gold")
            runs += [Run(strategy, k, seed) for seed in (config.seeds if chance else config.seeds[:1])]
    return list(dict.fromkeys(runs))


def at_most(queries: Sequence[Example], most: int | None) -> list[Example]:
    """At most ``most`` queries of each language, in their order.

    The draw depends on the language alone, so languages bring different items: a mean over languages then rests on more items.
    """
    if most is None:
        return list(queries)
    drawn: set[int] = set()
    for code in {query.language for query in queries}:
        indexes = [index for index, query in enumerate(queries) if query.language == code]
        drawn.update(random.Random(f"most/{code}").sample(indexes, min(most, len(indexes))))
    return [query for index, query in enumerate(queries) if index in drawn]
