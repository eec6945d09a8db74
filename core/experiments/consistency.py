"""Cross-lingual consistency: the same items asked in many languages, and the alignment of the model's own states over their sentences.

Answers agree when they are the same label, whether right or wrong; accuracy stands beside it, as a model that always says the same agrees
with itself perfectly. Chance-corrected agreement (kappa) therefore goes with every share.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from core.config import check
from core.errors import InvalidConfig, InvalidData
from core.evaluation import EvaluationConfig, evaluate, runs_of
from core.experiments.consistency_alignment import Alignment, layer_means, pair_table
from core.experiments.consistency_tables import Answers, tables
from core.experiments.runner import Tell, Work, facts
from core.inference.predictor import Predictor
from core.records import Example
from core.run_record import model_facts
from core.seeds import random_of
from core.training.run import data_key

Several = Annotated[int, Field(ge=2)]


@dataclass(frozen=True)
class ConsistencyConfig:
    """What is asked, of which languages."""

    languages: tuple[str, ...]
    strategies: tuple[str, ...]
    k: int
    seeds: tuple[int, ...]
    items: Several  # asked in every language
    sentences: Several  # parallel sentences for alignment; 100 in the paper

    def __post_init__(self) -> None:
        """Refuse a single language and too few items."""
        if len(set(self.languages)) < 2:
            raise InvalidConfig(
                f"Consistency is between languages, but {len(set(self.languages))} was given; name two or more."
            )
        check(self, "--")
        self.asked  # noqa: B018  (raises for what an evaluation refuses)

    @property
    def asked(self) -> EvaluationConfig:
        """The passes as an evaluation names them."""
        return EvaluationConfig(self.strategies, (self.k,), self.seeds, None)


def in_all_languages(examples: Sequence[Example], codes: Sequence[str], most: int, what: str) -> list[Example]:
    """The same ``most`` items, drawn by chance, in every language: items in turn, languages in the order of ``codes``.

    Raises ``InvalidData`` naming a language without examples, or when too few items are in all of them.
    """
    sides = {(example.item, example.language): example for example in examples}
    items_of = {code: {item for item, language in sides if language == code} for code in codes}
    for code in codes:
        if not items_of[code]:
            raise InvalidData(f"The {what} hold no example in {code}; drop the language, or add its examples.")
    shared = sorted(set.intersection(*items_of.values()))
    if len(shared) < most:
        fewest = min(codes, key=lambda code: len(items_of[code]))
        raise InvalidData(
            f"{most} items of the {what} were asked for, but {len(shared)} are there in all {len(codes)} languages ({fewest} alone has "
            f"{len(items_of[fewest])}); ask for fewer, or drop a language."
        )
    kept = random_of("in all languages", what).sample(shared, most)
    return [sides[item, code] for item in kept for code in codes]


def consistency(
    config: ConsistencyConfig,
    predictor: Predictor,
    queries: Sequence[Example],
    parallel: Sequence[Example],
    folder: Any,
    tell: Tell,
) -> dict[str, Any]:
    """Ask, embed and compare; the record. ``parallel`` are the sentences whose states are aligned."""
    began = time.perf_counter()
    asked = in_all_languages(queries, config.languages, config.items, "queries")
    sentences = in_all_languages(parallel, config.languages, config.sentences, "parallel sentences")
    model, pool = predictor.model, predictor.index.pool
    identity = {"model": model_facts(model), "k": config.k, "task": predictor.task.name}
    work = Work(folder, identity | {"data": data_key(asked, sentences, pool.examples)}, tell)
    runs = runs_of(config.asked)
    names = [f"{run.strategy}-{run.seed}" for run in runs]
    work.expect([*names, "alignment"])
    answered = []
    for run, name in zip(runs, names, strict=True):
        one = EvaluationConfig((run.strategy,), (run.k,), (run.seed,), None)
        answered.append(work.table(name, lambda told, one=one: evaluate(predictor, asked, one, told)))  # type: ignore[misc]
    aligned = work.table("alignment", partial(_aligned, predictor, sentences, config.languages))
    answers = _answers(pd.concat(answered, ignore_index=True), config.languages, predictor.task.labels)
    return {
        **facts(
            "consistency",
            "Do answers in different languages agree?",
            model,
            asdict(config),
            {"pool": pool.examples, "queries": asked, "parallel sentences": sentences},
            0,
        ),
        "task": predictor.task.name,
        "seeds": list(config.seeds),
        "items": config.items,
        **tables(config.languages, answers, Alignment(aligned), predictor.index.vectors.layer),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _aligned(predictor: Predictor, sentences: Sequence[Example], codes: Sequence[str], tell: Tell) -> pd.DataFrame:
    states = {}
    for place, code in enumerate(codes):
        texts = [example.text for example in sentences if example.language == code]
        states[code] = layer_means(predictor.index.vectors.model, texts)
        tell(0.8 * (place + 1) / len(codes), code)
    return pair_table(states, lambda share, stage: tell(0.8 + 0.2 * share, stage))


def _answers(table: pd.DataFrame, codes: Sequence[str], labels: Sequence[str]) -> dict[str, Answers]:
    """Answers by strategy as label numbers ``(S, I, R)``, with the gold labels."""
    number = {label: place for place, label in enumerate(labels)}
    found = {}
    for strategy, part in table.groupby("strategy", sort=False):
        layers, items = [], []
        for _, rows in part.groupby("seed", sort=True):
            wide = rows.pivot(index="item", columns="language", values="prediction").loc[:, list(codes)]
            items = [str(item) for item in wide.index]
            layers.append(wide.map(lambda label: number[label]).to_numpy())
        gold = part.drop_duplicates("item").set_index("item")["gold"].map(number).sort_index()
        found[str(strategy)] = Answers(np.stack(layers), gold.to_numpy(), tuple(items), len(labels))
    return found
