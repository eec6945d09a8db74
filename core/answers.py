"""Answers in one language: labels scored, or text generated, each with its measures."""

from collections.abc import Sequence

import numpy as np

from core.adherence import label_adherence, text_adherence
from core.calibration import kl_divergence
from core.generation import GenerationConfig, generate
from core.index import PoolIndex
from core.prompting import PromptWriter
from core.records import Answer, Demonstration, Distribution, Prompt, Query, Selection
from core.scoring import Request, Scorer


class Answerer:
    """Answers queries of one task."""

    def __init__(self, writer: PromptWriter, scorer: Scorer, index: PoolIndex) -> None:
        """``writer`` and ``scorer`` belong to the same model."""
        self.writer, self.scorer, self.index = writer, scorer, index
        self.generation = GenerationConfig()

    def answer(self, query: Query, selection: Selection, code: str, codes: Sequence[str]) -> Answer:
        """The answer in language ``code``; ``codes`` are all languages asked for, which adherence compares."""
        prompt = self.writer.prompt(query, selection.demonstrations, code)
        bare = self.writer.prompt(query, (), code)
        if self.writer.task.is_closed:
            return self._choose(query, prompt, bare, codes)
        return self._write(query, prompt, bare, codes)

    def distributions(self, query: Query, contexts: Sequence[Sequence[Demonstration]], code: str) -> list[Distribution]:
        """Label distributions under several contexts, scored together."""
        prompts = [self.writer.prompt(query, context, code) for context in contexts]
        return [
            Distribution(dict(zip(self.writer.task.labels, map(float, row), strict=True)))
            for row in self.scorer.score([Request(prompt.text, self._words(code)) for prompt in prompts])
        ]

    def coherence(self, query: Query, answers: Sequence[Answer]) -> tuple[tuple[float, ...], ...]:
        """Cosines between the model's own vectors of the query and of every answer said in full; symmetric."""
        texts = [query.text, *(answer.sentence for answer in answers)]
        vectors = self.index.own(texts, [query.language, *(answer.language for answer in answers)])
        return tuple(tuple(float(value) for value in row) for row in vectors @ vectors.T)

    def _words(self, code: str) -> tuple[str, ...]:
        task = self.writer.task
        template, verbaliser = task.template(code), task.verbaliser(code)
        return tuple(template.answer(verbaliser.words[label]) for label in task.labels)

    def _choose(self, query: Query, prompt: Prompt, bare: Prompt, codes: Sequence[str]) -> Answer:
        task, code = self.writer.task, prompt.language
        own = self._words(code)
        lead = task.template(code).lead
        foreign = {lead + word for other in codes for word in task.verbaliser(other).words.values()} - set(own)
        words = (*own, *sorted(foreign))
        scores, plain = self.scorer.score([Request(prompt.text, words), Request(bare.text, own)])
        with_context = Distribution(dict(zip(task.labels, map(float, scores), strict=False)))
        without = Distribution(dict(zip(task.labels, map(float, plain), strict=True)))
        label, verbaliser = with_context.best, task.verbaliser(code)
        return Answer(
            language=code,
            text=verbaliser.words[label],
            label=label,
            confidence=with_context.probabilities[label],
            adherence=label_adherence(scores, [place < len(own) for place in range(len(words))]) if foreign else None,
            coherence=self._coherence(query, verbaliser.sentence_of(label), code),
            with_context=with_context,
            without_context=without,
            kl=kl_divergence(scores[: len(own)], plain),
            bare_text=verbaliser.words[without.best],
            prompt=prompt,
            sentence=verbaliser.sentence_of(label),
        )

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
