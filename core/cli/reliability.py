"""What a model's certainty has been worth: calibrated label probabilities against right answers, on items of the pool."""

import argparse
from pathlib import Path

from core.cli.evaluation_data import language_code, named
from core.cli.options import model_arguments, parts, progress, prompt_arguments, prompted, workbench
from core.cli.prompts import LANGUAGES
from core.data.corpora import languages_of, load_corpus
from core.data.pool import Pool
from core.errors import InvalidConfig
from core.experiments.prompt_choice import PromptChoiceConfig
from core.experiments.reliability import ReliabilityConfig, TaskData, fitting_queries, reliability
from core.experiments.runner import printed
from core.run_record import write_record


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--tasks", default="sib200,nusax", help="tasks with labels or built-in corpora, with commas")
    parser.add_argument("--data", required=True, help="folder of the built-in corpora")
    parser.add_argument("--languages", default="", help="of the queries; default all that a task has words for")
    parser.add_argument("--items", type=int, default=40, help="of each language")
    parser.add_argument("--strategies", default="agl,knn", help="their answers are counted together")
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument(
        "--output", type=Path, required=True, help="file, such as assets/results/reliability/MODEL.json"
    )
    model_arguments(parser)
    prompt_arguments(parser)


def run(options: argparse.Namespace, began: float) -> int:
    """Count right answers by certainty and write a record."""
    if options.output.exists():
        raise InvalidConfig(f"{options.output} exists already; name another --output, or move it away.")
    config = ReliabilityConfig(options.items, tuple(parts(options.strategies)), options.k)
    pools, languages = {}, {}
    for name in parts(options.tasks):
        task, corpus = named(name)
        at_hand = languages_of(corpus, options.data)
        codes = [language_code(code, at_hand) for code in parts(options.languages)]
        languages[task.name] = tuple(codes or [code for code in at_hand if code in task.languages] or at_hand)
        shared = sorted({*languages[task.name], *(code for code in task.languages if code in at_hand)})
        pools[task.name] = Pool(load_corpus(corpus, task, options.data, languages[task.name], shared).pool)
    opened = workbench(options, pools)
    chosen = PromptChoiceConfig(tuple(parts(LANGUAGES)))
    data = []
    for name, pool in pools.items():
        predictor = opened.predictor(name)
        predictor = predictor.with_settings(prompted(predictor.settings, options))
        own = [example for example in pool.examples if example.language in languages[name]]
        data.append(TaskData(predictor, pool.examples, languages[name], fitting_queries(own, chosen)))
    with progress("reliability") as report:
        entry = reliability(data, config, report)
    write_record(options.output, entry)
    print(printed(entry, ["temperatures", "tasks", "languages"]))
    return 0
