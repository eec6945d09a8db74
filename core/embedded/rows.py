"""Training rows: episodes written out by a task's template, tokenised, and packed one after the other.

An episode is a prompt of the product's own templates with its answers filled in (MetaICL, Min et al. 2022, arXiv 2110.15943). Episodes
of a row do not see each other: attention stops at their borders and positions start anew, as they would in a prompt of their own. A row
also lists what its states are trained to imitate: teacher vectors of English sides, and sentences whose mean states are to match them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from tokenizers import Tokenizer

from core.data.tasks import Task
from core.data.templates import SEPARATOR

# What is learnt at a token: a label word, translated or running text, nothing. The two losses are means of their own: labels are
# a few tokens of a row, and in one mean with the others the model would learn everything but to name them.
ANSWER, TEXT, OTHER = 1.0, 0.25, 0.0


@dataclass(frozen=True)
class Sentence:
    """One sentence to build episodes from."""

    group: str  # its meaning: translations share it
    language: str
    text: str
    english: str  # English side, the key of its target vector; "" without one
    label: str = ""


@dataclass(frozen=True)
class Block:
    """One filled block of an episode."""

    sentence: Sentence
    answer: str
    learnt: bool = True  # whether the answer can be known from what stands before it


@dataclass(frozen=True)
class Row:
    """Tokens of one or more episodes; the lists of a row are equally long."""

    ids: list[int]
    weights: list[float]  # ANSWER, TEXT or OTHER for each token
    summaries: list[tuple[int, str]] = field(default_factory=list)  # (position before an answer, English side)
    pointers: list[tuple[int, list[int]]] = field(
        default_factory=list
    )  # (the same, positions of that answer further up)
    lengths: tuple[int, ...] = ()  # tokens of each episode


class EpisodeWriter:
    """Writes blocks out by a template, dropping the first ones whole when the episode would be too long."""

    def __init__(self, tokenizer: Tokenizer, start: int, end: int) -> None:
        """``start`` and ``end`` are the special token ids that open and close an episode."""
        self._tokenizer, self._start, self._end = tokenizer, start, end

    def episode(self, task: Task, code: str, blocks: list[Block], longest: int, weight: float = ANSWER) -> Row | None:
        """One episode of at most ``longest`` tokens, or None when not even its last block fits.

        ``code`` is the language of the template's words and of the answers; ``weight`` is that of an answer's tokens.
        """
        template = task.template(code)
        opening = [self._start, *self._tokenizer.encode(template.instruction).ids]
        pieces = [self._block(template.open_block, template.answer, block) for block in blocks]
        budget = longest - len(opening) - 1
        dropped: set[str] = set()  # an answer shown only in a dropped block cannot be known
        while pieces and sum(len(ids) for ids, _ in pieces) > budget:
            dropped.add(blocks[0].answer)
            pieces, blocks = pieces[1:], blocks[1:]
        if not pieces:
            return None
        ids, weights = list(opening), [0.0] + [OTHER] * (len(opening) - 1)
        summaries: list[tuple[int, str]] = []
        pointers: list[tuple[int, list[int]]] = []
        answers: dict[str, list[int]] = {}  # positions where an answer begins
        learnt = False
        for (piece, begin), block in zip(pieces, blocks, strict=True):
            before = len(ids) + begin - 1
            if block.sentence.english:
                summaries.append((before, block.sentence.english))
            learnt = block.learnt and (block.answer in answers or block.answer not in dropped)
            if learnt and block.answer in answers:
                pointers.append((before, list(answers[block.answer])))
            answers.setdefault(block.answer, []).append(before + 1)
            ids += piece
            weights += [OTHER] * begin + [weight if learnt else 0.0] * (len(piece) - begin)
        return Row([*ids, self._end], [*weights, weight if learnt else 0.0], summaries, pointers, (len(ids) + 1,))

    def running(self, text: str, longest: int) -> Row:
        """Running text, cut at ``longest`` tokens."""
        ids = [self._start, *self._tokenizer.encode(text).ids, self._end][:longest]
        return Row(ids, [0.0] + [TEXT] * (len(ids) - 1), lengths=(len(ids),))

    def _block(
        self, opened: Callable[[str, str], str], answered: Callable[[str], str], block: Block
    ) -> tuple[list[int], int]:
        """Tokens of a block and the number of those before its answer."""
        before = SEPARATOR + opened(block.sentence.text, block.sentence.language)
        encoding = self._tokenizer.encode(before + answered(block.answer))
        begin = next((i for i, (_, end) in enumerate(encoding.offsets) if end > len(before)), len(encoding.ids))
        return encoding.ids, begin


def pack(draw: Callable[[int], Row | None], length: int, tries: int = 3) -> Row:
    """One row of at most ``length`` tokens from ``draw(room)``, which returns an episode that fits or None."""
    row = Row([], [])
    misses = 0
    while misses < tries and length - len(row.ids) > length // 16:
        part = draw(length - len(row.ids))
        if part is None:
            misses += 1
            continue
        shift = len(row.ids)
        row = Row(
            row.ids + part.ids,
            row.weights + part.weights,
            row.summaries + [(shift + position, english) for position, english in part.summaries],
            row.pointers + [(shift + position, [shift + end for end in ends]) for position, ends in part.pointers],
            (*row.lengths, *part.lengths),
        )
    return row


@dataclass(frozen=True)
class TeacherTable:
    """Teacher vectors of English sentences."""

    row: dict[str, int]
    vectors: torch.Tensor  # (number of sentences, M), unit norm

    @staticmethod
    def of(vectors: dict[str, np.ndarray], dimensions: int) -> "TeacherTable":
        """Stack vectors by English side, cut to the leading ``dimensions`` and normalised again."""
        sentences = sorted(vectors)
        stacked = torch.tensor(
            np.stack([vectors[sentence][:dimensions] for sentence in sentences]), dtype=torch.float32
        )
        stacked = torch.nn.functional.normalize(stacked, dim=-1)
        return TeacherTable({sentence: i for i, sentence in enumerate(sentences)}, stacked)


@dataclass(frozen=True)
class SentenceBank:
    """Tokenised sentences for the alignment loss, by bucket of similar length."""

    ids: list[list[int]]
    english: list[str]
    by_length: list[int]  # indices sorted by number of tokens

    @staticmethod
    def of(sentences: list[Sentence], encode: Callable[[list[str]], list[list[int]]], longest: int) -> "SentenceBank":
        """Tokenise; sentences over ``longest`` tokens are left out."""
        ids = encode([" " + sentence.text for sentence in sentences])
        short = [i for i, row in enumerate(ids) if 0 < len(row) <= longest]
        rows = [ids[i] for i in short]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        return SentenceBank(rows, [sentences[i].english for i in short], order)

    def draw(self, rng: random.Random, size: int, buckets: int = 3) -> list[int]:
        """Indices of ``size`` sentences from one third of the lengths, so that little is padded."""
        width = len(self.by_length) // buckets
        begin = rng.randrange(buckets) * width
        return [self.by_length[begin + rng.randrange(width)] for _ in range(size)]
