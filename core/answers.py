"""Answers in one language: labels scored, or text generated, each with its measures."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.adherence import label_adherence, text_adherence
from core.calibration import contextual, kl_divergence
from core.generation import GenerationConfig, generate
from core.index import PoolIndex
from core.prompting import PromptWriter
from core.records import Answer, Demonstration, Distribution, Prompt, Query, Selection
from core.scoring import Request, Scorer

CONTENT_FREE = "N/A"  # the query of contextual calibration (Zhao et al. 2021, section 5)


class Answerer:
    """Answers queries of one task."""

    def __init__(self, writer: PromptWriter, scorer: Scorer, index: PoolIndex, calibration: str = "none") -> None:
        """``writer`` and ``scorer`` belong to the same model; ``calibration``: "none" or "contextual"."""
        self.writer, self.scorer, self.index, self.calibration = writer, scorer, index, calibration
        self.generation = GenerationConfig()

    def answer(self, query: Query, selection: Selection, code: str, codes: Sequence[str]) -> Answer:
        """The answer in language ``code``; ``codes`` are all languages asked for, which adherence compares."""
        prompt = self.writer.prompt(query, selection.demonstrations, code)
        if self.writer.task.is_closed:
            return self._choose(query, prompt, codes)
        return self._write(query, prompt, self.writer.prompt(query, (), code), codes)

    def distributions(self, query: Query, contexts: Sequence[Sequence[Demonstration]], code: str) -> list[Distribution]:
        """Label distributions under several contexts, scored together."""
        labels = self.writer.task.labels
        rows = [row for row, _ in self._label_scores(query, contexts, code, ())]
        return [Distribution(dict(zip(labels, map(float, row), strict=True))) for row in rows]

    def _label_scores(
        self, query: Query, contexts: Sequence[Sequence[Demonstration]], code: str, foreign: tuple[str, ...]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Per context the label scores ``(L,)``, calibrated as set, and the raw scores of the ``foreign`` words, nats."""
        own = self.writer.words(code)
        asked = [Request(self.writer.prompt(query, context, code).text, (*own, *foreign)) for context in contexts]
        if self.calibration == "contextual":
            empty = replace(query, text=CONTENT_FREE, item=None)
            asked += [Request(self.writer.prompt(empty, context, code).text, own) for context in contexts]
        scores = self.scorer.score(asked)
        found = []
        for place in range(len(contexts)):
            values, others = scores[place][: len(own)], scores[place][len(own) :]
            if self.calibration == "contextual":
                values = contextual(values[None], scores[len(contexts) + place])[0]
            found.append((values, others))
        return found

    def coherence(self, query: Query, answers: Sequence[Answer]) -> tuple[tuple[float, ...], ...]:
        """Cosines between the model's own vectors of the query and of every answer said in full; symmetric."""
        texts = [query.text, *(answer.sentence for answer in answers)]
        vectors = self.index.own(texts, [query.language, *(answer.language for answer in answers)])
        return tuple(tuple(float(value) for value in row) for row in vectors @ vectors.T)

    def _choose(self, query: Query, prompt: Prompt, codes: Sequence[str]) -> Answer:
        task, code = self.writer.task, prompt.language
        own = self.writer.words(code)
        lead = task.template(code).lead
        foreign = {lead + word for other in codes for word in task.verbaliser(other).words.values()} - set(own)
        words = tuple(sorted(foreign))
        shown = prompt.shown[::-1] if self.writer.config.order == "best_last" else prompt.shown
        (scores, others), (plain, _) = self._label_scores(query, [shown, ()], code, words)
        with_context = Distribution(dict(zip(task.labels, map(float, scores), strict=True)))
        without = Distribution(dict(zip(task.labels, map(float, plain), strict=True)))
        label, verbaliser = with_context.best, task.verbaliser(code)
        return Answer(
            language=code,
            text=verbaliser.words[label],
            label=label,
            confidence=with_context.probabilities[label],
            adherence=self._adherence(prompt, own, others) if foreign else None,
            coherence=self._coherence(query, verbaliser.sentence_of(label), code),
            with_context=with_context,
            without_context=without,
            kl=kl_divergence(scores, plain),
            bare_text=verbaliser.words[without.best],
            prompt=prompt,
            sentence=verbaliser.sentence_of(label),
        )

    def _adherence(self, prompt: Prompt, own: tuple[str, ...], others: np.ndarray) -> float:
        (raw,) = self.scorer.score(
            [Request(prompt.text, own)]
        )  # uncalibrated; known already when nothing was calibrated
        return label_adherence(np.concatenate([raw, others]), [True] * len(raw) + [False] * len(others))

    def _write(self, query: Query, prompt: Prompt, bare: Prompt, codes: Sequence[str]) -> Answer:
        written, plain = generate(self.scorer.model, [prompt.text, bare.text], self.generation)
        among = sorted({*codes, *self.writer.task.languages})
        return Answer(
            language=prompt.language,
            text=written.text,
            label=None,
            confidence=written.confidence,
            adherence=text_adherence(written.text, prompt.language, among),
            coherence=self._coherence(query, written.text, prompt.language) if written.text else None,
            with_context=None,
            without_context=None,
            kl=None,
            bare_text=plain.text,
            prompt=prompt,
            sentence=written.text or "…",
        )

    def _coherence(self, query: Query, sentence: str, code: str) -> float:
        vectors = self.index.own([query.text, sentence], [query.language, code])
        return float(np.dot(vectors[0], vectors[1]))
