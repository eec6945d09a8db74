"""Accuracy by number of demonstrations, prompt budget and model."""

import argparse
from pathlib import Path

from core.cli.options import ROOT, language_codes, numbers, parts, progress, task_named
from core.data.examples import read_examples
from core.evaluation import refuse_overwrite
from core.experiments.runner import printed
from core.experiments.scaling import ScalingConfig, scaling
from core.models.catalogue import DEFAULT
from core.models.loading import ModelConfig
from core.run_record import write_record


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--task", default="topic")
    parser.add_argument("--queries", required=True, help="file, folder or Hub data set; fold dev_query")
    parser.add_argument("--pool", required=True, help="the same for demonstrations; fold demo")
    parser.add_argument("--languages", default="", help="of the queries; default all that the task has words for")
    parser.add_argument("--models", default=DEFAULT, help="default, tiny, folders, .gguf files or Hub ids, with commas")
    parser.add_argument("--precision", default="fp32", help="of all models: fp32, bf16 or nf4")
    parser.add_argument("--strategies", default="agl,random")
    parser.add_argument("--k", default="0,1,2,4,8,16", help="numbers of demonstrations")
    parser.add_argument("--budgets", default="0", help="tokens a prompt may take, with commas; 0: all the model reads")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--most", type=int, default=25, help="queries of each language")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "scaling", help="gone on with if present")
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")


def run(options: argparse.Namespace, began: float) -> int:
    """Evaluate all combinations and write a record."""
    refuse_overwrite(options.output)
    task = task_named(options.task)
    codes = language_codes(options.languages, task) or list(task.languages)
    config = ScalingConfig(
        tuple(ModelConfig(name, options.precision) for name in parts(options.models)),
        tuple(parts(options.strategies)),
        numbers("--k", options.k),
        numbers("--budgets", options.budgets),
        numbers("--seeds", options.seeds),
        options.most,
    )
    queries = read_examples(options.queries, task, {"language": codes}, fold="dev_query")
    pool = read_examples(options.pool, task, {"language": task.languages}, fold="demo")
    with progress("scaling") as report:
        entry = scaling(config, task, pool, queries, options.work, report)
    write_record(options.output / "record.json", entry)
    print(printed(entry))
    return 0
