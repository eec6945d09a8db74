"""The parts of a measurement and their records."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.examples import read_examples
from core.data.matching import normal_form
from core.data.pool import Pool
from core.data.tasks import Task
from core.embedded.corpus import Corpus, load_corpus
from core.embedded.quality_retrieval import ENGLISH, costs, pairs_by_language, retrieval, topic_accuracy
from core.embedded.quality_translation import (
    MOST_PAIRS,
    Translation,
    chrf_table,
    facing,
    held_out_pairs,
    parallel_pool,
    translate,
)
from core.errors import InvalidConfig
from core.inference.predictor import Predictor
from core.metrics import chrf
from core.models.embeddings import SentenceVectors
from core.models.loading import LanguageModel
from core.models.sentence_encoder import SentenceEncoder
from core.records import Example
from core.run_record import command, commit, model_facts, write_record
from core.scoring import Scorer
from core.selection.pool_index import PoolIndex
from core.selection.strategies import STRATEGIES
from core.workbench import Workbench


@dataclass(frozen=True)
class QualityConfig:
    """What is measured."""

    parts: tuple[str, ...]
    translate: tuple[str, ...] | None  # languages from and into English; None: all with enough held-out pairs
    k: int  # demonstrations of a translation
    strategy: str = "agl"  # that chooses them
    pairs: int = MOST_PAIRS  # of a language that are translated, at most
    only_from_english: bool = False

    def __post_init__(self) -> None:
        """Refuse unknown parts, English beside English, and a k below 1."""
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown or not self.parts:
            names = repr(unknown[0]) if unknown else "none"
            raise InvalidConfig(f"The parts to measure are {names}; choose from {', '.join(PARTS)}.")
        if self.translate is not None and (ENGLISH in self.translate or not self.translate):
            raise InvalidConfig("Translation is from and into English; name one or more other languages, or all.")
        if self.k < 1:
            raise InvalidConfig(f"{self.k} demonstrations of a translation were asked for; k must be 1 or more.")
        if self.pairs < 1:
            raise InvalidConfig(f"{self.pairs} pairs of a language were asked for; give 1 or more.")
        if self.strategy not in STRATEGIES or STRATEGIES[self.strategy].closed:
            fitting = ", ".join(name for name, strategy in STRATEGIES.items() if not strategy.closed)
            raise InvalidConfig(
                f"{self.strategy!r} chooses no demonstrations of a translation; choose one of {fitting}."
            )


def _nobody(_line: str) -> None:
    """Hears nothing."""


@dataclass(frozen=True)
class Subject:
    """The models to measure and the text to measure them with, which is read when first asked for."""

    model: LanguageModel
    encoder: SentenceEncoder
    tasks: dict[str, Task]
    data: Path  # the folder that ``train.py pretrain`` reads
    config: QualityConfig
    cache: Path | None = None  # folder for vectors
    report: Callable[[str], None] = _nobody  # reports what is being measured

    @cached_property
    def scorer(self) -> Scorer:
        """Scores text by the model."""
        return Scorer(self.model)

    @cached_property
    def vectors(self) -> SentenceVectors:
        """The model's own sentence vectors."""
        return SentenceVectors(self.model)

    @property
    def languages(self) -> tuple[str, ...]:
        """The model's languages: those of the topic task."""
        return self.tasks["topic"].languages

    @cached_property
    def corpus(self) -> Corpus:
        """Training text and held-out pairs."""
        return load_corpus(self.data, self.languages)

    def topics(self, fold: str) -> list[Example]:
        """SIB-200 sentences of a fold."""
        path = self.data / "sib200" / "sib200_devlangs_train_dev.parquet"
        return read_examples(path, self.tasks["topic"], {"language": self.languages}, fold)


@dataclass(frozen=True)
class Measured:
    """What a part found."""

    table: pd.DataFrame  # a row per language or direction
    facts: dict[str, Any]  # what else the record says
    lines: list[dict[str, Any]] | None = None  # for a JSONL file beside the record


