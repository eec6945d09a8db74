"""The language model as strategies consult it: label distributions, likelihoods of the query, and its translation.

Everything goes through the shared scorer, many contexts in one call, so that what prompts share is computed once and what was
scored before is remembered. Shapes: N candidates, C contexts, L labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from core.data.tasks import FALLBACK, Task
from core.data.templates import SEPARATOR, clean
from core.errors import InvalidConfig
from core.models.generation import GenerationConfig, generate_all
from core.prompting import PromptWriter
from core.records import Demonstration, Example, Framing, Query
from core.scoring import Request, Scores
from core.scoring.calibration import log_softmax

MOST_SCORED = 50_000  # pairs of a demonstration and a query


class ModelJudge:
    """One model on one task, by the shared scorer."""

    def __init__(self, writer: PromptWriter, scorer: Scores, translation: Task | None = None) -> None:
        """``writer`` and ``scorer`` belong to the same model; ``translation``: the task whose templates translate a query."""
        self.writer, self.scorer = writer, scorer
        self._translation = translation
        self.writing = GenerationConfig()
        self._translated: dict[str, str] = {}  # by prompt

    @property
    def task(self) -> Task:
        """What is asked."""
        return self.writer.task

    def distributions(self, query: Query, contexts: Sequence[Sequence[Example]], code: str) -> np.ndarray:
        """``log p(y|x,C)`` ``(C, L)``, normalised over the labels, nats."""
        words = self.writer.words(code, query.choices)
        prompts = [self.writer.prompt(query, _demonstrations(context), code).text for context in contexts]
        return log_softmax(np.stack(self.scorer.score([Request(prompt, words) for prompt in prompts])))

    def likelihoods(self, query: Query, examples: Sequence[Example], code: str) -> np.ndarray:
        """Mean over the tokens of the query's text of ``log p(token | instruction, demonstration, tokens before)`` ``(N,)``, nats.

        The prompt is that of an answer in ``code`` up to where the query's text begins; a demonstration that cannot be said in
        ``code`` is shown without its answer.
        """
        pairs = self._surprises(query, examples, code)
        sums = np.concatenate(self.scorer.score([Request(context, (text,)) for context, text in pairs]))
        return np.asarray(sums / np.array(self.scorer.lengths(pairs)))

    def score(
        self,
        requests: Sequence[tuple[Query, Sequence[Example], str]],
        progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Score many likelihoods ``(query, examples, code)`` at once, which ``likelihoods`` then remembers.

        Queries of one language share instruction and demonstration, which are then read once for all of them. No more than
        ``MOST_SCORED`` are, because the scorer forgets what is oldest.
        """
        pairs = [pair for query, examples, code in requests for pair in self._surprises(query, examples, code)]
        self.scorer.score([Request(context, (text,)) for context, text in sorted(pairs[:MOST_SCORED])], progress)

    def _surprises(self, query: Query, examples: Sequence[Example], code: str) -> list[tuple[str, str]]:
        """What stands before the query's text after each demonstration, and the text."""
        template = self.writer.template(code)
        stub, lead, _ = template.open_input(query.language)
        blocks = [template.block(e.text, self.writer.answer_of(e, code) or "", e.language) for e in examples]
        text = lead + clean(query.text)
        return [(SEPARATOR.join([template.instruction, block, stub]), text) for block in blocks]

    def translated(self, query: Query, examples: Sequence[Example]) -> Query:
        """The query as the model says it in English, greedily, after those ``examples`` whose English side the pool has.

        An English query, and one for which nothing is written, is returned as it is. Raises ``InvalidConfig`` without a task to
        translate by.
        """
        if query.language == FALLBACK:
            return query
        prompt = self._translating(query, examples)
        self._translate([prompt])
        text = self._translated[prompt]
        return replace(query, text=text, language=FALLBACK) if any(c.isalnum() for c in text) else query

    def translate(
        self, requests: Sequence[tuple[Query, Sequence[Example]]], progress: Callable[[float], None] = lambda _: None
    ) -> None:
        """Write the translations that ``translated`` will be asked for, many at once; ``progress`` gets the share that is done."""
        self._translate([self._translating(*each) for each in requests if each[0].language != FALLBACK], progress)

    def write_english(
        self,
        requests: Sequence[tuple[Query, Sequence[Demonstration], Framing]],
        progress: Callable[[float], None] = lambda _: None,
    ) -> list[str]:
        """The query's text in English as the model writes it where the prompt under a framing of the style "translated" leaves it open.

        Greedy, in batches, remembered by prompt. An English query, and one for which nothing is written, stays as it is.
        """
        prompts = [
            "" if query.language == FALLBACK else self.writer.prompt(query, entries, FALLBACK, framing).text
            for query, entries, framing in requests
        ]
        self._translate([prompt for prompt in prompts if prompt], progress)
        lines = [self._translated.get(prompt, "") for prompt in prompts]
        return [
            line if any(c.isalnum() for c in line) else query.text
            for line, (query, _, _) in zip(lines, requests, strict=True)
        ]

    def _translating(self, query: Query, examples: Sequence[Example]) -> str:
        if self._translation is None:
            raise InvalidConfig(
                "There is no translation task here, so that queries cannot be put into English; add its templates."
            )
        writer = PromptWriter(self._translation, self.writer.pool, self.writer.model, self.writer.config)
        return writer.prompt(query, _demonstrations(examples), FALLBACK).text

    def _translate(self, prompts: Sequence[str], progress: Callable[[float], None] = lambda _: None) -> None:
        missing = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._translated]
        for prompt, line in zip(missing, generate_all(self.writer.model, missing, self.writing, progress), strict=True):
            self._translated[prompt] = clean(line.text)


def _demonstrations(examples: Sequence[Example]) -> list[Demonstration]:
    return [Demonstration(example, None, None) for example in examples]
