"""A tuning run at toy size, on a finished run whose policy alone learnt, or alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from core.training.tuning.loop import TuneLoop

MakeTuning = Callable[..., "TuneLoop"]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with a byte model of two layers."""
    from toys import byte_tokenizer, tiny_llama_config, tiny_model

    tokenizer = byte_tokenizer()
    model = tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048))
    model.network.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def policy_run(base: Path, make_loop: Any, short: Any, tmp_path: Path) -> Path:
    """A finished run on ``base`` whose policy alone learnt."""
    from core.training.config import LossConfig, WritingConfig
    from core.training.run import fit

    loop = make_loop(
        tmp_path / "fitted",
        optim=replace(short.optim, trained="policy", policy_rate=0.05),
        losses=LossConfig(align=0.0),
        writing=WritingConfig(pairs=0),
    )
    assert fit(loop) is not None
    return tmp_path / "fitted"


@pytest.fixture
def make_tuning(base: Path, encoder: Any, tmp_path: Path) -> MakeTuning:
    """Builds a fresh run: ``make_tuning(folder, run=..., key=value, ...)``; a new model each time, because tuning changes weights."""
    from toys import toy_examples

    from core.data.pool import Pool
    from core.models.loading import ModelConfig, load_model
    from core.training.tuning.config import TuneConfig
    from core.training.tuning.result import prepare, split
    from core.workbench import Workbench

    def make(folder: Path, run: Path | None = None, queries: Any = None, **changes: Any) -> "TuneLoop":
        settings = {
            "k": 2,
            "steps": 4,
            "queries": 3,
            "rank": 2,
            "watch": 6,
            "save_every": 2,
            "rate": 0.01,
            "warm_up": 1,
        }
        config = TuneConfig(**(settings | changes))
        model = load_model(ModelConfig(str(base), run=str(run or ""), fall_back=False))
        pool, learnt, held = split(config, Workbench(model, encoder).tasks["topic"], toy_examples(), model.trained)
        bench = Workbench(model, encoder, pools={"topic": Pool(tuple(pool))})
        own = {example.id for example in learnt}
        asked = [example for example in queries or learnt if example.id in own]
        return prepare(config, bench.predictor("topic"), model, asked, held, folder, parallel=toy_examples())

    return make
