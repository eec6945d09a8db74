"""What a run measures on development items: is the trained choice better than none, than neighbours, than itself before?

Nothing is learnt from these items, and none of them is in the pool.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from core.data.pool import Pool
from core.metrics import accuracy
from core.models.embeddings import Projection
from core.records import Example
from core.seeds import random_of
from core.selection import policy
from core.statistics.paired import PairedTest, holm, paired_test
from core.training.config import FitConfig
from core.training.learner import Learner
from core.training.rollouts import Ask

SYSTEMS = ("zero-shot", "knn", "agl", "random labels")
ENOUGH_ITEMS = 20  # development items below which no test is made
LEVEL = 0.05  # of the tests, after Holm's correction


class Encoder(Protocol):
    """Measures meaning; see ``core.models.sentence_encoder``."""

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors ``(N, E)``."""
        ...


def held_items(examples: Sequence[Example], share: float, seed: int) -> frozenset[str]:
    """Items set aside for development: a function of the seed and of the items alone, the same for every stage."""
    items = sorted({example.item for example in examples})
    return frozenset(random_of("held out", seed).sample(items, round(share * len(items))))


@dataclass(frozen=True)
class Measured:
    """One measurement."""

    systems: dict[str, float]  # accuracy, mean over languages
    by_language: dict[str, float]  # accuracy of the policy's choice
    choices: list[dict[str, Any]]  # fixed queries with their demonstrations
    items: list[str] = field(default_factory=list)  # (Q,) item of every query
    correct: dict[str, list[bool]] = field(default_factory=dict)  # (Q,) whether a system answered right

    def fields(self) -> dict[str, Any]:
        """As the run log holds it."""
        return {"development": self.systems, "accuracy": self.by_language, "choices": self.choices}


class Development:
    """Measures a learner on the same queries again and again."""

    def __init__(self, learner: Learner, queries: Sequence[Example], encoder: Encoder, config: FitConfig) -> None:
        """``queries`` with gold labels, which also the self-supervised mode may look at here, and nowhere else."""
        self.learner, self.encoder, self.config = learner, encoder, config
        self.queries = watched(queries, config.watch.queries)
        self._encoded: dict[str, np.ndarray] = {}

    @torch.no_grad()
    def measure(self, pool: Pool, untrained: bool = False) -> Measured:
        """All systems under the present weights; ``untrained`` says that nothing was trained yet, so that vectors are there already.

        The language means that vectors are centred by are taken anew from the pool, as they are wherever a trained model is used. The
        learner keeps its own: measuring changes nothing that is trained.
        """
        own, logs = self._own_choice(pool, untrained)
        contexts: dict[str, Sequence[tuple[Example, ...]]] = {
            "zero-shot": [()] * len(self.queries),
            "knn": self._neighbours(pool),
            "agl": own,
            "random labels": [
                self._relabelled(query, context) for query, context in zip(self.queries, own, strict=True)
            ],
        }
        correct = {name: self._correct(choice) for name, choice in contexts.items()}
        by_language = {name: self._by_language(values) for name, values in correct.items()}
        systems = {name: sum(values.values()) / len(values) for name, values in by_language.items()}
        choices = self._choices(own, logs, correct["agl"])
        return Measured(systems, by_language["agl"], choices, [query.item for query in self.queries], correct)

    def _own_choice(self, pool: Pool, untrained: bool) -> tuple[list[tuple[Example, ...]], list[list[float]]]:
        learner, config = self.learner, self.config.policy
        examples = [*self.queries, *pool.examples]
        texts = [example.text for example in examples]
        with learner.in_half():
            raw = (
                torch.from_numpy(learner.untrained_vectors(texts)).to(learner.projection)
                if untrained
                else learner.raw(texts).float()
            )
        centre = None
        if not untrained:
            own = raw[len(self.queries) :].float().cpu().numpy()
            centre = Projection.fit(own, [example.language for example in pool.examples])
        languages = [example.language for example in examples]
        vectors = learner.project(raw, languages, learner.projection, centre=centre).cpu()
        bias = (learner.project(raw, languages, centre=centre) @ learner.head).cpu()[len(self.queries) :]
        drawn = policy.PolicyConfig(learner.temperature, config.redundancy)
        groups, candidates = torch.from_numpy(pool.groups), vectors[len(self.queries) :]
        contexts, logs = [], []
        for index, example in enumerate(self.queries):
            usable = torch.from_numpy(pool.usable(example.query))
            draw = policy.draw(vectors[index], candidates, usable, config.k, drawn, groups, bias=bias)
            contexts.append(tuple(pool.examples[i] for i in draw.chosen.tolist()))
            logs.append(draw.log_probs.tolist())
        return contexts, logs

    def _neighbours(self, pool: Pool) -> list[tuple[Example, ...]]:
        texts = [example.text for example in (*self.queries, *pool.examples)]
        missing = [text for text in dict.fromkeys(texts) if text not in self._encoded]
        if missing:
            self._encoded.update(zip(missing, self.encoder.vectors(missing), strict=True))
        vectors = torch.from_numpy(np.stack([self._encoded[text] for text in texts]))
        scores = vectors[: len(self.queries)] @ vectors[len(self.queries) :].T
        groups = torch.from_numpy(pool.groups)
        contexts = []
        for row, example in zip(scores, self.queries, strict=True):
            usable = torch.from_numpy(pool.usable(example.query))
            chosen = policy.top(row.masked_fill(~usable, -torch.inf), self.config.policy.k, groups)
            contexts.append(tuple(pool.examples[i] for i in chosen.tolist()))
        return contexts

    def _relabelled(self, query: Example, context: tuple[Example, ...]) -> tuple[Example, ...]:
        rng = random_of("relabelled", query.id)
        labels = self.learner.asker.writer.task.labels
        return tuple(Example(e.id, e.item, e.language, e.text, rng.choice(labels), e.origin) for e in context)

    def _correct(self, contexts: Sequence[tuple[Example, ...]]) -> list[bool]:
        asks = [
            Ask(query.query, context, self.config.bank.code(query))
            for query, context in zip(self.queries, contexts, strict=True)
        ]
        with self.learner.in_half():
            best = self.learner.asker.log_probs(asks).argmax(-1).tolist()
        labels = self.learner.asker.writer.task.labels
        return [labels[i] == query.label for i, query in zip(best, self.queries, strict=True)]

    def _by_language(self, correct: Sequence[bool]) -> dict[str, float]:
        codes = [query.language for query in self.queries]
        return {
            code: accuracy(
                ["right"] * codes.count(code),
                ["right" if r else "" for r, c in zip(correct, codes, strict=True) if c == code],
            )
            for code in sorted(set(codes))
        }

    def _choices(
        self, contexts: Sequence[tuple[Example, ...]], logs: Sequence[list[float]], correct: Sequence[bool]
    ) -> list[dict[str, Any]]:
        choices = []
        for index in range(min(self.config.watch.fixed, len(self.queries))):
            query = self.queries[index]
            demonstrations = [
                {
                    "id": e.id,
                    "language": e.language,
                    "text": e.text,
                    "label": e.label,
                    "origin": e.origin,
                    "log_prob": round(log, 4),
                }
                for e, log in zip(contexts[index], logs[index], strict=True)
            ]
            about = {
                "id": query.id,
                "language": query.language,
                "text": query.text,
                "label": query.label,
                "right": correct[index],
            }
            choices.append({"query": about, "shown": demonstrations})
        return choices


