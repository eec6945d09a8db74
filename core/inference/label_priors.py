"""Domain-context calibration: the prior of the labels under a prompt, from unlabelled sentences (Fei et al. 2023, arXiv 2305.19148).

A language model prefers some label words whatever the text is. Fei et al. estimate that prior with texts of random words of the
domain; here the texts are sentences of the pool in the query's language, their labels unused, after demonstrations drawn at random, as
many as the query has. A few contexts are shared by all sentences, so that each is read once. The prior is the mean of the label
probabilities: one vector per model, task, language, number of demonstrations and prompt, estimated once and kept on disk, so that a
single question can be calibrated. Under a prompting system the prompt is its framing without what it says of one query: sentences are
asked in their own words, and where the query's translation stands, they have the pool's English side of theirs.
Shapes: L labels, S sentences. Log-probabilities in nats.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from core.data.tasks import FALLBACK
from core.prompting import PromptWriter, combined
from core.records import Demonstration, Example, Framing, Query
from core.scoring import Request, Scores
from core.scoring.calibration import log_softmax
from core.scoring.labels import LabelScore, label_scores
from core.seeds import random_of

SENTENCES = 20  # as many texts as Fei et al. draw
CONTEXTS = 4  # sets of random demonstrations, each before a quarter of the sentences


class LabelPriors:
    """The label priors of one model on one task with one pool."""

    def __init__(
        self, writer: PromptWriter, scorer: Scores, folder: Path | None = None, rule: LabelScore = "sum"
    ) -> None:
        """``folder``: where priors are kept between processes, None for memory alone; ``rule``: see ``core.scoring.labels``."""
        self.writer, self.scorer, self.rule = writer, scorer, rule
        self._path = folder / f"priors-{scorer.model.fingerprint}.json" if folder else None
        self._priors: dict[str, list[float]] | None = None

    def missing(self, query: Query, count: int, code: str, framing: Framing) -> bool:
        """Whether the prior has yet to be estimated."""
        return self._key(query, count, code, framing) not in self._stored

    def prior(self, query: Query, count: int, code: str, framing: Framing) -> np.ndarray:
        """``log`` of the labels' prior ``(L,)`` for queries in this language after ``count`` demonstrations, answers in ``code``."""
        key = self._key(query, count, code, framing)
        if key not in self._stored:
            self._estimate(key, query, count, code, framing)
        return np.array(self._stored[key])

    def _estimate(self, key: str, query: Query, count: int, code: str, framing: Framing) -> None:
        sentences = self._sentences(query, framing)
        contexts = self._contexts(sentences, count)
        requests = [
            self._requests(example, contexts[number % len(contexts)], code, framing)
            for number, example in enumerate(sentences)
        ]
        each = iter(label_scores(self.scorer, [request for several in requests for request in several], self.rule))
        rows = np.stack([log_softmax(combined([next(each) for _ in several])) for several in requests])
        self._stored[key] = [round(float(value), 6) for value in mean_probability(rows)]
        self._save()

    def _sentences(self, query: Query, framing: Framing) -> list[Example]:
        """At most S sentences of different items, in the language that is asked in where the pool has it, else in any."""
        pool, spoken = self.writer.pool, (framing.query or query).language
        own = [example for example in pool.examples if example.language == spoken and not example.choices]
        candidates = own or [example for example in pool.examples if not example.choices]
        rng = random_of("prior", self.writer.task.name, spoken)
        by_item: dict[str, Example] = {}
        for example in rng.sample(candidates, len(candidates)):
            by_item.setdefault(example.item, example)
            if len(by_item) == SENTENCES:
                break
        return list(by_item.values())

    def _contexts(self, sentences: Sequence[Example], count: int) -> list[tuple[Demonstration, ...]]:
        """Sets of ``count`` random demonstrations that may stand before any of the sentences; fewer where the pool has no more."""
        if count == 0:
            return [()]
        pool, own = self.writer.pool, {example.item for example in sentences}
        usable = [
            example
            for example, may in zip(pool.examples, pool.usable(sentences[0].query), strict=True)
            if may and example.item not in own
        ] or [example for example in pool.examples if example.item != sentences[0].item]
        contexts = []
        for number in range(CONTEXTS):
            drawn: dict[str, Example] = {}
            for example in random_of("prior demonstrations", number).sample(usable, min(len(usable), 20 * count)):
                drawn.setdefault(example.item, example)
            contexts.append(tuple(Demonstration(example, None, None) for example in list(drawn.values())[:count]))
        return contexts

    def _requests(
        self, example: Example, demonstrations: tuple[Demonstration, ...], code: str, framing: Framing
    ) -> list[Request]:
        side = self.writer.pool.side(example.item, FALLBACK)
        plain = replace(framing, query=None, translation=framing.translation and (side or example).text)
        prompts = [
            self.writer.prompt(example.query, demonstrations, other, plain) for other in framing.codes or (code,)
        ]
        return [Request(prompt.text, self.writer.words(prompt.language), relative=True) for prompt in prompts]

    def _key(self, query: Query, count: int, code: str, framing: Framing) -> str:
        writer = self.writer
        facts = {
            "task": writer.task.name,
            "words": [writer.words(other) for other in framing.codes or (code,)],
            "templates": [writer.template(other).version for other in framing.codes or (code,)],
            "prompt": asdict(writer.config),
            "code": code,
            "query": (framing.query or query).language,
            "framing": asdict(replace(framing, query=None, translation="")) | {"aligners": dict(framing.aligners)},
            "count": count,
            "rule": self.rule,
            "pool": self._pool,
        }
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
        return (
            f"{writer.task.name}/{(framing.query or query).language}/{code}/k{count}/{writer.config.variant}/{digest}"
        )

    @cached_property
    def _pool(self) -> str:
        digest = hashlib.sha256()
        for example in self.writer.pool.examples:
            digest.update(f"{example.id}\0{example.text}\0{example.label}\0".encode())
        return digest.hexdigest()[:12]

    @property
    def _stored(self) -> dict[str, list[float]]:
        if self._priors is None:
            try:
                self._priors = json.loads(self._path.read_text(encoding="utf-8")) if self._path else {}
            except (OSError, ValueError):
                self._priors = {}  # absent or torn: estimated anew
        assert self._priors is not None
        return self._priors

    def _save(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._stored, indent=0), encoding="utf-8")
        partial.replace(self._path)


def mean_probability(rows: np.ndarray) -> np.ndarray:
    """``log`` of the mean of probabilities given as normalised log-probabilities ``(S, L)``: ``(L,)``."""
    return np.asarray(np.logaddexp.reduce(rows) - np.log(len(rows)))
