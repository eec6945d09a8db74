"""The same items asked in many languages: do the answers agree, and do the model's states align?"""

import argparse
from pathlib import Path

from core.cli.options import ROOT, language_codes, model_arguments, numbers, parts, progress, task_named, workbench
from core.data.examples import read_examples
from core.data.pool import Pool
from core.evaluation import refuse_overwrite
from core.experiments.consistency import ConsistencyConfig, consistency
from core.experiments.runner import printed
from core.run_record import write_record


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--task", default="topic")
    parser.add_argument("--queries", required=True, help="file, folder or Hub data set, parallel; fold dev_query")
    parser.add_argument("--pool", required=True, help="the same for demonstrations and parallel sentences; fold demo")
    parser.add_argument(
        "--languages", default="", help="two or more; default all of the queries that the task has words for"
    )
    parser.add_argument("--strategies", default="agl,knn,random,zero-shot")
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--items", type=int, default=40, help="items asked in every language")
    parser.add_argument("--sentences", type=int, default=100, help="parallel sentences whose states are aligned")
    model_arguments(parser)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "consistency", help="gone on with if present")
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")


def run(options: argparse.Namespace, began: float) -> int:
    """Ask the same items in all languages, compare answers and states, and write a record."""
    refuse_overwrite(options.output)
    task = task_named(options.task)
    named = tuple(language_codes(options.languages, task))
    queries = read_examples(options.queries, task, {"language": named or task.languages}, fold="dev_query")
    codes = named or tuple(sorted({query.language for query in queries}))
    seeds, strategies = numbers("--seeds", options.seeds), tuple(parts(options.strategies))
    config = ConsistencyConfig(codes, strategies, options.k, seeds, options.items, options.sentences)
    pool = read_examples(options.pool, task, {"language": task.languages}, fold="demo")
    predictor = workbench(options, {task.name: Pool(tuple(pool))}).predictor(task.name)
    with progress("consistency") as report:
        entry = consistency(config, predictor, queries, pool, options.work, report)
    write_record(options.output / "record.json", entry)
    print(printed(entry))
    return 0
