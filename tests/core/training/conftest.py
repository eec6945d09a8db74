"""A closed loop at toy size: ten items in three languages, a byte model of two layers, seconds a run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from core.training.config import FitConfig
    from core.training.trainer import Loop

MakeLoop = Callable[..., "Loop"]


@pytest.fixture(scope="session")
def short() -> "FitConfig":
    """Four iterations in float32."""
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
