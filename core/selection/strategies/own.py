"""Self-selection: the model chooses by its own hidden states, through the policy of ``core.selection.policy``, or from what it wrote."""

from dataclasses import replace

import numpy as np

from core.errors import PoolTooSmall
from core.records import Demonstration, Selection
from core.selection import policy
from core.selection.policy import PolicyConfig
from core.selection.strategies.base import Candidates, Strategy


class SelfSelection(Strategy):
    """The policy's greedy choice, or a sample from it."""

    name = "agl"
    title = "Self-selection (AGL)"
    needs = frozenset({"own"})

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose, with the exact log-probability of every draw."""
        query, vectors = candidates.index.own_vector(candidates.query), candidates.index.own_vectors()
        generator = candidates.generator() if candidates.sample else None
        mask, halves, bias = candidates.usable_mask, candidates.index.own_halves(), candidates.index.own_bias()
        draw = policy.draw(query, vectors, mask, count, candidates.policy, candidates.groups, generator, halves, bias)
        demonstrations = tuple(
            Demonstration(candidates.pool.examples[index], float(score), float(log))
            for index, score, log in zip(draw.chosen.tolist(), draw.scores, draw.log_probs, strict=True)
        )
        entropy = policy.entropy(draw.first_scores, mask)
        return Selection(self.name, demonstrations, float(draw.log_prob), float(entropy), int(candidates.usable.sum()))


class Untrained(SelfSelection):
    """Self-selection as it was before the closed-loop run that is loaded: states of the weights that the run began with, no projection.

    The pool and the weights that answer are those of the run, so that beside ``agl`` only the choice differs. Exact: the states are
    computed with the adapter switched off, or, where a run changed all weights, by the model it began with. The policy has its
    default settings. Without a run it is ``agl``, but for the policy's settings.
    """

    name = "agl-untrained"
    title = "Self-selection, policy untrained"

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose by the states of before."""
        return super().select(replace(candidates, index=candidates.index.untrained, policy=PolicyConfig()), count)


class SelfGenerated(SelfSelection):
    """Self-selection from the pairs that the model itself wrote, and from nothing else."""

    name = "self-generated"
    title = "Only pairs the model wrote"

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose among written pairs. Raises ``PoolTooSmall`` where fewer than ``count`` may be shown."""
        written = np.array([example.origin == "generated" for example in candidates.pool.examples])
        own = replace(candidates, usable=candidates.usable & written)
        if own.items < count:
            raise PoolTooSmall(
                f"{count} pairs of the model's own writing were asked for, but of the {int(written.sum())} in the pool only "
                f"{own.items} may be shown to a query in {candidates.query.language}; let it write some in a closed loop (Train in "
                "the app, or train.py fit) and choose that run, or lower K."
            )
        return super().select(own, count)
