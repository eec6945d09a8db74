"""Closed-loop runs over a grid of alpha and beta: accuracy against diversity."""

import argparse
from pathlib import Path

from core.cli.options import (
    CONFIGS,
    ROOT,
    decimals,
    language_codes,
    model_arguments,
    numbers,
    overrides,
    overrides_argument,
    progress,
    task_named,
)
from core.config import read_config
from core.data.examples import read_examples
from core.evaluation import refuse_overwrite
from core.experiments.runner import Material, printed
from core.experiments.sweep import SweepConfig, sweep
from core.models.loading import ModelConfig
from core.run_record import write_record
from core.training.config import FitConfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--config", type=Path, default=CONFIGS / "fit_cpu.toml")
    parser.add_argument("--pool", required=True, help="what is learnt and chosen from; fold demo where there is one")
    parser.add_argument("--queries", required=True, help="what is only evaluated on; fold dev_query where there is one")
    parser.add_argument("--languages", default="", help="of pool and queries; default all that the task has words for")
    parser.add_argument("--alphas", default="1", help="weights of the accuracy part of the reward, with commas")
    parser.add_argument("--betas", default="0,0.2,1", help="weights of the diversity part, with commas")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--most", type=int, default=50, help="evaluation queries of each language")
    model_arguments(parser, run=False)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "sweep", help="runs; gone on with if present")
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")
    overrides_argument(parser, "optim.iterations=40; they hold for all points")


def run(options: argparse.Namespace, began: float) -> int:
    """Train and evaluate every point of the grid."""
    refuse_overwrite(options.output)
    fit_config = read_config(options.config, FitConfig, overrides(options.overrides))
    alphas, betas = decimals("--alphas", options.alphas), decimals("--betas", options.betas)
    config = SweepConfig(fit_config, alphas, betas, numbers("--seeds", options.seeds), options.most)
    task = task_named(fit_config.task)
    codes = language_codes(options.languages, task) or list(task.languages)
    pool = read_examples(options.pool, task, {"language": codes}, fold="demo")
    queries = read_examples(options.queries, task, {"language": codes}, fold="dev_query")
    material = Material(ModelConfig(options.model, options.precision), task, pool, queries)
    with progress("sweep") as report:
        entry = sweep(config, material, options.work, report)
    write_record(options.output / "record.json", entry)
    print(printed(entry))
    return 0
