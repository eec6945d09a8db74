"""Unseen languages, in two senses.

Unseen by the model: queries in languages that its training text never held, beside queries in those it did, about the same items where the
data are parallel. Demonstrations come from seen languages alone. Task words are English for all ("english"), so that the language of the
text is all that differs, or the query's own where there are any ("own").

Unseen by the loop: closed-loop runs learn from some languages, and self-selection before and after is compared on those and on languages
held out of training and pool.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from core.config import check
from core.data.tasks import FALLBACK, Task
from core.errors import InvalidConfig, InvalidData
from core.evaluation import EvaluationConfig, at_most, evaluate, runs_of
from core.experiments.runner import Material, Tell, Work, evaluated, facts, train
from core.experiments.unseen_tables import before_and_after, seen_and_unseen
from core.inference.predictor import Predictor
from core.models.loading import load_model
from core.records import Example
from core.run_record import model_facts
from core.seeds import random_of
from core.training.config import FitConfig
from core.training.run import data_key
from core.workbench import Workbench

Words = Literal["english", "own"]
WORDS = get_args(Words)


@dataclass(frozen=True)
class UnseenConfig:
    """Languages that the model knows and others."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    strategies: tuple[str, ...]
    k: int
    seeds: tuple[int, ...]
    most: int  # items, or queries of each language where the data are not parallel
    words: Words = "english"  # of instruction and labels, see WORDS

    def __post_init__(self) -> None:
        """Refuse languages on both sides, and sides without any."""
        if not self.seen or not self.unseen:
            raise InvalidConfig("Name at least one seen and one unseen language; --seen and --unseen take codes.")
        if both := sorted({*self.seen} & {*self.unseen}):
            raise InvalidConfig(f"{both[0]} is named as seen and as unseen; drop it from one of them.")
        check(self, "--")
        self.asked  # noqa: B018  (raises for what an evaluation refuses)

    @property
    def asked(self) -> EvaluationConfig:
        """The passes as an evaluation names them."""
        return EvaluationConfig(self.strategies, (self.k,), self.seeds, None, most=self.most)


@dataclass(frozen=True)
class HeldOutConfig:
    """Closed-loop runs that some languages are held out of."""

    fit: FitConfig
    held_out: tuple[str, ...]
    seeds: tuple[int, ...]
    most: int  # queries of each language

    def __post_init__(self) -> None:
        """Refuse empty lists."""
        if not self.held_out or not self.seeds:
            raise InvalidConfig("Holding languages out of training needs at least one language and one seed.")


def unseen(
    config: UnseenConfig, bench: Workbench, task: Task, queries: Sequence[Example], folder: Path, tell: Tell
) -> dict[str, Any]:
    """Evaluate seen and unseen languages; the record."""
    began = time.perf_counter()
    asked = same_items(queries, (*config.seen, *config.unseen), config.most)
    pool = bench.index(task.name).pool
    identity = {"model": model_facts(bench.model), "k": config.k, "words": config.words, "task": task.name}
    work = Work(folder, identity | {"data": data_key(asked, pool.examples)}, tell)
    spoken = english(task) if config.words == "english" else task
    predictor = Predictor(spoken, bench.index(task.name), bench.scorer, bench.settings)
    runs = runs_of(config.asked)
    work.expect([f"{run.strategy}-{run.seed}" for run in runs])
    tables = []
    for run in runs:
        one = EvaluationConfig((run.strategy,), (run.k,), (run.seed,), None)

        def make(told: Tell, one: EvaluationConfig = one) -> pd.DataFrame:
            return evaluate(predictor, asked, one, told)

        tables.append(work.table(f"{run.strategy}-{run.seed}", make))
    items = pd.concat(tables, ignore_index=True)
    return {
        **facts(
            "unseen",
            "Languages that the model never saw",
            bench.model,
            asdict(config),
            {"pool": pool.examples, "queries": asked},
            0,
        ),
        "task": task.name,
        "seeds": list(config.seeds),
        "items": len({query.item for query in asked}),
        **seen_and_unseen(items, config.seen, config.unseen, task.labels),
        "seconds": round(time.perf_counter() - began, 1),
    }


def held_out(config: HeldOutConfig, material: Material, folder: Path, tell: Tell) -> dict[str, Any]:
    """Train without the languages held out, compare before and after; the record.

    ``material`` has them in its queries; its pool loses them here. Raises ``InvalidConfig`` when no language is left to learn from.
    """
    began = time.perf_counter()
    learnt = sorted({e.language for e in material.queries} - {*config.held_out})
    missing = sorted({*config.held_out} - {e.language for e in material.queries})
    if missing:
        raise InvalidData(f"The queries hold no example in {missing[0]}; drop it from --held-out, or add its examples.")
    if len(learnt) < 2:
        raise InvalidConfig(
            f"{len(learnt)} languages are left to learn from once {', '.join(config.held_out)} are held out; leave two or more, as a "
            "context is cross-lingual."
        )
    kept = [example for example in material.pool if example.language not in config.held_out]
    asked = at_most(material.queries, config.most)
    material = replace(material, pool=kept, queries=asked)
    model = load_model(material.base)
    identity = {"model": model_facts(model), "fit": asdict(config.fit), "held out": sorted(config.held_out)}
    work = Work(folder, identity | {"data": data_key(kept, asked)}, tell)
    work.expect(["untrained", *(f"run-{seed}/items" for seed in config.seeds)])
    one = EvaluationConfig(("zero-shot", "agl"), (config.fit.policy.k,), (0,), None)
    before = work.table("untrained", partial(evaluated, material, one, None))

    def make(told: Tell, seed: int) -> pd.DataFrame:
        settings = replace(config.fit, seed=seed, languages=tuple(learnt))
        place = folder / f"run-{seed}"
        train(settings, material, place, lambda i, _line: told(0.9 * i / settings.optim.iterations, ""))
        return evaluated(material, one, place, lambda share, stage: told(0.9 + 0.1 * share, stage))

    after = [work.table(f"run-{seed}/items", partial(make, seed=seed)) for seed in config.seeds]
    return {
        **facts(
            "unseen",
            "Languages held out of the closed loop",
            model,
            asdict(config),
            {"pool": kept, "queries": asked},
            0,
        ),
        "task": material.task.name,
        "seeds": list(config.seeds),
        "items": len({query.item for query in asked}),
        **before_and_after(before, after, learnt, config.held_out),
        "seconds": round(time.perf_counter() - began, 1),
    }


def same_items(queries: Sequence[Example], codes: Sequence[str], most: int) -> list[Example]:
    """At most ``most`` items that all languages have; where they share none, as many queries of each language.

    Raises ``InvalidData`` naming a language without queries.
    """
    kept = [query for query in queries if query.language in codes]
    items_of = {code: {query.item for query in kept if query.language == code} for code in codes}
    for code, items in items_of.items():
        if not items:
            raise InvalidData(f"The queries hold no example in {code}; drop the language, or add its examples.")
    shared = sorted(set.intersection(*items_of.values()))
    if not shared:
        return at_most(kept, most)
    drawn = set(random_of("same items").sample(shared, min(most, len(shared))))
    return [query for query in kept if query.item in drawn]


def english(task: Task) -> Task:
    """The task in English words for every language."""
    return replace(
        task,
        templates={FALLBACK: task.templates[FALLBACK]},
        verbalisers={FALLBACK: task.verbalisers[FALLBACK]} if task.verbalisers else {},
    )
