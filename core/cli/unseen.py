"""Languages that the model never saw, tasks that it never saw, or languages that a closed loop did not learn from."""

import argparse
from pathlib import Path
from typing import Any

from core.cli.evaluation_data import corpora, seen_tasks
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
    workbench,
)
from core.config import read_config
from core.data.examples import read_examples
from core.data.pool import Pool
from core.errors import InvalidConfig
from core.evaluation import refuse_overwrite
from core.experiments.runner import Material, printed
from core.experiments.unseen import WORDS, HeldOutConfig, UnseenConfig, held_out, unseen
from core.experiments.unseen_tasks import TRAINED_ON, UnseenTasksConfig, unseen_tasks
from core.languages import language
from core.models.loading import ModelConfig
from core.run_record import write_record
from core.training.config import FitConfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--task", default="topic")
    parser.add_argument("--queries", default="", help="file, folder or Hub data set; fold dev_query")
    parser.add_argument("--pool", default="", help="the same for demonstrations; fold demo")
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
    parser.add_argument(
        "--tasks",
        default="",
        help="instead: seen and unseen tasks or corpora, as in topic,paraphrase,emotion,commonsense",
    )
    parser.add_argument("--seen-tasks", default=",".join(TRAINED_ON), help="tasks that the model was trained on")
    parser.add_argument("--data", default="", help="folder of the built-in corpora of --tasks, or hub")
    parser.add_argument("--languages", default="", help="of --tasks; default all that a task has words for")
    parser.add_argument("--pool-most", type=int, default=50, help="items of the pool of each of --tasks")
    parser.add_argument("--config", type=Path, default=CONFIGS / "fit_cpu.toml", help="of those runs")
    model_arguments(parser)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "unseen", help="gone on with if present")
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")
    overrides_argument(parser, "optim.iterations=40, of the runs of --held-out")


def run(options: argparse.Namespace, began: float) -> int:
    """Compare seen with unseen languages or tasks, or learnt-from with held-out languages, and write a record."""
    refuse_overwrite(options.output)
    if options.tasks and options.held_out:
        raise InvalidConfig("--tasks and --held-out are two experiments; give one of them.")
    if not options.tasks and not (options.queries and options.pool):
        raise InvalidConfig("Unseen languages need --queries and --pool; unseen tasks need --tasks and --data.")
    compare = _tasks if options.tasks else _held_out if options.held_out else _languages
    entry = compare(options)
    write_record(options.output / "record.json", entry)
    print(printed(entry))
    return 0


def _tasks(options: argparse.Namespace) -> dict[str, Any]:
    strategies, seeds = tuple(parts(options.strategies)), numbers("--seeds", options.seeds)
    config = UnseenTasksConfig(seen_tasks(options), strategies, options.k, seeds, options.most, options.words)
    named = corpora(options)
    options.fall_back = False  # what a run learnt is asked of other tasks too, which is the question here
    with progress("unseen tasks") as report:
        return unseen_tasks(config, workbench(options, {}), named, options.work, report)


def _held_out(options: argparse.Namespace) -> dict[str, Any]:
    task = task_named(options.task)
    fit_config = read_config(options.config, FitConfig, {"task": options.task} | overrides(options.overrides))
    codes = language_codes(options.seen, task) or list(task.languages)
    pool = read_examples(options.pool, task, {"language": codes}, fold="demo")
    queries = read_examples(options.queries, task, {"language": codes}, fold="dev_query")
    seeds, without = numbers("--seeds", options.seeds), tuple(language_codes(options.held_out, task))
    material = Material(ModelConfig(options.model, options.precision), task, pool, queries)
    with progress("held out") as report:
        return held_out(HeldOutConfig(fit_config, without, seeds, options.most), material, options.work, report)


def _languages(options: argparse.Namespace) -> dict[str, Any]:
    task = task_named(options.task)
    seen = tuple(language_codes(options.seen, task))
    others = tuple(language(code).code for code in parts(options.unseen))
    where = {"language": (*seen, *others)} if seen and others else None
    queries = read_examples(options.queries, task, where, fold="dev_query")
    pool = read_examples(options.pool, task, {"language": task.languages}, fold="demo")
    there = dict.fromkeys(query.language for query in queries)
    seen = seen or tuple(code for code in there if code in task.languages)
    others = others or tuple(code for code in there if code not in task.languages)
    strategies, seeds = tuple(parts(options.strategies)), numbers("--seeds", options.seeds)
    config = UnseenConfig(seen, others, strategies, options.k, seeds, options.most, options.words)
    model = workbench(options, {task.name: Pool(tuple(pool))})
    with progress("unseen") as report:
        return unseen(config, model, task, queries, options.work, report)
