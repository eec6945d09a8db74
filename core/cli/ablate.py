"""The closed loop in variants and seeds: before and after, on queries that nothing was learnt from."""

import argparse
from pathlib import Path

from core.cli.options import (
    CONFIGS,
    ROOT,
    language_codes,
    model_arguments,
    numbers,
    overrides,
    overrides_argument,
    parts,
    progress,
    task_named,
)
from core.config import read_config
from core.data.examples import read_examples
from core.evaluation import refuse_overwrite
from core.experiments.ablation import AblationConfig, ablate
from core.experiments.runner import Material, printed
from core.models.loading import ModelConfig
from core.run_record import write_record
from core.training.config import FitConfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--config", type=Path, default=CONFIGS / "fit_cpu.toml")
    parser.add_argument("--pool", required=True, help="what is learnt and chosen from; fold demo where there is one")
    parser.add_argument("--queries", required=True, help="what is only evaluated on; fold dev_query where there is one")
    parser.add_argument("--languages", default="", help="of the queries; default all that the task has words for")
    parser.add_argument("--pool-languages", default="", help="of the pool; default those of the queries")
    parser.add_argument("--variants", default="supervised,self,without rl,without align,without coherence")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--most", type=int, default=50, help="evaluation queries of each language")
    model_arguments(parser, run=False)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "ablate", help="runs; gone on with if present")
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")
    overrides_argument(parser, "optim.iterations=40; they hold for all variants")


def run(options: argparse.Namespace, began: float) -> int:
    """Run the closed loop in variants and seeds, and compare before and after on queries it did not learn from."""
    refuse_overwrite(options.output)
    fit_config = read_config(options.config, FitConfig, overrides(options.overrides))
    config = AblationConfig(fit_config, tuple(parts(options.variants)), numbers("--seeds", options.seeds), options.most)
    task = task_named(fit_config.task)
    codes = language_codes(options.languages, task) or list(task.languages)
    pool_codes = language_codes(options.pool_languages, task) or codes
    pool = read_examples(options.pool, task, {"language": pool_codes}, fold="demo")
    queries = read_examples(options.queries, task, {"language": codes}, fold="dev_query")
    material = Material(ModelConfig(options.model, options.precision), task, pool, queries)
    with progress("ablate") as report:
        entry = ablate(config, material, options.work, report)
    write_record(options.output / "record.json", entry)
    print(printed(entry, ["variants", "pairs of variants"]))
    return 0
