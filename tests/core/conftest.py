"""A predictor, the pre-training recipe and a closed loop at toy size; imported when first asked for, because they bring torch along."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import numpy as np
    import torch
    from tokenizers import Tokenizer

    from core.data.tasks import Task
    from core.embedded.episodes import Material
    from core.embedded.rows import EpisodeWriter
    from core.inference.predictor import Predictor
    from core.models.loading import LanguageModel, ModelConfig
    from core.training.config import FitConfig
    from core.training.trainer import Loop
    from core.workbench import Workbench

MakeLoop = Callable[..., "Loop"]


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
    from core.embedded.rows import EpisodeWriter

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

    from core.embedded.encoder import train_encoder

    return train_encoder(tokens, parallel_text(), teacher, ENCODER, lambda line: None)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A pool and queries as JSONL, in the folds that the command reads."""
    from evaluation_toys import QUERIES
    from toys import toy_examples

    paths = {}
    for name, fold, examples in (("pool", "demo", toy_examples()), ("queries", "dev_query", QUERIES)):
        path = tmp_path / f"{name}.jsonl"
        rows = [
            {"id": e.id, "index_id": e.item, "language": e.language, "label": e.label, "text": e.text, "devfold": fold}
            for e in examples
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        paths[name] = str(path)
    return paths


@pytest.fixture
def toy_models(model: "LanguageModel", monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The commands load the toy model and encoder instead of those in ``assets``, and keep vectors in a folder of the test."""
    from toys import LetterEncoder

    from core.errors import ModelUnavailable

    def load(config: "ModelConfig") -> "LanguageModel":
        if config.name != "tiny":
            raise ModelUnavailable(f"No model was found at {config.name!r}.")
        return model

    monkeypatch.setattr("core.cli.options.load_model", load)
    monkeypatch.setattr("core.cli.options.SentenceEncoder", LetterEncoder)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def short() -> "FitConfig":
    """A closed loop at toy size: ten items in three languages, a byte model of two layers, four iterations in float32."""
    from core.training.config import ContextConfig, FitConfig, OptimConfig, WatchConfig, WritingConfig

    return FitConfig(
        policy=ContextConfig(k=2, contexts=3, candidates=12),
        optim=OptimConfig(iterations=4, queries=4, rank=2, warm_up=1, bf16=False),
        writing=WritingConfig(pairs=2, shown=2, max_tokens=8),
        watch=WatchConfig(every=2, queries=6, save_every=1, fixed=2),
    )


@pytest.fixture
def make_loop(short: "FitConfig", tasks: dict[str, Any], encoder: Any) -> MakeLoop:
    """Builds a fresh loop: ``make_loop(folder, section=record, ...)``; a new model each time, because loops change weights."""
    from toys import byte_tokenizer, tiny_llama_config, tiny_model, toy_examples

    from core.training.run import prepare

    def make(folder: Path, pool: Any = None, queries: Any = None, **changes: Any) -> "Loop":
        tokenizer = byte_tokenizer()
        model = tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048))
        config = replace(short, **changes)
        return prepare(config, model, encoder, tasks[config.task], pool or toy_examples(), queries, folder)

    return make
