"""Languages that the model never saw, or that a closed loop did not learn from."""

import argparse
from pathlib import Path

from core.commands.given import (
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
    workbench,
)
from core.config import read_config
from core.data import read_examples
from core.evaluation import refuse_overwrite
from core.experiments.result import printed
from core.experiments.runs import Material
from core.experiments.unseen import WORDS, HeldOutConfig, UnseenConfig, held_out, unseen
from core.languages import language
from core.loop.config import FitConfig
from core.models import ModelConfig
from core.pool import Pool
from core.run_record import write_record


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--task", default="topic")
    parser.add_argument("--queries", required=True, help="file, folder or Hub data set; fold dev_query")
    parser.add_argument("--pool", required=True, help="the same for demonstrations; fold demo")
    parser.add_argument("--seen", default="", help="codes; default those of the task that the queries have")
    parser.add_argument("--unseen", default="", help="codes; default all others of the queries")
    parser.add_argument("--words", default="english", help=f"of instruction and labels: {' or '.join(WORDS)}")
    parser.add_argument("--strategies", default="agl,knn,random,zero-shot")
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--most", type=int, default=40, help="items asked in every language")
    parser.add_argument(
        "--held-out", default="", help="instead: closed-loop runs that learn from the seen languages but these"
    )
    parser.add_argument("--config", type=Path, default=CONFIGS / "fit_cpu.toml", help="of those runs")
    model_arguments(parser)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "unseen", help="gone on with if present")
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")
    overrides_argument(parser, "optim.iterations=40, of the runs of --held-out")


def run(options: argparse.Namespace, began: float) -> int:
    """Compare seen with unseen languages, or learnt-from with held-out ones, and write a record."""
    refuse_overwrite(options.output)
    task = task_named(options.task)
    pool = read_examples(options.pool, task, {"language": task.languages}, fold="demo")
    if options.held_out:
        fit_config = read_config(options.config, FitConfig, {"task": options.task} | overrides(options.overrides))
        codes = language_codes(options.seen, task) or list(task.languages)
        queries = read_examples(options.queries, task, {"language": codes}, fold="dev_query")
        kept = [example for example in pool if example.language in codes]
        seeds, without = numbers("--seeds", options.seeds), tuple(language_codes(options.held_out, task))
        material = Material(ModelConfig(options.model, options.precision), task, kept, queries)
        with progress("held out") as tell:
            entry = held_out(HeldOutConfig(fit_config, without, seeds, options.most), material, options.work, tell)
    else:
        queries = read_examples(options.queries, task, fold="dev_query")
        there = dict.fromkeys(query.language for query in queries)
        seen = tuple(language_codes(options.seen, task)) or tuple(code for code in there if code in task.languages)
        others = tuple(language(code).code for code in parts(options.unseen))
        others = others or tuple(code for code in there if code not in task.languages)
        strategies, seeds = tuple(parts(options.strategies)), numbers("--seeds", options.seeds)
        config = UnseenConfig(seen, others, strategies, options.k, seeds, options.most, options.words)
        bench = workbench(options, {task.name: Pool(tuple(pool))})
        with progress("unseen") as tell:
            entry = unseen(config, bench, task, queries, options.work, tell)
    write_record(options.output / "record.json", entry)
    print(printed(entry))
    return 0
