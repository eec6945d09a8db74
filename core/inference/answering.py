"""Answers in one language: labels scored, or text generated, each with its measures."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.language_id import label_adherence, text_adherence
from core.models.generation import GenerationConfig, generate
from core.prompting import PromptWriter, combined, requests_of
from core.records import PLAIN, Answer, Demonstration, Distribution, Framing, Prompt, Query, Selection
from core.scoring import Request, Scores
from core.scoring.calibration import contextual, kl_divergence
from core.selection.pool_index import PoolIndex

CONTENT_FREE = "N/A"  # the query of contextual calibration (Zhao et al. 2021, section 5)


class Answerer:
    """Answers queries of one task."""

    def __init__(self, writer: PromptWriter, scorer: Scores, index: PoolIndex, calibration: str = "none") -> None:
        """``writer`` and ``scorer`` belong to the same model; ``calibration``: "none" or "contextual"."""
        self.writer, self.scorer, self.index, self.calibration = writer, scorer, index, calibration
        self.generation = GenerationConfig()

    def answer(self, query: Query, selection: Selection, code: str, codes: Sequence[str]) -> Answer:
        """The answer in language ``code``; ``codes`` are all languages asked for, which adherence compares."""
        framing, task = selection.framing, self.writer.task
        spoken = framing.codes or (code,)
        first, *further = (self.writer.prompt(query, selection.demonstrations, other, framing) for other in spoken)
        if task.is_closed:
            return self._choose(query, selection, code, (first, *further), codes)
        return self._write(query, first, self.writer.prompt(query, (), code), codes)

    def distributions(
        self, query: Query, contexts: Sequence[Sequence[Demonstration]], code: str, framing: Framing = PLAIN
    ) -> list[Distribution]:
        """Label distributions under several contexts, scored together."""
        labels = self.writer.task.labels
        rows = self._label_scores(query, [(context, framing) for context in contexts], code)
        return [Distribution(dict(zip(labels, map(float, row), strict=True))) for row in rows]

    def _label_scores(
        self,
        query: Query,
        contexts: Sequence[tuple[Sequence[Demonstration], Framing]],
        code: str,
        besides: Sequence[Request] = (),
    ) -> list[np.ndarray]:
        """Label scores ``(L,)`` of each context in its framing, calibrated as set, nats; ``besides`` is scored along, for later."""
        requests = [self._requests(query, demonstrations, framing, code) for demonstrations, framing in contexts]
        if self.calibration == "contextual":
            empty = replace(query, text=CONTENT_FREE, item=None)
            for demonstrations, framing in contexts:
                nothing = framing.query and replace(framing.query, text=CONTENT_FREE, item=None)
                requests.append(self._requests(empty, demonstrations, replace(framing, query=nothing), code))
        each = iter(self.scorer.score([request for several in [*requests, besides] for request in several]))
        scores = [combined([next(each) for _ in several]) for several in requests]
        values = scores[: len(contexts)]
        if self.calibration == "contextual":
            free = scores[len(contexts) :]
            values = [contextual(row[None], prior)[0] for row, prior in zip(values, free, strict=True)]
        return values

    def _requests(
        self, query: Query, demonstrations: Sequence[Demonstration], framing: Framing, code: str
    ) -> list[Request]:
        return requests_of(self.writer, query, Selection("", tuple(demonstrations), framing=framing), code)

    def coherence(self, query: Query, answers: Sequence[Answer]) -> tuple[tuple[float, ...], ...]:
        """Cosines between the model's own vectors of the query and of every answer said in full; symmetric. () without such vectors."""
        if not self.index.sees:
            return ()
        texts = [query.text, *(answer.sentence for answer in answers)]
        vectors = self.index.own(texts, [query.language, *(answer.language for answer in answers)])
        return tuple(tuple(float(value) for value in row) for row in vectors @ vectors.T)

    def _choose(
        self, query: Query, selection: Selection, code: str, prompts: tuple[Prompt, ...], codes: Sequence[str]
    ) -> Answer:
        """The likeliest label, said in ``code``. Without context means the template's own prompt: no demonstration, no framing."""
        task = self.writer.task
        in_prompt = [entry for entry in selection.demonstrations if entry in prompts[0].demonstrations]
        words = self._words(prompts[0], code, codes)
        scores, plain = self._label_scores(query, [(in_prompt, selection.framing), ((), PLAIN)], code, words)
        with_context = Distribution(dict(zip(task.labels, map(float, scores), strict=True)))
        without = Distribution(dict(zip(task.labels, map(float, plain), strict=True)))
        label, verbaliser = with_context.best, task.verbaliser(code)
        return Answer(
            language=code,
            text=verbaliser.words[label],
            label=label,
            confidence=with_context.probabilities[label],
            adherence=self._adherence(words, len(task.labels)),
            coherence=self._coherence(query, verbaliser.sentence_of(label), code),
            with_context=with_context,
            without_context=without,
            kl=kl_divergence(scores, plain),
            zero_shot_text=verbaliser.words[without.best],
            prompt=prompts[0],
            sentence=verbaliser.sentence_of(label),
            further=prompts[1:],
        )

    def _words(self, prompt: Prompt, code: str, codes: Sequence[str]) -> list[Request]:
        """The label words of ``code``, then the others of ``codes``; nothing without others, or where ``code`` was not asked in."""
        own, task = self.writer.words(code), self.writer.task
        lead = task.template(code).lead
        foreign = {lead + word for other in codes for word in task.verbaliser(other).words.values()} - set(own)
        return [Request(prompt.text, (*own, *sorted(foreign)))] if foreign and prompt.language == code else []

    def _adherence(self, words: Sequence[Request], own: int) -> float | None:
        """Share of the first ``own`` words, uncalibrated; their scores are known by now."""
        if not words:
            return None
        (raw,) = self.scorer.score(words)
        return label_adherence(raw, [index < own for index in range(len(raw))])

    def _write(self, query: Query, prompt: Prompt, zero_shot: Prompt, codes: Sequence[str]) -> Answer:
        written, plain = generate(self.scorer.model, [prompt.text, zero_shot.text], self.generation)
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
            zero_shot_text=plain.text,
            prompt=prompt,
            sentence=written.text or "…",
        )

    def _coherence(self, query: Query, sentence: str, code: str) -> float | None:
        if not self.index.sees:
            return None
        vectors = self.index.own([query.text, sentence], [query.language, code])
        return float(np.dot(vectors[0], vectors[1]))
