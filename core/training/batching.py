"""The queries of an iteration and the candidates that they choose among: a function of seed, iteration and pool alone.

Shapes: B queries, N candidates.
"""

from collections.abc import Sequence

import torch

from core.data.pool import Pool
from core.data.tasks import Task
from core.records import Example, Query
from core.seeds import random_of
from core.selection import policy
from core.training.config import FitConfig
from core.training.learner import Learner
from core.training.rollouts import Batch, Written


class BatchMaker:
    """Makes the batches of a run."""

    def __init__(self, config: FitConfig, task: Task, queries: Sequence[Example], learner: Learner) -> None:
        """``queries`` are those to learn from, each in its language."""
        self.config, self.task, self.learner = config, task, learner
        self.examples = tuple(queries)
        self._by_language: dict[str, list[Example]] = {}
        for example in queries:
            self._by_language.setdefault(example.language, []).append(example)

    def queries(self, iteration: int) -> list[Example]:
        """The B queries of an iteration, languages in turn."""
        rng = random_of(self.config.seed, "queries", iteration)
        languages = sorted(self._by_language)
        rng.shuffle(languages)
        count = self.config.optim.queries
        chosen: list[Example] = []
        for index in range(count):
            rivals = [e for e in self._by_language[languages[index % len(languages)]] if e not in chosen]
            if rivals:
                chosen.append(rng.choice(rivals))
        while len(chosen) < count:
            chosen.append(rng.choice(chosen))
        return chosen

    def batches(
        self, iteration: int, pool: Pool, written: dict[str, Written], process: int, processes: int
    ) -> list[Batch]:
        """The batches of one process, ``accumulate`` of them; all share the candidates."""
        queries = self.queries(iteration)
        indices = self.candidates(iteration, queries, pool)
        examples = tuple(pool.examples[index] for index in indices)
        written_here = {index: written[example.id] for index, example in enumerate(examples) if example.id in written}
        size = len(queries) // (processes * self.config.optim.accumulate)
        own = [(f"{iteration}/{index}/{example.id}", example) for index, example in enumerate(queries)][
            process::processes
        ]
        return [
            self._batch(own[start : start + size], Pool(examples), written_here)
            for start in range(0, size * self.config.optim.accumulate, size)
        ]

    def candidates(self, iteration: int, queries: Sequence[Example], pool: Pool) -> list[int]:
        """Indices into the pool: the written pairs, the nearest usable ones of every query, and a random rest; sorted."""
        config = self.config.policy
        if len(pool) <= config.candidates:
            return list(range(len(pool)))
        scores = self._scores(queries, pool)
        written = [index for index, example in enumerate(pool.examples) if example.origin == "generated"]
        chosen = dict.fromkeys(written[: config.candidates // 2])
        share = max(config.k, int(config.near * config.candidates) // len(queries))
        groups = torch.from_numpy(pool.groups)
        for row, example in zip(scores, queries, strict=True):
            usable = torch.from_numpy(pool.usable(example.query))
            nearest = policy.top(row.masked_fill(~usable, -torch.inf), share, groups)
            chosen.update(dict.fromkeys(nearest.tolist()))
        rest = [index for index in range(len(pool)) if index not in chosen]
        random_of(self.config.seed, "candidates", iteration).shuffle(rest)
        indices = [*chosen, *rest[: max(0, config.candidates - len(chosen))]]
        return sorted(indices)

    @torch.no_grad()
    def _scores(self, queries: Sequence[Example], pool: Pool) -> torch.Tensor:
        """Scores ``(B, N)`` by vectors of the untrained model under the present projection."""
        learner = self.learner
        texts = [example.text for example in (*queries, *pool.examples)]
        raw = torch.from_numpy(learner.untrained_vectors(texts)).to(learner.projection)
        vectors = learner.project(
            raw, [example.language for example in (*queries, *pool.examples)], learner.projection, untrained=True
        )
        return (vectors[: len(queries)] @ vectors[len(queries) :].T).cpu()

    def _batch(self, identified: Sequence[tuple[str, Example]], pool: Pool, written: dict[int, Written]) -> Batch:
        queries = tuple(example.query for _, example in identified)
        identities = tuple(identity for identity, _ in identified)
        device = self.learner.model.device
        usable = torch.stack([torch.from_numpy(pool.usable(query)) for query in queries])
        for row, query in zip(usable, queries, strict=True):
            pool.require(row.numpy(), self.config.policy.k, query)
        vectors_of = self.learner.untrained_vectors
        return Batch(
            queries,
            identities,
            tuple(self.task.labels.index(example.label) for _, example in identified)
            if self.config.mode == "supervised"
            else None,
            tuple(self._codes(query, identity) for query, identity in zip(queries, identities, strict=True)),
            pool.examples,
            usable.to(device),
            torch.from_numpy(pool.groups).to(device),
            (vectors_of([query.text for query in queries]), vectors_of([example.text for example in pool.examples])),
            written,
        )

    def _codes(self, query: Query, identity: str) -> tuple[str, ...]:
        """The query's own language and ``answer_languages - 1`` others."""
        others = [code for code in self.task.languages if code != query.language]
        drawn = random_of(self.config.seed, "answers", identity).sample(others, self.config.answer_languages - 1)
        return (query.language, *drawn)
