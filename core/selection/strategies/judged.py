"""Strategies that consult the language model before it answers: they rank by what it would say, without any gold label.

Only the nearest candidates of the sentence encoder are scored, because each costs a pass of the model.
"""

from collections.abc import Callable, Sequence

import numpy as np

from core.records import Selection
from core.seeds import random_of
from core.selection.strategies.base import Candidates, Strategy


class MinimumDescriptionLength(Strategy):
    """The context under which the model is surest (self-adaptive in-context learning, Wu et al. 2023, arXiv 2212.10375).

    Select: the ``nearest`` items by cosine. Rank: ``contexts`` candidate contexts of K of them, the first being the K nearest, the
    others drawn at random with their order; the one with the smallest entropy of ``p(y|x,C)`` over the labels wins. The
    description length of the label under the model is ``-log p(y|x,C)``; without the gold label its mean under the model's own
    distribution stands for it, which is this entropy. The cost of describing the model is the same for all contexts, hence left out.
    """

    name = "mdl"
    title = "Surest answer (MDL)"
    needs = frozenset({"encoder"})
    seeded = True
    closed = True
    nearest = 30  # items
    contexts = 10

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose a context; the score of its demonstrations is minus its entropy, nats."""
        near = candidates.best(candidates.relevance(), min(candidates.items, max(self.nearest, count))).tolist()
        query = candidates.query
        source = random_of(self.name, candidates.seed, query.language, query.text)
        drawn = [near[:count], *(source.sample(near, count) for _ in range(self.contexts - 1))]
        examples = candidates.pool.examples
        model_judge = candidates.required_judge(self.name)
        logs = model_judge.distributions(query, [[examples[i] for i in context] for context in drawn], candidates.code)
        entropies = -(np.exp(logs) * logs).sum(-1)
        best = int(entropies.argmin())
        return candidates.selection(self.name, drawn[best], lambda _: -float(entropies[best]))


class Likelihood(Strategy):
    """The demonstrations after which the model finds the query itself least surprising.

    EPR (Rubin et al. 2022, arXiv 2112.08633) scores a demonstration by the language model's likelihood of the gold answer and
    trains a retriever on these scores, because at inference there is no gold answer. Nothing is trained here: the model scores
    the ``nearest`` candidates at inference, by ``log p(text of the query | demonstration)``, which needs no label. The score is the
    mean over the tokens of the query's text (nats per token), so that it can be compared between queries of different
    length; the demonstration's own tokens are conditioned on and never scored, so its length brings no bonus.
    """

    name = "likelihood"
    title = "Most likely query (LM likelihood)"
    needs = frozenset({"encoder"})
    nearest = 32  # items

    def prepare(self, choices: Sequence[Candidates], progress: Callable[[float], None] = lambda _: None) -> None:
        """Score the nearest candidates of all queries together."""
        if choices:
            examples = choices[0].pool.examples
            requests = [(c.query, [examples[i] for i in self._near(c, self.nearest)], c.code) for c in choices]
            choices[0].required_judge(self.name).score(requests, progress)

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose the highest likelihoods of the query."""
        near = self._near(candidates, max(self.nearest, count))
        examples = [candidates.pool.examples[i] for i in near]
        scores = candidates.required_judge(self.name).likelihoods(candidates.query, examples, candidates.code)
        order = np.argsort(-scores, kind="stable")[:count].tolist()
        by_index = {near[rank]: float(scores[rank]) for rank in order}
        return candidates.selection(self.name, list(by_index), lambda i: by_index[i])

    def _near(self, candidates: Candidates, count: int) -> list[int]:
        return [int(i) for i in candidates.best(candidates.relevance(), min(candidates.items, count))]
