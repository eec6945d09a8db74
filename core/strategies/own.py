"""Self-selection: the model chooses by its own hidden states, through the policy of ``core.policy``."""

from core import policy
from core.records import Demonstration, Selection
from core.strategies.base import Candidates


class SelfSelection:
    """The policy's greedy choice, or a sample from it."""

    name = "agl"
    needs_k = True

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose, with the exact log-probability of every draw."""
        query, vectors = candidates.index.own_vector(candidates.query), candidates.index.own_vectors()
        generator = candidates.generator() if candidates.sample else None
        draw = policy.draw(
            query, vectors, candidates.usable_mask, count, candidates.policy, candidates.groups, generator
        )
        shown = tuple(
            Demonstration(candidates.pool.examples[index], float(score), float(log))
            for index, score, log in zip(draw.chosen.tolist(), draw.scores, draw.log_probs, strict=True)
        )
        entropy = policy.entropy(policy.scores(query, vectors, candidates.policy), candidates.usable_mask)
        return Selection(self.name, shown, float(draw.log_prob), float(entropy), int(candidates.usable.sum()))
