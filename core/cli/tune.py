"""Tune the answers under demonstrations that a strategy chose: a LoRA adapter or a soft prompt, on a finished run or alone."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from core.cli.options import (
    CONFIGS,
    model_arguments,
    overrides,
    overrides_argument,
    pool_argument,
    task_named,
    to_stderr,
    training_pool,
)
from core.config import read_config
from core.data.pool import Pool
from core.models.loading import ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.training.tuning.config import TuneConfig
from core.training.tuning.result import finish, prepare, split, verdict
from core.workbench import Workbench, bundled_examples


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--config", type=Path, default=CONFIGS / "tune_gemma.toml")
    pool_argument(parser)
    model_arguments(parser, run=False)
    parser.add_argument(
        "--run", default="", help="finished run of train.py fit whose policy chooses, where contexts name agl"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder of the run; gone on with if it holds one")
    overrides_argument(parser, "seed=1 contexts=['zero-shot']")


def run(options: argparse.Namespace, began: float) -> int:
    """Tune, or go on with it, and write the adapter."""
    config = read_config(options.config, TuneConfig, overrides(options.overrides))
    task = task_named(config.task)
    examples = training_pool(options.pool, task)
    model = load_model(ModelConfig(options.model, options.precision, run=options.run, fall_back=False))
    pool, queries, held = split(config, task, examples, model.trained)
    workbench = Workbench(model, SentenceEncoder(), cache=Path("runs") / "cache", pools={task.name: Pool(tuple(pool))})
    predictor, parallel = workbench.predictor(task.name), bundled_examples("topic")
    loop = prepare(config, predictor, model, queries, held, options.output, to_stderr, parallel)
    with tqdm(total=config.steps, desc="tune", unit="step", file=sys.stderr) as bar:

        def progress(iteration: int, line: Mapping[str, Any]) -> None:
            bar.n = iteration
            bar.set_postfix({key: round(line[key], 3) for key in line if key.startswith("loss_") or key == "right"})
            for name, value in line.get("development", {}).items():
                bar.write(f"{iteration:5d}  {name} {value:.3f}", sys.stderr)

        loop.run(progress)
    print(f"{verdict(finish(loop, str(options.pool)))}\n{options.output}")
    return 0
