"""One forward pass of the closed loop: encode, draw contexts, answer, compare, and the losses with their gradients.

A single ``forward`` holds the whole step, so that ``accelerate`` may wrap the module for several processes. Texts are encoded once,
with a gradient; contexts are drawn and answered under the same weights without one.

Shapes: B queries, N candidates, G contexts, K demonstrations, M languages of the answer, L labels, D dimensions.
"""

import time
from collections.abc import Sequence

import torch

from core.models.embeddings import Projection, SentenceVectors
from core.models.loading import LanguageModel
from core.scoring.graded import graded_scores
from core.seeds import generator_of
from core.selection import policy
from core.selection.policy import PolicyConfig
from core.training.config import FitConfig
from core.training.encoder import SelfEncoder
from core.training.losses import (
    alignment_loss,
    clipped_writing_loss,
    coherence_loss,
    kl_rows,
    leave_one_out,
    policy_gradient_loss,
    variance_floor,
)
from core.training.rewards import accuracy_reward, combine, consensus, diversity_reward
from core.training.rollouts import Ask, Asker, Batch, Rollouts, StepResult, Written


class Learner(SelfEncoder):
    """The whole step as one module."""

    def __init__(
        self, model: LanguageModel, asker: Asker, vectors: SentenceVectors, centre: Projection, config: FitConfig
    ) -> None:
        """``asker`` asks ``model``; the rest as in ``SelfEncoder``."""
        super().__init__(model, vectors, centre, config)
        self.asker = asker
        self._zero_shot_reference: dict[tuple[str, str], torch.Tensor] = {}

    def forward(self, batch: Batch) -> StepResult:
        """The losses of one batch."""
        clock = Clock()
        languages = [*(q.language for q in batch.queries), *(c.language for c in batch.candidates)]
        with self.in_half():
            raw = self.raw([*(q.text for q in batch.queries), *(c.text for c in batch.candidates)])
        vectors = self.project(raw.float(), languages, self.projection)
        queries, candidates = vectors[: len(batch.queries)], vectors[len(batch.queries) :]
        scores = queries @ candidates.T / self.log_temperature.exp()
        chosen = self._draw(batch, queries.detach(), candidates.detach())
        clock.end("choose")
        zero_shot = [
            Ask(query, (), code) for query, codes in zip(batch.queries, batch.codes, strict=True) for code in codes
        ]
        with_context = self._asks(batch, chosen)
        log_probs = self._answers(with_context, chosen.shape)
        clock.end("answer")
        learns = self.config.losses.align > 0 or self.config.losses.reference > 0
        learns = learns and self.config.optim.trained != "policy"
        with self.in_half(), torch.set_grad_enabled(learns):
            without = self.asker.graded(zero_shot).view(len(batch.queries), -1, log_probs.shape[-1])
        clock.end("bare")
        rollouts = self._valued(batch, chosen, log_probs, without.detach(), candidates.detach())
        losses = self._losses(batch, rollouts, queries, candidates, scores, without, with_context)
        clock.end("losses")
        with torch.no_grad():
            draws = scores.masked_fill(~batch.usable, -torch.inf).log_softmax(-1)
            entropy = -(draws.exp() * draws).masked_fill(~batch.usable, 0.0).sum(-1)
        return StepResult(losses, rollouts, entropy, clock.seconds)

    @torch.no_grad()
    def _draw(self, batch: Batch, queries: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
        """Contexts ``(B, G, K)`` drawn by Gumbel-top-K under the present weights; a query's draws depend on its identity alone."""
        config = self.config.policy
        drawn = PolicyConfig(self.temperature, config.redundancy)
        rows = []
        for index, identity in enumerate(batch.identities):
            source = generator_of(self.config.seed, identity)
            rows += [
                policy.draw(
                    queries[index], candidates, batch.usable[index], config.k, drawn, batch.groups, source
                ).chosen
                for _ in range(config.contexts)
            ]
        return torch.stack(rows).view(len(batch.identities), config.contexts, config.k).to(self.model.device)

    def _asks(self, batch: Batch, chosen: torch.Tensor) -> list[Ask]:
        """Every query under each of its contexts in each language, in the order of ``(B, G, M)``."""
        return [
            Ask(query, tuple(batch.candidates[i] for i in context), code)
            for query, contexts, codes in zip(batch.queries, chosen.tolist(), batch.codes, strict=True)
            for context in contexts
            for code in codes
        ]

    @torch.no_grad()
    def _answers(self, asks: list[Ask], shape: torch.Size) -> torch.Tensor:
        with self.in_half():
            return (
                self.asker.log_probs(asks)
                .view(shape[0], shape[1], self.config.answer_languages, -1)
                .to(self.model.device)
            )

    def _valued(
        self,
        batch: Batch,
        chosen: torch.Tensor,
        log_probs: torch.Tensor,
        without: torch.Tensor,
        candidates: torch.Tensor,
    ) -> Rollouts:
        """Targets, rewards and advantages."""
        agreed_label, share = consensus(log_probs)
        targets = agreed_label if batch.golds is None else torch.tensor(batch.golds, device=log_probs.device)
        agreed = log_probs.exp().mean((1, 2)).gather(1, targets[:, None])[:, 0] if batch.golds is not None else share
        accuracy = accuracy_reward(log_probs, targets, self.config.reward.blend)
        rewards = combine(accuracy, diversity_reward(candidates[chosen]), self.config.reward)
        return Rollouts(chosen, log_probs, without, targets, agreed, rewards, leave_one_out(rewards.total))

    def _losses(
        self,
        batch: Batch,
        rollouts: Rollouts,
        queries: torch.Tensor,
        candidates: torch.Tensor,
        scores: torch.Tensor,
        without: torch.Tensor,
        with_context: list[Ask],
    ) -> dict[str, torch.Tensor]:
        weights, trained = self.config.losses, self.config.optim.trained
        tau = self.log_temperature.exp()
        crowding = self.config.policy.redundancy / tau if self.config.policy.redundancy > 0 else 0.0
        log_pi = policy.log_probs(
            scores, rollouts.chosen, batch.usable, batch.groups, candidates if crowding else None, crowding
        ).sum(-1)
        zero = scores.new_zeros(())
        losses = {
            "rl": policy_gradient_loss(log_pi, rollouts.advantages),
            "coherence": self._coherence(batch, rollouts, queries) if weights.coherence > 0 else zero,
            "floor": variance_floor(candidates, weights.variance_floor),
            "align": zero,
            "reference": self._reference_kl(batch, scores, without) if weights.reference > 0 else zero,
            "writing": self._writing(batch, rollouts) if batch.written and trained != "policy" else zero,
        }
        if weights.align > 0:
            losses["align"] = self._align(rollouts, without, with_context)
        losses["total"] = (
            weights.rl * (losses["rl"] + weights.writing * losses["writing"])
            + weights.align * losses["align"]
            + weights.coherence * (losses["coherence"] + losses["floor"])
            + weights.reference * losses["reference"]
        )
        return losses

    def _align(self, rollouts: Rollouts, without: torch.Tensor, asks: list[Ask]) -> torch.Tensor:
        teacher = self._teacher(rollouts, asks)  # (B, G, M, L)
        spoken = teacher.shape[2]
        target = rollouts.targets[:, None, None, None].expand(*teacher.shape[:3], 1)
        gain = (teacher.detach() - without.detach()[:, None]).gather(-1, target)[..., 0]
        helped = gain > 0 if self.config.losses.gate else torch.ones_like(gain, dtype=torch.bool)
        parts = [alignment_loss(teacher[:, :, m], without[:, m], helped[:, :, m]) for m in range(spoken)]
        return torch.stack(parts).mean()

    def _teacher(self, rollouts: Rollouts, asks: list[Ask]) -> torch.Tensor:
        """``log p(y|x,C)`` ``(B, G, M, L)`` of whoever teaches; with a gradient only where both sides learn."""
        which, shape = self.config.losses.teacher, rollouts.log_probs.shape
        if which == "stop_gradient":
            return rollouts.log_probs
        if which == "both":
            with self.in_half():
                return self.asker.graded(asks).view(shape)
        with (self.average if which == "ema" else self.reference).applied():
            return self._answers(asks, shape)

    def _coherence(self, batch: Batch, rollouts: Rollouts, queries: torch.Tensor) -> torch.Tensor:
        task = self.asker.writer.task
        labels = [task.labels[i] for i in rollouts.targets.tolist()]
        languages = [codes[0] for codes in batch.codes]
        sentences = [
            query.choices[index] if query.choices else task.verbaliser(query.language).sentence_of(label)
            for query, label, index in zip(batch.queries, labels, rollouts.targets.tolist(), strict=True)
        ]
        which = self.config.losses.coherence_target
        if which == "frozen":
            answers = self.project(
                torch.from_numpy(self.untrained_vectors(sentences)).to(queries), languages, untrained=True
            )
        elif which == "ema":
            with torch.no_grad(), self.average.applied(), self.in_half():
                answers = self.project(self.raw(sentences).float(), languages, self.projection)
        else:
            with self.in_half():
                answers = self.project(self.raw(sentences).float(), languages, self.projection)
        return coherence_loss(queries, answers)

    def remembered(self) -> list[tuple[str, str, list[float]]]:
        """Zero-shot label distributions of the untrained model: text, language, log-probabilities."""
        return [(text, code, row.tolist()) for (text, code), row in self._zero_shot_reference.items()]

    def remember(self, rows: Sequence[tuple[str, str, Sequence[float]]]) -> None:
        """Take in what ``remembered`` returned."""
        self._zero_shot_reference = {(text, code): torch.tensor(row) for text, code, row in rows}

    def _reference_kl(self, batch: Batch, scores: torch.Tensor, without: torch.Tensor) -> torch.Tensor:
        """KL(theta || untrained), nats: of the policy's first draw, and of zero-shot answers where the language model learns."""
        with torch.no_grad():
            queries, candidates = (torch.from_numpy(part).to(scores) for part in batch.reference)
            queries = self.project(queries, [query.language for query in batch.queries], untrained=True)
            candidates = self.project(candidates, [example.language for example in batch.candidates], untrained=True)
            untrained = (queries @ candidates.T / self.config.policy.temperature).masked_fill(~batch.usable, -torch.inf)
        now = scores.masked_fill(~batch.usable, -torch.inf).log_softmax(-1)
        apart = kl_rows(now, untrained.log_softmax(-1), batch.usable).mean()
        if self.config.optim.trained == "policy":
            return apart
        asks = [Ask(query, (), code) for query, codes in zip(batch.queries, batch.codes, strict=True) for code in codes]
        return apart + kl_rows(without.flatten(0, 1), self._reference_zero_shot(asks).to(without)).mean()

    @torch.no_grad()
    def _reference_zero_shot(self, asks: list[Ask]) -> torch.Tensor:
        """Zero-shot label distributions of the untrained model ``(R, L)``, remembered."""
        missing = [ask for ask in asks if (ask.query.text, ask.code) not in self._zero_shot_reference]
        if missing:
            with self.reference.applied(), self.in_half():
                for ask, row in zip(missing, self.asker.log_probs(missing), strict=True):
                    self._zero_shot_reference[ask.query.text, ask.code] = row
        return torch.stack([self._zero_shot_reference[ask.query.text, ask.code] for ask in asks])

    def _writing(self, batch: Batch, rollouts: Rollouts) -> torch.Tensor:
        """The reward's way to the tokens of written demonstrations that contexts show."""
        used, gains = [], []
        for contexts, advantages in zip(rollouts.chosen.tolist(), rollouts.advantages.tolist(), strict=True):
            for context, advantage in zip(contexts, advantages, strict=True):
                indices = [index for index in context if index in batch.written]
                used += indices
                gains += [advantage] * len(indices)
        if not used:
            return rollouts.advantages.new_zeros(())
        order = sorted(set(used))
        now = self.writing_log_probs([batch.written[index] for index in order])
        row = torch.tensor([order.index(index) for index in used], device=now.device)
        then = torch.tensor([batch.written[index].log_prob for index in used], device=now.device)
        return clipped_writing_loss(now[row], then, torch.tensor(gains, device=now.device), rollouts.advantages.numel())

    def writing_log_probs(self, pairs: Sequence[Written]) -> torch.Tensor:
        """Mean log-probability of each written text's tokens ``(P,)``, nats per token, under the weights in place."""
        targets = self.asker.scorer.targets([(pair.prompt, pair.continuation) for pair in pairs])
        with self.in_half():
            rows = graded_scores(self.model, [[target] for target in targets], self.asker.packed, self.asker.head)
        totals = rows[:, 0]
        lengths = torch.tensor([len(target.tokens) - target.first for target in targets], device=totals.device)
        return totals / lengths


class Clock:
    """Wall seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def end(self, phase: str) -> None:
        """What passed since the last end belongs to ``phase``."""
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now