@dataclass(frozen=True)
class Rival:
    """A simpler choice against the trained one on the same development queries."""

    name: str  # zero-shot and knn under the trained weights, untrained: the policy's choice before training
    test: PairedTest  # the rival minus the trained choice, items drawn and flipped whole
    p_holm: float  # corrected over the rivals

    @property
    def better(self) -> bool:
        """Whether the rival is better than the trained choice by more than chance explains."""
        return self.test.difference.value > 0 and self.p_holm <= LEVEL

    def entry(self) -> dict[str, Any]:
        """As ``run.json`` has it; shares of queries."""
        difference = self.test.difference
        return {
            "rival": self.name,
            "difference": round(difference.value, 4),
            "low": round(difference.low, 4),
            "high": round(difference.high, 4),
            "p_holm": round(self.p_holm, 5),
            "items": self.test.items,
        }


def rivals(untrained: Measured, trained: Measured) -> list[Rival]:
    """The paired tests that decide on a fallback; none with fewer than ``ENOUGH_ITEMS`` development items, too few for a conclusion."""
    if len(set(trained.items)) < ENOUGH_ITEMS:
        return []
    answers = {
        "zero-shot": trained.correct["zero-shot"],
        "knn": trained.correct["knn"],
        "untrained": untrained.correct["agl"],
    }
    tests = {name: paired_test(right, trained.correct["agl"], trained.items) for name, right in answers.items()}
    computed = {name: test for name, test in tests.items() if isinstance(test, PairedTest)}
    corrected = holm([test.p for test in computed.values()])
    return [Rival(name, test, p) for (name, test), p in zip(computed.items(), corrected, strict=True)]


def gain(untrained: Measured, trained: Measured) -> dict[str, float] | None:
    """What the trained choice is above the one before training on the same queries, as the run log holds it.

    Difference of accuracies over queries in [-1, 1] with its 95 % bootstrap interval over items, p by sign flips; None with fewer than
    ``ENOUGH_ITEMS`` items, too few for a conclusion.
    """
    if len(set(trained.items)) < ENOUGH_ITEMS:
        return None
    test = paired_test(trained.correct["agl"], untrained.correct["agl"], trained.items)
    if not isinstance(test, PairedTest):
        return None
    difference = test.difference
    figures = {"value": difference.value, "low": difference.low, "high": difference.high, "p": test.p}
    return {name: round(figure, 4) for name, figure in figures.items()} | {"items": test.items}


def fallback(tested: Sequence[Rival]) -> str:
    """What inference falls back to: the best of the rivals that are better by a paired test, "" where none is.

    A point estimate would not do: with 120 queries a policy that is truly three points better comes out worse one time in five.
    """
    better = [rival for rival in tested if rival.better]
    return max(better, key=lambda rival: rival.test.difference.value).name if better else ""


def watched(queries: Sequence[Example], most: int) -> list[Example]:
    """At most ``most`` development queries, languages in turn, so that the first ones are of different languages."""
    by_language: dict[str, list[Example]] = {}
    for example in queries:
        by_language.setdefault(example.language, []).append(example)
    for code, examples in by_language.items():
        random_of("development", code).shuffle(examples)
    spread: list[Example] = []
    for depth in range(max(map(len, by_language.values()))):
        spread += [by_language[code][depth] for code in sorted(by_language) if depth < len(by_language[code])]
    return spread[:most]
