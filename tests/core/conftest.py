"""A predictor, and the pre-training recipe at toy size; imported when first asked for, because they bring torch along."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import numpy as np
    import torch
    from tokenizers import Tokenizer

    from core.bundle import Workbench
    from core.predictor import Predictor
    from core.pretraining.episodes import Material
    from core.pretraining.rows import EpisodeWriter
    from core.tasks import Task


@pytest.fixture(scope="module")
def predictor(bench: "Workbench") -> "Predictor":
    """Asks the toy model about the topic task."""
    return bench.predictor("topic")


@pytest.fixture(scope="session")
def tokens() -> "Tokenizer":
    """A byte-level BPE of 600 entries, trained on the toy sentences and all label words."""
    from pretraining_toys import toy_tokenizer

    return toy_tokenizer()


@pytest.fixture(scope="session")
def material(tasks: "dict[str, Task]") -> "Material":
    from pretraining_toys import toy_material

    return toy_material(tasks)


@pytest.fixture(scope="session")
def writer(tokens: "Tokenizer") -> "EpisodeWriter":
    from core.pretraining.rows import EpisodeWriter

    return EpisodeWriter(tokens, 0, 1)


@pytest.fixture(scope="session")
def teacher() -> "dict[str, np.ndarray]":
    """Unit vectors of eight dimensions by English side."""
    from pretraining_toys import toy_teacher

    return toy_teacher()


@pytest.fixture(scope="session")
def table(tokens: "Tokenizer", teacher: "dict[str, np.ndarray]") -> "torch.Tensor":
    """Token vectors of a trained toy encoder ``(600, 8)``."""
    from pretraining_toys import ENCODER, parallel_text

    from core.pretraining.encoder import train_encoder

    return train_encoder(tokens, parallel_text(), teacher, ENCODER, lambda line: None)