def _retrieval(subject: Subject) -> Measured:
    return Measured(retrieval(subject.corpus.held_out, subject.vectors, subject.encoder), {"text": "held-out Tatoeba"})


def _tokens(subject: Subject) -> Measured:
    table = costs(subject.topics("dev_query"), subject.corpus.held_out, subject.scorer)
    return Measured(table, {"text": "SIB-200 dev_query for tokens, held-out Tatoeba for bits"})


def _knn(subject: Subject) -> Measured:
    queries, pool = subject.topics("dev_query"), Pool(tuple(subject.topics("demo")))
    workbench = Workbench(subject.model, subject.encoder, cache=subject.cache, pools={"topic": pool})
    subject.report(f"knn: {len(queries)} queries, {len(pool)} examples")
    labels = pd.Series([query.label for query in queries])
    facts = {"text": "SIB-200, dev_query against demo", "majority": float(labels.value_counts(normalize=True).max())}
    return Measured(topic_accuracy(queries, workbench.index("topic")), facts)


def _translation(subject: Subject) -> Measured:
    chrf([""], [""])  # a missing library is reported before the work
    config, held_out, read = subject.config, subject.corpus.held_out, subject.corpus.train
    codes = config.translate or tuple(pairs_by_language(held_out))
    others = read[read["source"] == "Tatoeba"] if config.pairs > MOST_PAIRS else None
    pairs = {code: held_out_pairs(held_out, code, config.pairs, others) for code in codes}
    drawn = {normal_form(english) for own in pairs.values() for _, english in own}
    whole = parallel_pool(read, drawn | set(held_out["english"].map(normal_form)))
    translations: list[Translation] = []
    back = () if config.only_from_english else codes
    for source, target in [(ENGLISH, code) for code in codes] + [(code, ENGLISH) for code in back]:
        subject.report(f"translation: {source} into {target}")
        index = PoolIndex(whole if target == ENGLISH else facing(whole, target), subject.vectors, subject.encoder)
        predictor = Predictor(subject.tasks["translation"], index, subject.scorer)
        sentence_pairs = pairs[source] if target == ENGLISH else [(english, text) for text, english in pairs[target]]
        translations += translate(predictor, sentence_pairs, source, target, config.k, config.strategy)
    facts = {
        "text": "held-out Tatoeba" if others is None else "Tatoeba, held out first; all kept out of the pool",
        "pool": len(whole),
        "k": config.k,
        "strategy": config.strategy,
        "measure": "chrF, sacrebleu",
    }
    return Measured(chrf_table(translations), facts, [asdict(entry) for entry in translations])


PARTS: dict[str, Callable[[Subject], Measured]] = {
    "retrieval": _retrieval,
    "tokens": _tokens,
    "knn": _knn,
    "translation": _translation,
}


def measure(subject: Subject, output: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Measure part by part; each leaves ``PART.json`` in ``output``, and ``translation.jsonl`` holds every sentence.

    Yields the name and the table of a part when its record is written.
    """
    for part in subject.config.parts:
        began = time.perf_counter()
        measured = PARTS[part](subject)
        if measured.lines is not None:
            output.mkdir(parents=True, exist_ok=True)
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in measured.lines)
            (output / f"{part}.jsonl").write_text(text, encoding="utf-8")
        entry = {
            "command": command(),
            "commit": commit(),
            "model": model_facts(subject.model),
            "encoder": subject.encoder.name,
            "seconds": round(time.perf_counter() - began, 1),
            **measured.facts,
            "mean": means(measured.table),
            "rows": json.loads(measured.table.round(4).to_json(orient="records")),
        }
        write_record(output / f"{part}.json", entry)
        yield part, measured.table


def means(table: pd.DataFrame) -> dict[str, float]:
    """The mean of every measure over the rows that have one; counts are no measures."""
    return {str(name): round(float(value), 4) for name, value in table.select_dtypes("float").mean().items()}
