"""Cross-lingual consistency: the same items asked in many languages, and the alignment of the model's own states over their sentences.

Answers agree when they are the same label, whether right or wrong; accuracy stands beside it, as a model that always says the same agrees
with itself perfectly. Chance-corrected agreement (kappa) therefore goes with every share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from core.config import check
from core.errors import InvalidConfig, InvalidData
from core.evaluation import EvaluationConfig
from core.evaluation.passes import Pass
from core.experiments.consistency_alignment import Alignment, layer_means, pair_table
from core.experiments.consistency_tables import Answers, results
from core.experiments.runner import Experiment, Results, Row, evaluation_passes
from core.inference.predictor import Predictor
from core.progress import Progress
from core.records import Example
from core.seeds import random_of

ALIGNMENT = "alignment"  # the pass
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
        self.evaluation  # noqa: B018  (raises for what an evaluation refuses)

    @property
    def evaluation(self) -> EvaluationConfig:
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
    drawn = random_of("in all languages", what).sample(shared, most)
    return [sides[item, code] for item in drawn for code in codes]


def consistency(
    config: ConsistencyConfig,
    predictor: Predictor,
    queries: Sequence[Example],
    parallel: Sequence[Example],
    folder: Path,
    progress: Progress,
) -> Row:
    """Ask, embed and compare; the record. ``parallel`` are the sentences whose states are aligned."""
    items = in_all_languages(queries, config.languages, config.items, "queries")
    sentences = in_all_languages(parallel, config.languages, config.sentences, "parallel sentences")
    passes = evaluation_passes(predictor, items, config.evaluation)

    def conclude(tables: dict[str, pd.DataFrame]) -> Results:
        answers = pd.concat([tables[one.name] for one in passes], ignore_index=True)
        by_strategy = _answers(answers, config.languages, predictor.task.labels)
        return results(config.languages, by_strategy, Alignment(tables[ALIGNMENT]), predictor.index.vectors.layer)

    return Experiment(
        kind="consistency",
        title="Do answers in different languages agree?",
        config=config,
        models=[predictor.model],
        data={"pool": predictor.index.pool.examples, "queries": items, "parallel sentences": sentences},
        settings={"k": config.k, "task": predictor.task.name},
        passes=[*passes, Pass(ALIGNMENT, partial(_alignment, predictor, sentences, config.languages))],
        conclude=conclude,
        facts={"task": predictor.task.name, "seeds": list(config.seeds), "items": config.items},
    ).run(folder, progress)


def _alignment(
    predictor: Predictor, sentences: Sequence[Example], codes: Sequence[str], progress: Progress
) -> pd.DataFrame:
    states = {}
    for number, code in enumerate(codes, start=1):
        texts = [example.text for example in sentences if example.language == code]
        states[code] = layer_means(predictor.index.vectors.model, texts)
        progress(0.8 * number / len(codes), code)
    return pair_table(states, lambda share, stage: progress(0.8 + 0.2 * share, stage))


def _answers(table: pd.DataFrame, codes: Sequence[str], labels: Sequence[str]) -> dict[str, Answers]:
    """Answers by strategy as label numbers ``(S, I, R)``, with the gold labels."""
    number = {label: index for index, label in enumerate(labels)}
    answers = {}
    for strategy, part in table.groupby("strategy", sort=False):
        layers, items = [], []
        for _, rows in part.groupby("seed", sort=True):
            wide = rows.pivot(index="item", columns="language", values="prediction").loc[:, list(codes)]
            items = [str(item) for item in wide.index]
            layers.append(wide.map(lambda label: number[label]).to_numpy())
        gold = part.drop_duplicates("item").set_index("item")["gold"].map(number).sort_index()
        answers[str(strategy)] = Answers(np.stack(layers), gold.to_numpy(), tuple(items), len(labels))
    return answers
