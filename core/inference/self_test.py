"""Self-test of translation: five bundled sentences whose translations are known, as one model is asked with one strategy.

chrF (Popović 2015, W15-3049) over the five, and how many answers repeat the source or a demonstration, run in a circle, or are in the
language asked for. Five sentences tell a model that translates from one that copies, and no more: an interval of chrF over them is wide.
The sentences are this project's own (assets/demonstrations); the tiny model may have read them when it was trained, others not by us.
No demonstration says what the sentence says: its item is left out with all its translations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InvalidQuery
from core.inference.copying import copied_from
from core.inference.predictor import Predictor, Question
from core.language_id import text_adherence
from core.languages import language
from core.metrics import chrf
from core.models.generation import generate_all
from core.records import CopySource, Demonstration, Example, Query, Selection

ITEMS = ("topic-021", "topic-044", "topic-067", "topic-090", "topic-117")  # none of them a ready question of Explore
LEAST_ADHERENCE = 0.5  # below it an answer more likely is in another of the task's languages


@dataclass(frozen=True)
class Direction:
    """What is tested: source and target language, and how demonstrations are chosen."""

    source: str
    target: str
    strategy: str = "agl"
    k: int = 4
    pool_languages: tuple[str, ...] | None = None
    seed: int = 0


@dataclass(frozen=True)
class Translated:
    """One sentence of a self-test and what became of it."""

    text: str
    reference: str
    answer: str
    demonstrations: tuple[Demonstration, ...]  # that its prompt had
    copied: CopySource = ""
    repeated: bool = False
    adherence: float | None = (
        None  # [0, 1]: how far the answer is in the target language; None where that cannot be told
    )

    @property
    def in_language(self) -> bool:
        """Whether it is in the language asked for, as far as that can be told; an empty answer is in none."""
        return bool(self.answer) and (self.adherence is None or self.adherence >= LEAST_ADHERENCE)


@dataclass(frozen=True)
class SelfTest:
    """The outcome."""

    direction: Direction
    sentences: tuple[Translated, ...]

    @property
    def chrf(self) -> float:
        """Corpus chrF, in [0, 100]."""
        return chrf([entry.answer for entry in self.sentences], [entry.reference for entry in self.sentences])

    @property
    def copied(self) -> int:
        """Answers that largely repeat the source or a demonstration."""
        return sum(entry.copied != "" for entry in self.sentences)

    @property
    def repeated(self) -> int:
        """Answers that run in a circle."""
        return sum(entry.repeated for entry in self.sentences)

    @property
    def in_language(self) -> int:
        """Answers in the language asked for."""
        return sum(entry.in_language for entry in self.sentences)


def self_test(predictor: Predictor, direction: Direction, bundled: Sequence[Example]) -> SelfTest:
    """Translate the five of the ``bundled`` sentences that ``ITEMS`` names.

    Raises ``InvalidQuery`` for a language without them, and what choosing demonstrations raises.
    """
    sources, references = _sides(direction.source, bundled), _sides(direction.target, bundled)
    writer, model = predictor.writer, predictor.model
    chosen = [_selection(predictor, example, direction) for example in sources]
    prompts = [
        writer.prompt(example.query, selection.demonstrations, direction.target, selection.framing)
        for example, selection in zip(sources, chosen, strict=True)
    ]
    lines = generate_all(model, [prompt.text for prompt in prompts], predictor.answerer.generation)
    among = sorted({direction.source, direction.target, *writer.task.languages})
    sentences = []
    for example, reference, prompt, line in zip(sources, references, prompts, lines, strict=True):
        shown = [writer.answer_of(entry.example, direction.target) or "" for entry in prompt.demonstrations]
        sentences.append(
            Translated(
                example.text,
                reference.text,
                line.text,
                prompt.demonstrations,
                copied_from(line.text, example.text, shown),
                line.repeated,
                text_adherence(line.text, direction.target, among),
            )
        )
    return SelfTest(direction, tuple(sentences))


def _selection(predictor: Predictor, example: Example, direction: Direction) -> Selection:
    query = Query(example.text, example.language, example.item)
    codes, pool = (direction.target,), direction.pool_languages
    return predictor.select(Question(query, direction.strategy, direction.k, codes, pool, direction.seed))


def _sides(code: str, bundled: Sequence[Example]) -> list[Example]:
    """The five sentences in a language, in the order of ``ITEMS``."""
    sides = {example.item: example for example in bundled if example.language == code}
    if not set(ITEMS) <= sides.keys():
        raise InvalidQuery(
            f"There are no sentences for a self-test in {language(code).name}; choose a language of the list."
        )
    return [sides[item] for item in ITEMS]
