"""Compare strategies on labelled queries."""

import argparse
import sys
import time
from pathlib import Path

from tqdm import tqdm

from core.commands.given import language_codes, model_arguments, numbers, parts, task_named, workbench
from core.data import read_examples
from core.evaluation import EvaluationConfig, evaluate, record, refuse_overwrite, save, summary, tables_by_k
from core.pool import Pool


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--task", default="topic")
    parser.add_argument(
        "--queries", required=True, help="file, folder or Hub data set; fold dev_query where there is one"
    )
    parser.add_argument("--pool", required=True, help="the same for demonstrations; fold demo where there is one")
    parser.add_argument("--languages", required=True, help="query languages, comma-separated codes")
    parser.add_argument("--pool-languages", default="others", help="others (default), bundled, or codes")
    parser.add_argument("--strategies", default="zero-shot,random,bm25,knn,agl")
    parser.add_argument("--k", default="4", help="demonstrations, or several numbers with commas")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument(
        "--shown-labels", default="gold", help="labels of demonstrations: gold (default), permuted, random or swapped"
    )
    parser.add_argument("--most", type=int, help="queries of each language, the same in every run")
    model_arguments(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder for items.parquet and record.json")


def run(options: argparse.Namespace, began: float) -> int:
    """Compare strategies and write a record."""
    refuse_overwrite(options.output)
    task = task_named(options.task)
    known = task.languages
    languages = language_codes(options.languages, task)
    if options.pool_languages == "others":
        pool_languages: tuple[str, ...] | None = None
    elif options.pool_languages == "bundled":
        pool_languages = known
    else:
        pool_languages = tuple(language_codes(options.pool_languages, task))
    config = EvaluationConfig(
        tuple(parts(options.strategies)),
        numbers("--k", options.k),
        numbers("--seeds", options.seeds),
        pool_languages,
        options.shown_labels,
        options.most,
    )
    queries = read_examples(options.queries, task, {"language": languages}, fold="dev_query")
    pool = Pool(tuple(read_examples(options.pool, task, {"language": known}, fold="demo")))
    bench = workbench(options, {options.task: pool})
    with tqdm(
        total=100,
        desc="evaluating",
        unit="%",
        file=sys.stderr,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}",
    ) as bar:

        def tell(share: float, stage: str) -> None:
            bar.set_description(stage)
            bar.n = round(100 * share, 1)
            bar.refresh()

        items = evaluate(bench.predictor(options.task), queries, config, tell)
    table = summary(items, task.labels)
    save(options.output, items, record(bench.predictor(options.task), config, table, time.perf_counter() - began))
    for name, measure in (("accuracy, %", "accuracy"), ("accuracy after batch calibration, %", "accuracy_batch")):
        for k, wide in tables_by_k(table, measure).items():
            print(f"{name}, k = {k}\n{(100 * wide).round(1).to_string()}\n")
    return 0
