"""Run the closed loop: choose, write, answer, learn."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from core.cli.options import (
    CONFIGS,
    model_arguments,
    overrides,
    overrides_argument,
    parts,
    pool_argument,
    served_scores,
    task_named,
    to_stderr,
    training_pool,
)
from core.config import read_config
from core.models.loading import ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.training.bank.loop import BankLoop
from core.training.bank.store import lent_banks
from core.training.config import FitConfig
from core.training.run import fit, make_accelerator, prepare, start_trackers, verdict


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--config", type=Path, default=CONFIGS / "fit_cpu.toml")
    pool_argument(parser)
    parser.add_argument("--queries", help="what to ask, of the same form; default the pool's own examples")
    model_arguments(parser, run=False)
    parser.add_argument(
        "--served",
        default="",
        help="server of the same model that scores the bank in its place: openai:http://host:8000/v1#name",
    )
    parser.add_argument(
        "--tokenizer", default="", help="of that server's model: folder or Hub id; default: the server's"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--track", default="", help="trackers with commas: tensorboard, wandb, trackio")
    parser.add_argument("--bank", type=Path, help="run, or folder of runs, whose scores are not computed again")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run; gone on with if it holds one")
    overrides_argument(parser, "optim.iterations=100 mode=self answer_languages=2")


def run(options: argparse.Namespace, began: float) -> int:
    """Run the closed loop, or go on with it, and write what it learnt."""
    config = read_config(options.config, FitConfig, overrides(options.overrides))
    task = task_named(config.task)
    pool = training_pool(options.pool, task)
    queries = training_pool(options.queries, task) if options.queries else None
    lenders = lent_banks(options.bank, config.bank.queries)
    model = load_model(ModelConfig(options.model, options.precision, options.device))
    accelerator = make_accelerator(model.device.type == "cpu", parts(options.track), str(options.output))
    start_trackers(accelerator, config)
    main = accelerator.is_main_process
    loop = prepare(
        config,
        model,
        SentenceEncoder(),
        task,
        pool,
        queries,
        options.output,
        accelerator,
        to_stderr if main else _quiet,
        served_scores(options),
    )
    if isinstance(loop, BankLoop):
        loop.lenders = lenders
    with tqdm(total=config.optim.iterations, desc="fit", unit="it", file=sys.stderr, disable=not main) as bar:

        def progress(iteration: int, line: dict[str, Any]) -> None:
            bar.n = iteration
            bar.set_postfix({key: round(line[key], 3) for key in ("reward", "acc", "div") if key in line}, refresh=True)
            if "development" in line:
                bar.write(
                    "  ".join(
                        [f"{iteration:5d}", *(f"{name} {value:.3f}" for name, value in line["development"].items())]
                    ),
                    sys.stderr,
                )
            for sentence in line["alarms"]:
                bar.write(f"      {sentence}", sys.stderr)

        entry = fit(loop, str(options.pool), progress)
    accelerator.end_training()
    if entry:
        print(f"{verdict(entry)}\n{options.output}")
    return 0


def _quiet(line: str) -> None: ...
