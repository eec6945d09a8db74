"""What ``ablate`` and ``sweep`` share: options and data of closed-loop runs that are trained on one pool and compared on other queries."""

import argparse
from pathlib import Path

from core.cli.evaluation_data import BUNDLED
from core.cli.options import CONFIGS, ROOT, language_codes, model_arguments, overrides, overrides_argument, task_named
from core.config import read_config
from core.data.examples import read_examples
from core.experiments.runner import Material
from core.models.loading import ModelConfig
from core.training.bank.store import lent_banks
from core.training.config import FitConfig


def loop_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """The options of the experiment ``name``, besides what its runs differ in."""
    parser.add_argument("--config", type=Path, default=CONFIGS / "fit_cpu.toml")
    parser.add_argument("--pool", required=True, help="what is learnt and chosen from; fold demo where there is one")
    parser.add_argument("--queries", required=True, help="what is only evaluated on; fold dev_query where there is one")
    parser.add_argument("--languages", default="", help="of the queries; default all that the task has words for")
    parser.add_argument("--pool-languages", default="", help="of the pool, or bundled; default those of the queries")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--most", type=int, default=50, help="evaluation queries of each language")
    model_arguments(parser, run=False)
    parser.add_argument("--bank", type=Path, help="run, or folder of runs, whose scores are not computed again")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / name, help="runs; gone on with if present")
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")
    overrides_argument(parser, "optim.iterations=40; they hold for all runs")


def loop_data(options: argparse.Namespace) -> tuple[FitConfig, Material]:
    """The settings that all runs start from, and model, task, pool and queries."""
    config = read_config(options.config, FitConfig, overrides(options.overrides))
    task = task_named(config.task)
    codes = language_codes(options.languages, task) or list(task.languages)
    bundled = options.pool_languages == BUNDLED  # all that the task has words for, as train.py fit takes its pool
    pool_codes = list(task.languages) if bundled else language_codes(options.pool_languages, task) or codes
    pool = read_examples(options.pool, task, {"language": pool_codes}, fold="demo")
    queries = read_examples(options.queries, task, {"language": codes}, fold="dev_query")
    banks = lent_banks(options.bank, config.bank.queries)
    return config, Material(ModelConfig(options.model, options.precision), task, pool, queries, banks)
