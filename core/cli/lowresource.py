"""Accuracy against the number of labelled items: examples in the language itself, in others, or both."""

import argparse
from pathlib import Path

from core.cli.options import ROOT, language_codes, model_arguments, numbers, parts, progress, task_named, workbench
from core.data.examples import read_examples
from core.data.pool import Pool
from core.evaluation import refuse_overwrite
from core.experiments.lowresource import SOURCES, LowResourceConfig, low_resource
from core.experiments.runner import printed
from core.run_record import write_record


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--task", default="topic")
    parser.add_argument("--queries", required=True, help="file, folder or Hub data set; fold dev_query")
    parser.add_argument("--pool", required=True, help="the same for demonstrations, parallel; fold demo")
    parser.add_argument("--languages", default="", help="of the queries; default all that the task has words for")
    parser.add_argument("--sizes", default="0,1,10,100,501", help="numbers of labelled items in the pool")
    parser.add_argument("--sources", default="others", help=f"where the items lie: {', '.join(SOURCES)}, with commas")
    parser.add_argument(
        "--own-language", action="store_true", help="all sources: also allow examples in the query's own language"
    )
    parser.add_argument("--strategy", default="agl")
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--most", type=int, default=25, help="queries of each language")
    model_arguments(parser)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "lowresource", help="gone on with if present")
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")


def run(options: argparse.Namespace, began: float) -> int:
    """Evaluate with pools of growing size and write a record."""
    refuse_overwrite(options.output)
    task = task_named(options.task)
    codes = language_codes(options.languages, task) or list(task.languages)
    sources = SOURCES if options.own_language else tuple(parts(options.sources))
    sizes, seeds = numbers("--sizes", options.sizes), numbers("--seeds", options.seeds)
    config = LowResourceConfig(sizes, sources, options.strategy, options.k, seeds, options.most)
    queries = read_examples(options.queries, task, {"language": codes}, fold="dev_query")
    pool = read_examples(options.pool, task, {"language": task.languages}, fold="demo")
    model = workbench(options, {task.name: Pool(tuple(pool))})
    with progress("lowresource") as report:
        entry = low_resource(config, model, task, pool, queries, options.work, report)
    write_record(options.output / "record.json", entry)
    print(printed(entry, ["accuracy by number of items", "sources and sizes compared", "by resource class"]))
    return 0
