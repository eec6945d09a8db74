"""What states are pulled to: teacher vectors of English sides, and the sentences whose means are to match them."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from core.pretraining.rows import Sentence


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
        kept = [i for i, row in enumerate(ids) if 0 < len(row) <= longest]
        rows = [ids[i] for i in kept]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        return SentenceBank(rows, [sentences[i].english for i in kept], order)

    def draw(self, rng: random.Random, size: int, buckets: int = 3) -> list[int]:
        """Indices of ``size`` sentences from one third of the lengths, so that little is padded."""
        width = len(self.by_length) // buckets
        begin = rng.randrange(buckets) * width
        return [self.by_length[begin + rng.randrange(width)] for _ in range(size)]
