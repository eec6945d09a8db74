"""Prompts: chosen demonstrations and a query, written out by a task's template within the token budget.

``PromptWriter`` writes one prompt; ``prompts_of`` writes every prompt that a selection's framing asks for, and ``combined`` makes one
score per label out of theirs. Shapes: L labels. Scores are log p(label words | prompt), nats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.data.pool import Pool
from core.data.prompt_variants import prompt_variant, prompt_variants
from core.data.prompting_systems import framing_words
from core.data.romanisation import romanised
from core.data.tasks import FALLBACK, Task
from core.data.templates import SEPARATOR, PromptTemplate, clean
from core.errors import InvalidConfig, PromptTooLong
from core.models.engine import Engine
from core.records import PLAIN, Demonstration, DropReason, Example, Framing, Prompt, Query, Selection
from core.scoring import Request
from core.scoring.calibration import log_softmax

Order = Literal["best_last", "best_first"]
LabelLanguage = Literal["answer", "english", "demonstration"]


@dataclass(frozen=True)
class PromptConfig:
    """How a prompt is put together."""

    order: Order = "best_last"  # the best demonstration stands next to the query
    labels: LabelLanguage = "answer"  # whose words say the labels of demonstrations
    reserve: int = 64  # tokens kept free for the answer
    template: Literal["answer", "english"] = (
        "answer"  # whose words are instruction and field names; of closed tasks, else always "answer"
    )
    listed: bool = False  # whether the instruction lists the label words
    chat: bool = False  # whether demonstrations are turns of the model's own chat template

    @staticmethod
    def of(variant: str, reserve: int = 64) -> "PromptConfig":
        """The configuration of a prompt variant. Raises ``InvalidConfig`` for an unknown name."""
        named = prompt_variant(variant)
        return PromptConfig(
            labels="english" if named.labels == "english" else "answer",
            reserve=reserve,
            template="english" if named.template == "english" else "answer",
            listed=named.listed,
            chat=named.chat,
        )

    @property
    def variant(self) -> str:
        """The name of the prompt variant that this is, for records; "custom" where it is none of them."""
        own = (self.template, self.labels, self.listed, self.chat)
        names = [v.name for v in prompt_variants().values() if (v.template, v.labels, v.listed, v.chat) == own]
        return names[0] if names else "custom"

    def __post_init__(self) -> None:
        """Refuse unknown choices."""
        if self.order not in ("best_last", "best_first"):
            raise InvalidConfig(f"order is {self.order!r}; allowed are best_last and best_first.")
        if self.labels not in ("answer", "english", "demonstration"):
            raise InvalidConfig(f"labels is {self.labels!r}; allowed are answer, english and demonstration.")
        if self.template not in ("answer", "english"):
            raise InvalidConfig(f"template is {self.template!r}; allowed are answer and english.")


class PromptWriter:
    """Writes prompts for one task, pool and model.

    A framing's style: "romanised" writes the texts of query and demonstrations in Latin letters; "translated" puts a text's English side
    below it, where the pool has it, and below the answer of a demonstration the label's word in the text's own language. Styles are
    applied here and not by strategies, so that a framing says nothing of single demonstrations and holds for any others too.
    """

    def __init__(self, task: Task, pool: Pool, model: Engine, config: PromptConfig) -> None:
        """All strategies share one writer, so their prompts differ in nothing but the demonstrations."""
        self.task, self.pool, self.model, self.config = task, pool, model, config

    def answer_of(self, example: Example, code: str, labels: str = "") -> str | None:
        """The answer of a demonstration when answers are in ``code``; None where it has none. ``labels`` overrules the setting.

        A translation is missing where the pool lacks that side, or where it is the demonstration's own language.
        """
        if not self.task.is_closed:
            if not self.task.translates:
                return example.label
            side = self.pool.side(example.item, code) if example.language != code else None
            return side.text if side else None
        if example.choices:
            return example.choices[self.task.labels.index(example.label)]
        spoken = {"answer": code, "english": FALLBACK, "demonstration": example.language}[labels or self.config.labels]
        return self.task.verbaliser(spoken).words[example.label]

    def template(self, code: str) -> PromptTemplate:
        """The template that asks for an answer in ``code``: in that language, or in English where the configuration says so."""
        english = self.config.template == "english" and self.task.is_closed
        return self.task.template(FALLBACK if english else code)

    def continuation(self, code: str, answer: str) -> str:
        """``answer`` as it continues a prompt: after the white space that the template's language has; a turn of a chat begins with it."""
        return answer if self.config.chat else self.template(code).answer(answer)

    def words(self, code: str, choices: Sequence[str] = ()) -> tuple[str, ...]:
        """What is scored: the labels' words in a language, or ``choices`` of the query's own, in the order of the task's labels.

        As they continue a prompt in that language. With ``labels`` "english" the words are English whatever the language.
        """
        return tuple(self.continuation(code, word) for word in choices or self._label_words(code))

    def _label_words(self, code: str) -> list[str]:
        verbaliser = self.task.verbaliser(FALLBACK if self.config.labels == "english" else code)
        return [verbaliser.words[label] for label in self.task.labels]

    def prompt(
        self, query: Query, demonstrations: Sequence[Demonstration], code: str, framing: Framing = PLAIN
    ) -> Prompt:
        """The prompt that asks for an answer in ``code``. ``demonstrations`` come best first.

        Demonstrations that do not fit are dropped whole, the least preferred first. Raises ``PromptTooLong`` when the
        query alone does not fit.
        """
        answers = {entry: self.answer_of(entry.example, code, framing.labels) for entry in demonstrations}
        fitting = [entry for entry in demonstrations if answers[entry] is not None]
        dropped = [entry for entry in demonstrations if answers[entry] is None]
        reasons: list[DropReason] = ["no_answer"] * len(dropped)
        limit = self.model.context - self.config.reserve
        while True:
            ordered = fitting[::-1] if self.config.order == "best_last" else fitting
            text = self._text(query, [(entry.example, answers[entry] or "") for entry in ordered], code, framing)
            tokens = self.model.length(text)
            if tokens <= limit:
                template = self.template(code)
                name = f"{self.task.name}/{template.language}@{template.version}"
                return Prompt(text, code, tuple(ordered), tuple(dropped), tokens, name, tuple(reasons))
            if not fitting:
                raise PromptTooLong(
                    f"The query takes {tokens} tokens, but the model reads at most {self.model.context} of which {self.config.reserve} "
                    "are kept for the answer; shorten the text."
                )
            dropped.append(fitting.pop())
            reasons.append("no_room")

    def _text(self, query: Query, pairs: Sequence[tuple[Example, str]], code: str, framing: Framing) -> str:
        """The text of a prompt with ``pairs`` of demonstrations and their answers, in order."""
        template, framed_query = self.template(code), framing.query or query
        instruction = framing.instruction or template.instruction
        if self.config.listed and self.task.verbalisers and not framing.instruction:
            instruction = template.listing(self._label_words(code))
        query_block = self._query_block(template, framed_query, framing)
        answered = [
            (self._open_block(template, example, framing), clean(answer) + self._back(example, framing))
            for example, answer in pairs
        ]
        if aligner := framing.aligners.get(code):
            query_block = aligner + SEPARATOR + query_block
        if self.config.chat:
            turns = [*(part for pair in answered for part in pair), query_block]
            return self.model.chat([instruction + SEPARATOR + turns[0], *turns[1:]])
        blocks = [block + template.lead + answer for block, answer in answered]
        return SEPARATOR.join([instruction, *blocks, query_block])

    def _query_block(self, template: PromptTemplate, query: Query, framing: Framing) -> str:
        text = romanised(query.text, query.language) if framing.style == "romanised" else query.text
        block = template.open_block(text, query.language)
        if framing.style != "translated":
            return block
        if framing.translation:
            return framing_words().with_english(block, framing.translation)
        return framing_words().before_english(block)

    def _open_block(self, template: PromptTemplate, example: Example, framing: Framing) -> str:
        """The block of a demonstration up to its answer."""
        text = romanised(example.text, example.language) if framing.style == "romanised" else example.text
        block = template.open_block(text, example.language)
        english = self.pool.side(example.item, FALLBACK) if framing.style == "translated" else None
        return framing_words().with_english(block, english.text) if english else block

    def _back(self, example: Example, framing: Framing) -> str:
        """What follows the answer of a demonstration."""
        if framing.style != "translated" or example.choices or example.language == FALLBACK:
            return ""
        word = self.task.verbaliser(example.language).words[example.label]
        return "\n" + framing_words().in_own_language(word, example.language)


def prompts_of(writer: PromptWriter, query: Query, selection: Selection, code: str) -> list[Prompt]:
    """Every prompt that answers ``query`` in ``code``: one a language of the framing, or one in ``code``."""
    framing = selection.framing
    return [writer.prompt(query, selection.demonstrations, spoken, framing) for spoken in framing.codes or (code,)]


def requests_of(writer: PromptWriter, query: Query, selection: Selection, code: str) -> list[Request]:
    """What is scored to answer ``query`` in ``code``: a request a prompt, answers in the order of the task's labels."""
    return [
        Request(prompt.text, writer.words(prompt.language, query.choices))
        for prompt in prompts_of(writer, query, selection, code)
    ]


def combined(scores: Sequence[np.ndarray]) -> np.ndarray:
    """One score ``(L,)`` a label out of those of every request.

    A single one is returned as it is; of several the normalised probabilities are averaged (cross-lingual self-consistency, Qin et al.
    2023, arXiv 2310.14799, votes by answers; averaging is its form for label scores).
    """
    if len(scores) == 1:
        return scores[0]
    return np.asarray(np.logaddexp.reduce([log_softmax(row) for row in scores]) - np.log(len(scores)))
