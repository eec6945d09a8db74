"""Answers in one language: labels scored, or text generated, each with its measures."""

from collections.abc import Sequence

import numpy as np

from core.inference.copying import copied_from
from core.inference.label_scores import Ask, LabelScorer
from core.language_id import label_adherence, text_adherence
from core.models.generation import Generated, GenerationConfig, generate_all
from core.prompting import PromptWriter
from core.records import PLAIN, Answer, Demonstration, Distribution, Framing, Prompt, Query, Selection
from core.scoring import Request
from core.scoring.calibration import kl_divergence, log_softmax
from core.selection.pool_index import PoolIndex


class Answerer:
    """Answers queries of one task."""

    def __init__(self, writer: PromptWriter, labels: LabelScorer, index: PoolIndex) -> None:
        """``writer`` and ``labels`` belong to the same model."""
        self.writer, self.labels, self.scorer, self.index = writer, labels, labels.scorer, index
        self.generation = GenerationConfig()

    def answer(self, query: Query, selection: Selection, code: str, codes: Sequence[str]) -> Answer:
        """The answer in language ``code``; ``codes`` are all languages asked for, which adherence compares."""
        framing, task = selection.framing, self.writer.task
        spoken = framing.codes or (code,)
        first, *further = (self.writer.prompt(query, selection.demonstrations, other, framing) for other in spoken)
        if task.is_closed:
            return self._choose(query, selection, code, (first, *further), codes)
        return self.write(query, selection, (code,))[0]

    def distributions(
        self,
        query: Query,
        contexts: Sequence[Sequence[Demonstration]],
        code: str,
        framing: Framing = PLAIN,
        count: int = 0,
    ) -> list[Distribution]:
        """Calibrated label distributions under several contexts, scored together.

        All with demonstrations share one label prior, that of ``count`` demonstrations (default: of the longest context), so that they
        differ in what the demonstrations say and in nothing else.
        """
        labels = self.writer.task.labels
        most = max((len(context) for context in contexts), default=0)
        asks = [Ask(query, tuple(context), code, framing, count or most) for context in contexts]
        return [_distribution(labels, scores.calibrated) for scores in self.labels.scores(asks)]

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
        asks = [Ask(query, tuple(in_prompt), code, selection.framing), Ask(query, (), code)]
        scores, plain = self.labels.scores(asks, words)
        with_context = _distribution(task.labels, scores.calibrated)
        without = _distribution(task.labels, plain.calibrated)
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
            kl=kl_divergence(scores.calibrated, plain.calibrated),
            zero_shot_text=verbaliser.words[without.best],
            prompt=prompts[0],
            sentence=verbaliser.sentence_of(label),
            further=prompts[1:],
            uncalibrated=_distribution(task.labels, scores.raw),
        )

    def _words(self, prompt: Prompt, code: str, codes: Sequence[str]) -> list[Request]:
        """The label words of ``code``, then the others of ``codes``; nothing without others, or where ``code`` was not asked in."""
        own, task = self.writer.words(code), self.writer.task
        others = {word for other in codes for word in task.verbaliser(other).words.values()}
        foreign = {self.writer.continuation(code, word) for word in others} - set(own)
        return [Request(prompt.text, (*own, *sorted(foreign)))] if foreign and prompt.language == code else []

    def _adherence(self, words: Sequence[Request], own: int) -> float | None:
        """Share of the first ``own`` words, uncalibrated; their scores are known by now."""
        if not words:
            return None
        (raw,) = self.scorer.score(words)
        return label_adherence(raw, [index < own for index in range(len(raw))])

    def write(self, query: Query, selection: Selection, codes: Sequence[str]) -> list[Answer]:
        """Free-text answers in all ``codes`` and those without demonstrations, written in batches together."""
        framing = selection.framing
        prompts = [self.writer.prompt(query, selection.demonstrations, code, framing) for code in codes]
        plain = [self.writer.prompt(query, (), code) for code in codes]
        texts = [prompt.text for prompt in (*prompts, *plain)]
        lines = generate_all(self.scorer.model, texts, self.generation)
        among = sorted({*codes, *self.writer.task.languages})
        return [
            self._written(query, prompt, line, zero_shot, among)
            for prompt, line, zero_shot in zip(prompts, lines[: len(codes)], lines[len(codes) :], strict=True)
        ]

    def _written(
        self, query: Query, prompt: Prompt, line: Generated, zero_shot: Generated, among: Sequence[str]
    ) -> Answer:
        answers = [self.writer.answer_of(entry.example, prompt.language) or "" for entry in prompt.demonstrations]
        return Answer(
            language=prompt.language,
            text=line.text,
            label=None,
            confidence=line.confidence,
            adherence=text_adherence(line.text, prompt.language, among),
            coherence=self._coherence(query, line.text, prompt.language) if line.text else None,
            with_context=None,
            without_context=None,
            kl=None,
            zero_shot_text=zero_shot.text,
            prompt=prompt,
            sentence=line.text or "…",
            copied=copied_from(line.text, query.text, answers) if self.writer.task.translates else "",
            repeated=line.repeated,
        )

    def _coherence(self, query: Query, sentence: str, code: str) -> float | None:
        if not self.index.sees:
            return None
        vectors = self.index.own([query.text, sentence], [query.language, code])
        return float(np.dot(vectors[0], vectors[1]))


def _distribution(labels: Sequence[str], scores: np.ndarray) -> Distribution:
    return Distribution(dict(zip(labels, map(float, log_softmax(scores)), strict=True)))
