"""Closed-loop runs over a grid of alpha and beta: accuracy against diversity."""

import argparse

from core.cli.closed_loops import loop_arguments, loop_data
from core.cli.options import decimals, numbers, progress
from core.evaluation import refuse_overwrite
from core.experiments.runner import printed
from core.experiments.sweep import SweepConfig, sweep
from core.run_record import write_record


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    loop_arguments(parser, "sweep")
    parser.add_argument("--alphas", default="1", help="weights of the accuracy part of the reward, with commas")
    parser.add_argument("--betas", default="0,0.2,1", help="weights of the diversity part, with commas")


def run(options: argparse.Namespace, began: float) -> int:
    """Train and evaluate every point of the grid."""
    refuse_overwrite(options.output)
    fit_config, material = loop_data(options)
    alphas, betas = decimals("--alphas", options.alphas), decimals("--betas", options.betas)
    config = SweepConfig(fit_config, alphas, betas, numbers("--seeds", options.seeds), options.most)
    with progress("sweep") as report:
        entry = sweep(config, material, options.work, report)
    write_record(options.output / "record.json", entry)
    print(printed(entry))
    return 0
