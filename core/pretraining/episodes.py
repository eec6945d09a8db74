"""Training rows for the language model: running text, and episodes in which the context has to be read.

An episode is a prompt of the product's own templates with its answers filled in (MetaICL, Min et al. 2022, arXiv
2110.15943). A part of the labelled episodes permute the label words or replace them by arbitrary words (symbol
tuning, Wei et al. 2023, arXiv 2305.08298): then only the demonstrations say what a label means. Kinds:

- ``copy``         every demonstration has an arbitrary label; each query is a translation of a demonstration
- ``topic``        SIB-200 ``demo`` items in several languages, half of the demonstrations near the query in meaning
- ``sentiment``    labelled remarks
- ``translation``  the same sentence in two languages, demonstrations from others
- ``text``         consecutive sentences of one document
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tokenizers import Tokenizer

from core.tasks import Task
from core.templates import SEPARATOR

# Loss weights: of a label token, of running text and translations, and of any other token of an episode. Labels are a
# few tokens of a row, so without weights the model would learn everything but to name them.
ANSWER, TEXT, OTHER = 1.0, 0.25, 0.05


@dataclass(frozen=True)
class Sentence:
    """One sentence to build episodes from."""

    group: str  # its meaning: translations share it
    language: str
    text: str
    english: str  # English side, the key of its teacher vector; "" without one
    label: str = ""


@dataclass(frozen=True)
class Block:
    """One filled block of an episode."""

    sentence: Sentence
    answer: str
    learnt: bool = True  # whether the answer can be known from what stands before it


@dataclass(frozen=True)
class Row:
    """One training row of at most ``length`` tokens."""

    ids: list[int]
    weights: list[float]  # weight of predicting each token, 0 where it is not to be learnt
    summaries: list[tuple[int, str]] = field(default_factory=list)  # (position before an answer, English side)


@dataclass(frozen=True)
class Material:
    """Everything that episodes are drawn from."""

    tasks: dict[str, Task]
    topics: dict[str, list[Sentence]]  # SIB-200 demo, by item
    sentiments: dict[str, list[Sentence]]  # by language
    parallel: list[list[Sentence]]  # short sentences, one inner list per meaning, at least two languages
    documents: dict[str, list[str]]  # by language: running text
    neighbours: dict[str, list[str]]  # topic item -> other items, nearest first
    words: list[str]  # arbitrary label words


class RowSampler:
    """Draws training rows; the random source is an argument, so a row depends on (seed, step, place) alone."""

    def __init__(self, material: Material, tokenizer: Tokenizer, length: int, start: int, end: int) -> None:
        """``length`` in tokens; ``start`` and ``end`` are the special token ids."""
        self.material, self.tokenizer, self.length = material, tokenizer, length
        self._start, self._end = start, end
        self._kinds: dict[str, Callable[[random.Random], Row]] = {
            "text": self._text,
            "copy": self._copy,
            "topic": self._topic,
            "sentiment": self._sentiment,
            "translation": self._translation,
        }

    def row(self, rng: random.Random, shares: dict[str, float]) -> Row:
        """One row: episodes of one kind (drawn by ``shares``) after each other until it is full."""
        kind = rng.choices(list(shares), weights=list(shares.values()))[0]
        ids: list[int] = []
        weights: list[float] = []
        summaries: list[tuple[int, str]] = []
        while len(ids) < self.length - 24:
            part = self._kinds[kind](rng)
            summaries += [(len(ids) + place, english) for place, english in part.summaries]
            ids += part.ids
            weights += part.weights
        kept = [(place, english) for place, english in summaries if place < self.length]
        return Row(ids[: self.length], weights[: self.length], kept)

    def _text(self, rng: random.Random) -> Row:
        code = rng.choice(list(self.material.documents))
        ids = [self._start, *self.tokenizer.encode(rng.choice(self.material.documents[code])).ids, self._end]
        ids = ids[: self.length]
        return Row(ids, [0.0] + [TEXT] * (len(ids) - 1))

    def _copy(self, rng: random.Random) -> Row:
        meanings = rng.sample(self.material.parallel, rng.randint(2, 8))
        task = self.material.tasks[rng.choice(["topic", "sentiment"])]
        answer_language = rng.choice(task.languages)
        labels = {}
        shown, asked = [], []
        for sentences in meanings:
            first, second = rng.sample(sentences, 2)
            labels[first.group] = self._some_word(rng, task, answer_language)
            shown.append(first)
            asked.append(second)
        rng.shuffle(asked)
        blocks = [Block(sentence, labels[sentence.group], learnt=False) for sentence in shown]
        blocks += [Block(sentence, labels[sentence.group]) for sentence in asked[: rng.randint(1, len(asked))]]
        return self._episode(task, answer_language, blocks)

    def _topic(self, rng: random.Random) -> Row:
        task, topics = self.material.tasks["topic"], self.material.topics
        answer_language = rng.choice(task.languages)
        item = rng.choice(list(topics))
        query = rng.choice(topics[item])
        size = rng.choice([0, 1, 2, 4, 4, 6, 8])
        near = self.material.neighbours[item][:24]
        items = rng.sample(near, size // 2) if near else []
        items += rng.sample([other for other in topics if other != item and other not in items], size - len(items))
        shown = [rng.choice([s for s in topics[other] if s.language != query.language]) for other in items]
        rng.shuffle(shown)
        seen = any(sentence.label == query.label for sentence in shown)
        arbitrary = seen and rng.random() < 0.25
        return self._labelled(rng, task, answer_language, [*shown, query], arbitrary)

    def _sentiment(self, rng: random.Random) -> Row:
        task, remarks = self.material.tasks["sentiment"], self.material.sentiments
        answer_language = rng.choice(task.languages)
        shown = [rng.choice(remarks[rng.choice(list(remarks))]) for _ in range(rng.choice([1, 2, 3, 5, 7]))]
        return self._labelled(rng, task, answer_language, shown, arbitrary=len(shown) > 3 and rng.random() < 0.3)

    def _translation(self, rng: random.Random) -> Row:
        task = self.material.tasks["translation"]
        answer_language = rng.choice(task.languages)
        blocks: list[Block] = []
        for _ in range(200):
            sentences = rng.choice(self.material.parallel)
            target = [sentence for sentence in sentences if sentence.language == answer_language]
            source = [sentence for sentence in sentences if sentence.language != answer_language]
            if target and source:
                blocks.append(Block(rng.choice(source), rng.choice(target).text))
            if len(blocks) == 5:
                break
        return self._episode(task, answer_language, blocks or [Block(sentences[0], sentences[1].text)], TEXT)

    def _labelled(self, rng: random.Random, task: Task, code: str, shown: list[Sentence], arbitrary: bool) -> Row:
        """An episode over labelled sentences; under arbitrary words only a label seen before can be learnt."""
        words = dict(task.verbaliser(code).words)
        if arbitrary:
            values = list(words.values()) if rng.random() < 0.5 else rng.sample(self.material.words, len(words))
            rng.shuffle(values)
            words = dict(zip(words, values, strict=True))
        seen: set[str] = set()
        blocks = []
        for sentence in shown:
            blocks.append(Block(sentence, words[sentence.label], not arbitrary or sentence.label in seen))
            seen.add(sentence.label)
        return self._episode(task, code, blocks)

    def _some_word(self, rng: random.Random, task: Task, code: str) -> str:
        return rng.choice(list(task.verbaliser(code).words.values()) if rng.random() < 0.6 else self.material.words)

    def _episode(self, task: Task, code: str, blocks: list[Block], weight: float = ANSWER) -> Row:
        """Write an episode out by the task's template and tokenise it; ``weight`` is that of its answers."""
        template = task.template(code)
        text = template.instruction
        spans = []
        for block in blocks:
            text += SEPARATOR + template.open_block(block.sentence.text, block.sentence.language)
            begin = len(text)
            text += template.answer(block.answer)
            spans.append((begin, len(text), block.learnt, block.sentence.english))
        encoding = self.tokenizer.encode(text)
        weights = [OTHER] * len(encoding.ids)
        summaries = []
        place = 0
        for begin, end, learnt, english in spans:
            while encoding.offsets[place][1] <= begin:
                place += 1
            if english and place:
                summaries.append((place, english))  # +1 for the start token, -1 for the token before the answer
            while place < len(weights) and encoding.offsets[place][0] < end:
                weights[place] = weight if learnt else 0.0
                place += 1
        ids = [self._start, *encoding.ids, self._end]
        return Row(ids, [0.0, *weights, weight], summaries)
