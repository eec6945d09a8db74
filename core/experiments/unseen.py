"""Unseen languages, in two senses.

Unseen by the model: queries in languages that its training text never held, beside queries in those it did, about the same items where the
data are parallel. Demonstrations come from seen languages alone. Task words are English for all ("english"), so that the language of the
text is all that differs, or the query's own where there are any ("own").

Unseen by the loop: closed-loop runs learn from some languages, and self-selection before and after is compared on those and on languages
held out of training and pool.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from core.config import Count, Natural, check
from core.data.tasks import FALLBACK, Task
from core.errors import InvalidConfig, InvalidData
from core.evaluation import EvaluationConfig, at_most
from core.experiments.runner import (
    UNTRAINED,
    Experiment,
    Material,
    Results,
    Row,
    evaluation_passes,
    trained_pass,
    untrained_pass,
)
from core.experiments.unseen_tables import before_and_after, compare_unseen
from core.inference.predictor import Predictor
from core.models.loading import load_model
from core.progress import Progress
from core.records import Example
from core.seeds import random_of
from core.training.config import FitConfig
from core.workbench import Workbench

Words = Literal["english", "own"]
WORDS = get_args(Words)


@dataclass(frozen=True)
class UnseenConfig:
    """Languages that the model knows and others."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    strategies: tuple[str, ...]
    k: Natural
    seeds: tuple[int, ...]
    most: Count  # items, or queries of each language where the data are not parallel
    words: Words = "english"  # of instruction and labels, see WORDS

    def __post_init__(self) -> None:
        """Refuse languages on both sides, and sides without any."""
        if not self.seen or not self.unseen:
            raise InvalidConfig("Name at least one seen and one unseen language; --seen and --unseen take codes.")
        if both := sorted({*self.seen} & {*self.unseen}):
            raise InvalidConfig(f"{both[0]} is named as seen and as unseen; drop it from one of them.")
        check(self, "--")
        self.evaluation  # noqa: B018  (raises for what an evaluation refuses)

    @property
    def evaluation(self) -> EvaluationConfig:
        """The passes as an evaluation names them."""
        return EvaluationConfig(self.strategies, (self.k,), self.seeds, None, most=self.most)


@dataclass(frozen=True)
class HeldOutConfig:
    """Closed-loop runs that some languages are held out of."""

    fit: FitConfig
    held_out: tuple[str, ...]
    seeds: tuple[int, ...]
    most: Count  # queries of each language

    def __post_init__(self) -> None:
        """Refuse empty lists."""
        check(self, "--")
        if not self.held_out or not self.seeds:
            raise InvalidConfig("Holding languages out of training needs at least one language and one seed.")


def unseen(
    config: UnseenConfig,
    workbench: Workbench,
    task: Task,
    queries: Sequence[Example],
    folder: Path,
    progress: Progress,
) -> Row:
    """Evaluate seen and unseen languages; the record."""
    subset = same_items(queries, (*config.seen, *config.unseen), config.most)
    index = workbench.index(task.name)
    worded = in_english(task) if config.words == "english" else task
    predictor = Predictor(worded, index, workbench.scorer, workbench.settings)

    def conclude(tables: dict[str, pd.DataFrame]) -> Results:
        items = pd.concat(tables.values(), ignore_index=True)
        return compare_unseen(items, config.seen, config.unseen, task.labels)

    return Experiment(
        kind="unseen",
        title="Languages that the model never saw",
        config=config,
        models=[workbench.model],
        data={"pool": index.pool.examples, "queries": subset},
        settings={"k": config.k, "words": config.words, "task": task.name},
        passes=evaluation_passes(predictor, subset, config.evaluation),
        conclude=conclude,
        facts={"task": task.name, "seeds": list(config.seeds), "items": len({query.item for query in subset})},
    ).run(folder, progress)


def held_out(config: HeldOutConfig, material: Material, folder: Path, progress: Progress) -> Row:
    """Train without the languages held out, compare before and after; the record.

    ``material`` has them in its queries; its pool loses them here. Raises ``InvalidConfig`` when no language is left to learn from.
    """
    learnt = sorted({e.language for e in material.queries} - {*config.held_out})
    missing = sorted({*config.held_out} - {e.language for e in material.queries})
    if missing:
        raise InvalidData(f"The queries hold no example in {missing[0]}; drop it from --held-out, or add its examples.")
    if len(learnt) < 2:
        raise InvalidConfig(
            f"{len(learnt)} languages are left to learn from once {', '.join(config.held_out)} are held out; leave two or more, as a "
            "context is cross-lingual."
        )
    pool = [example for example in material.pool if example.language not in config.held_out]
    material = replace(material, pool=pool, queries=at_most(material.queries, config.most))
    evaluation = EvaluationConfig(("zero-shot", "agl"), (config.fit.policy.k,), (0,), None)
    runs = [
        trained_pass(
            material, evaluation, replace(config.fit, seed=seed, languages=tuple(learnt)), folder / f"run-{seed}"
        )
        for seed in config.seeds
    ]
    return Experiment(
        kind="unseen",
        title="Languages held out of the closed loop",
        config=config,
        models=[load_model(material.base)],
        data={"pool": material.pool, "queries": material.queries},
        settings={"fit": asdict(config.fit), "held out": sorted(config.held_out)},
        passes=[untrained_pass(material, evaluation), *runs],
        conclude=lambda tables: before_and_after(
            tables[UNTRAINED], [tables[one.name] for one in runs], learnt, config.held_out
        ),
        facts={
            "task": material.task.name,
            "seeds": list(config.seeds),
            "items": len({query.item for query in material.queries}),
        },
    ).run(folder, progress)


def same_items(queries: Sequence[Example], codes: Sequence[str], most: int) -> list[Example]:
    """At most ``most`` items that all languages have; where they share none, as many queries of each language.

    Raises ``InvalidData`` naming a language without queries.
    """
    named = [query for query in queries if query.language in codes]
    items_of = {code: {query.item for query in named if query.language == code} for code in codes}
    for code, items in items_of.items():
        if not items:
            raise InvalidData(f"The queries hold no example in {code}; drop the language, or add its examples.")
    shared = sorted(set.intersection(*items_of.values()))
    if not shared:
        return at_most(named, most)
    drawn = set(random_of("same items").sample(shared, min(most, len(shared))))
    return [query for query in named if query.item in drawn]


def in_english(task: Task) -> Task:
    """The task in English words for every language."""
    return replace(
        task,
        templates={FALLBACK: task.templates[FALLBACK]},
        verbalisers={FALLBACK: task.verbalisers[FALLBACK]} if task.verbalisers else {},
    )
