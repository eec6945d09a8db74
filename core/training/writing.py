"""Self-generation: the model writes demonstrations for a query, and strict filters decide which are kept.

A pair is an input in a language other than the query's, written after demonstrations in that language, and the label that the
model itself gives it. Every rejection has a name and is counted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.data.matching import normal_form
from core.data.pool import Pool
from core.data.templates import SEPARATOR, clean
from core.language_id import language_fault
from core.models.generation import Generated, GenerationConfig, generate
from core.records import Example, Query
from core.seeds import generator_of, random_of
from core.selection import policy
from core.training.config import WritingConfig
from core.training.learner import Learner
from core.training.rollouts import Ask, Asker, Written

REASONS = {
    "unfinished": "the line did not end within the tokens allowed",
    "unparsed": "the template's words after the text are missing",
    "empty": "no text, or no letter in it",
    "script": "fewer than half of the letters are of the language's script",
    "language": "another language is likelier than the one asked for",
    "length": "too short or too long beside the demonstrations it was written after, which are in its language",
    "copy": "too much of it stands in the query or in a demonstration it was written after",
    "duplicate": "the pool has, or had, this text",
    "votes": "the model labels it differently under different contexts",
    "label": "the model gives it another label than that of the demonstrations it was written after",
    "surplus": "its label is already too frequent among written pairs",
    "incoherent": "the model's vectors of the pair and of what it was written for are too far apart",
}


@dataclass(frozen=True)
class Draft:
    """One attempt."""

    query: Query
    language: str  # asked for
    label: str  # asked for, "" for any
    demonstrations: tuple[Example, ...]
    prompt: str
    lead: str  # white space between the prompt and the text
    after: str  # what must follow the text on its line
    identity: str


class PairWriter:
    """Writes pairs for queries from a pool."""

    def __init__(self, learner: Learner, asker: Asker, config: WritingConfig, k: int) -> None:
        """``k``: demonstrations under which the label of a pair is asked for."""
        self.learner, self.asker, self.config, self.k = learner, asker, config, k

    @torch.no_grad()
    def write(
        self,
        queries: Sequence[tuple[Query, str]],
        pool: Pool,
        excluded: set[str],
        labels: Sequence[str],
        iteration: int,
    ) -> tuple[list[Written], Counter[str]]:
        """One attempt for each of ``queries`` (with the identity that seeds it); kept pairs and counted rejections.

        ``known``: normal forms of texts that are not admitted; ``labels``: labels of the written pairs in the pool.
        """
        scores = self._scores([query for query, _ in queries], pool)
        drafts = [
            d for d in (self._draft(q, i, pool, s) for (q, i), s in zip(queries, scores, strict=True)) if d is not None
        ]
        if not drafts:
            return [], Counter()
        settings = GenerationConfig(self.config.max_tokens, self.config.temperature)
        source = generator_of("writing", *(draft.identity for draft in drafts))
        lines = generate(self.asker.scorer.model, [draft.prompt for draft in drafts], settings, source)
        rejected: Counter[str] = Counter()
        texts: dict[int, str] = {}
        for index, (draft, line) in enumerate(zip(drafts, lines, strict=True)):
            text, reason = self._read(draft, line, excluded)
            if reason:
                rejected[reason] += 1
            else:
                texts[index] = text
                excluded = excluded | {normal_form(text)}
        pairs = self._labelled(
            [(drafts[index], text) for index, text in texts.items()], pool, list(labels), iteration, rejected
        )
        return pairs, rejected

    def _scores(self, queries: Sequence[Query], pool: Pool) -> torch.Tensor:
        """The policy's scores ``(B, N)``, from vectors of the model before training under the present projection and head."""
        learner = self.learner
        languages = [*(query.language for query in queries), *(example.language for example in pool.examples)]
        texts = [*(query.text for query in queries), *(example.text for example in pool.examples)]
        raw = torch.from_numpy(learner.untrained_vectors(texts)).to(learner.projection)
        vectors = learner.project(raw, languages, learner.projection, untrained=True)
        bias = learner.project(raw[len(queries) :], languages[len(queries) :], untrained=True) @ learner.head
        cosines = vectors[: len(queries)] @ vectors[len(queries) :].T
        return (cosines / learner.log_temperature.exp() + bias).cpu()

    def _draft(self, query: Query, identity: str, pool: Pool, scores: torch.Tensor) -> Draft | None:
        """What to write, and after what; None when no language of the pool has enough examples."""
        task, source = self.asker.writer.task, random_of("writing", identity)
        masks = {
            (code, label): mask
            for code in pool.languages
            if code in task.templates and code != query.language
            for label, mask in self._masks(pool, pool.usable(query, [code])).items()
        }
        enough = [key for key, mask in masks.items() if mask.sum() >= self.config.shown]
        if not enough:
            return None
        code = source.choice([*dict.fromkeys(code for code, _ in enough)])
        label = source.choice([label for other, label in enough if other == code])
        mask = torch.from_numpy(masks[code, label])
        keys = scores + policy.gumbel(scores.shape, generator_of("shown", identity)).to(scores)
        chosen = policy.top(keys.masked_fill(~mask, -torch.inf), self.config.shown, torch.from_numpy(pool.groups))
        demonstrations = tuple(pool.examples[i] for i in chosen.tolist())
        template, verbaliser = task.template(code), task.verbaliser(code)
        blocks = [template.block(entry.text, verbaliser.words[entry.label], code) for entry in reversed(demonstrations)]
        stub, lead, after = template.open_input(code)
        prompt = SEPARATOR.join([template.instruction, *blocks, stub])
        return Draft(query, code, label, demonstrations, prompt, lead, after.strip(), identity)

    def _masks(self, pool: Pool, usable: np.ndarray) -> dict[str, np.ndarray]:
        """Usable examples ``(N,)`` by the label that is asked for; by "" where any will do."""
        if not self.config.by_label:
            return {"": usable}
        labels = np.array([example.label for example in pool.examples])
        return {label: usable & (labels == label) for label in self.asker.writer.task.labels}

    def _read(self, draft: Draft, line: Generated, excluded: set[str]) -> tuple[str, str]:
        """The text of a line and "", or the reason against it."""
        config, text = self.config, line.text
        if not line.ended:
            return text, "unfinished"
        if draft.after:
            if not text.endswith(draft.after):
                return text, "unparsed"
            text = text[: -len(draft.after)]
        text = clean(text)
        if fault := language_fault(text, draft.language, self.asker.writer.task.languages):
            return text, fault
        if (
            not config.shortest
            <= len(text) / _mean([len(entry.text) for entry in draft.demonstrations])
            <= config.longest
        ):
            return text, "length"
        if any(
            overlap(text, other) > config.overlap
            for other in (draft.query.text, *(entry.text for entry in draft.demonstrations))
        ):
            return text, "copy"
        return text, "duplicate" if normal_form(text) in excluded else ""

    def _labelled(
        self, drafts: list[tuple[Draft, str]], pool: Pool, labels: list[str], iteration: int, rejected: Counter[str]
    ) -> list[Written]:
        if not drafts:
            return []
        task = self.asker.writer.task
        votes = self._votes(drafts, pool)
        near = [self._coherence(draft, text) for draft, text in drafts]
        pairs: list[Written] = []
        for (draft, text), voted, cosine in zip(drafts, votes, near, strict=True):
            label, count = Counter(voted).most_common(1)[0]
            reason = ""
            if count / len(voted) < self.config.agreement:
                reason = "votes"
            elif draft.label not in ("", task.labels[label]):
                reason = "label"
            elif cosine < self.config.coherence:
                reason = "incoherent"
            elif self._is_surplus(task.labels[label], labels):
                reason = "surplus"
            if reason:
                rejected[reason] += 1
                continue
            labels.append(task.labels[label])
            identity = f"written-{iteration}-{len(pairs)}-{draft.identity}"
            example = Example(identity, identity, draft.language, text, task.labels[label], "generated")
            pairs.append(Written(example, draft.prompt, draft.lead + text, 0.0, draft.query.text, iteration))
        if not pairs:
            return []
        logs = self.learner.writing_log_probs(pairs).tolist()
        return [
            Written(p.example, p.prompt, p.continuation, log, p.query, p.iteration)
            for p, log in zip(pairs, logs, strict=True)
        ]

    def _coherence(self, draft: Draft, text: str) -> float:
        """Mean cosine of the text with what it was written for: the query, or the demonstrations whose label it is to get."""
        learner, shown = self.learner, [(entry.text, entry.language) for entry in draft.demonstrations]
        others = shown if draft.label else [(draft.query.text, draft.query.language)]
        texts, languages = zip((text, draft.language), *others, strict=True)
        raw = torch.from_numpy(learner.untrained_vectors(texts)).to(learner.projection)
        vectors = learner.project(raw, languages, learner.projection, untrained=True)
        return float((vectors[1:] @ vectors[0]).mean())

    def _votes(self, drafts: list[tuple[Draft, str]], pool: Pool) -> list[list[int]]:
        """The labels that the model gives each text under the policy's best context, then under contexts drawn from the policy.

        Under random contexts labels are right less often than under the policy's own.
        """
        queries, groups = [Query(text, draft.language) for draft, text in drafts], torch.from_numpy(pool.groups)
        asks = []
        for (draft, _), query, scores in zip(drafts, queries, self._scores(queries, pool), strict=True):
            mask = torch.from_numpy(pool.usable(query))
            count = min(self.k, len(torch.unique(groups[mask])))
            for vote in range(self.config.votes):
                noise = policy.gumbel(scores.shape, generator_of("vote", vote, draft.identity)).to(scores)
                keys = (scores + noise if vote else scores).masked_fill(~mask, -torch.inf)
                context = tuple(pool.examples[i] for i in policy.top(keys, count, groups).tolist())
                asks.append(Ask(query, context, draft.language))
        with self.learner.in_half():
            best = self.asker.log_probs(asks).argmax(-1).view(len(drafts), self.config.votes)
        rows: list[list[int]] = best.tolist()
        return rows

    def _is_surplus(self, label: str, labels: list[str]) -> bool:
        return len(labels) >= 5 and (labels.count(label) + 1) / (len(labels) + 1) > self.config.label_share


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)


def overlap(text: str, other: str, size: int = 4) -> float:
    """Share of the character ``size``-grams of ``text`` that ``other`` has, in [0, 1]; a text shorter than that: 1 if contained."""
    text, other = normal_form(text), normal_form(other)
    grams = {text[i : i + size] for i in range(len(text) - size + 1)} or {text}
    return sum(gram in other for gram in grams) / len(grams)
