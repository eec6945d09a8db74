"""Compare strategies on labelled queries, of a built-in corpus or of any two files."""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import torch

from core.cli.evaluation_data import EvaluationData, evaluation_data
from core.cli.options import (
    model_arguments,
    numbers,
    parts,
    progress,
    prompt_arguments,
    prompted,
    served_arguments,
    to_stderr,
    workbench,
)
from core.errors import InvalidConfig
from core.evaluation import (
    EvaluationConfig,
    evaluate,
    fallback_languages,
    fitting,
    forget,
    identity,
    measures_of,
    record,
    refuse_overwrite,
    save,
    summary,
    tables_by_k,
)
from core.evaluation.answers import MAX_TOKENS
from core.evaluation.passes import OTHER_OUTPUT, Passes
from core.evaluation.processes import launched_processes
from core.evaluation.record import PARTS
from core.inference.predictor import Predictor
from core.prompting import LabelLanguage

LABELS: dict[str, LabelLanguage] = {"query": "answer", "english": "english", "pool": "demonstration"}
TITLES = {
    "accuracy": ("accuracy, %", 100.0),
    "accuracy_batch": ("accuracy after batch calibration, %", 100.0),
    "exact_match": ("exact match, %", 100.0),
    "f1": ("token F1, %", 100.0),
    "chrf": ("chrF", 1.0),
}  # of printed measures, and their factor


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--task", default="topic", help="a task, or a built-in corpus such as sib200 or xcopa")
    parser.add_argument("--data", default="", help="folder of the built-in corpora, or hub")
    parser.add_argument("--queries", default="", help="file, folder or Hub data set; fold dev_query where there is one")
    parser.add_argument("--pool", default="", help="the same for demonstrations; fold demo where there is one")
    parser.add_argument("--languages", default="", help="query languages with commas; default all of the queries'")
    parser.add_argument(
        "--pool-languages",
        default="others",
        help="others (default: every language but the query's), bundled, or a list",
    )
    parser.add_argument("--pool-most", type=int, help="items of the pool, the same in all languages")
    parser.add_argument("--strategies", default="zero-shot,random,bm25,knn,agl")
    parser.add_argument("--k", default="4", help="demonstrations, or several numbers with commas")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument(
        "--labels",
        default="",
        help="whose words say labels: query, english, or pool (demonstrations' own); default as the prompt variant has it",
    )
    parser.add_argument(
        "--shown-labels", default="gold", help="labels of demonstrations: gold (default), permuted, random or swapped"
    )
    prompt_arguments(parser)
    parser.add_argument("--to", default="", help="language that is translated into; default English")
    parser.add_argument("--most", type=int, help="queries of each language, the same in every run")
    model_arguments(parser)
    parser.add_argument(
        "--encoder", default="bundled", help="of neighbours and measures: bundled, a folder, or a Hub id"
    )
    served_arguments(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder for items.parquet and record.json")
    parser.add_argument("--overwrite", action="store_true", help="replace what another evaluation left in --output")


def run(options: argparse.Namespace, began: float) -> int:
    """Compare strategies and write a record."""
    if not options.overwrite:
        refuse_overwrite(options.output)
    if options.labels and options.labels not in LABELS:
        raise InvalidConfig(f"--labels is {options.labels!r}; choose one of {', '.join(LABELS)}.")
    config = EvaluationConfig(
        tuple(parts(options.strategies)),
        numbers("--k", options.k),
        numbers("--seeds", options.seeds),
        None,
        options.shown_labels,
        options.most,
    )
    data = evaluation_data(options)
    config = replace(config, pool_languages=data.pool_languages, answers=data.answers)
    processes = launched_processes(cpu=not torch.cuda.is_available())
    predictor = _predictor(options, data)
    queries, unreadable = fitting(predictor, data.queries, config)
    if processes.is_main:
        _say(data, config, unreadable)
        if options.overwrite:
            forget(options.output)
    processes.gathered([])  # no process begins before the old parts are gone
    with progress("evaluating", quiet=not processes.is_main) as report:
        made = identity(predictor, config, queries)
        passes = Passes(options.output / PARTS, made, report, OTHER_OUTPUT, processes)
        items = evaluate(predictor, queries, config, passes=passes)
    if not processes.is_main:
        return 0
    table = summary(items, data.task.labels)
    if dropped := int(items["dropped"].sum()):
        demonstrations = sum(len(json.loads(row)) for row in items["demonstrations"])
        to_stderr(
            f"Of {demonstrations} demonstrations {dropped} were dropped whole: no room, or no side in the answer's language."
        )
    left_out = data.facts["left_out"] | {"unreadable": dict(unreadable)}
    facts = data.facts | {
        "left_out": left_out,
        "demonstrations_dropped": dropped,
        "labels": next(name for name, words in LABELS.items() if words == predictor.settings.prompt.labels),
        "prompt": predictor.settings.prompt.variant,
        "calibration": predictor.settings.calibration,
        "label_score": predictor.settings.label_score,
        **passes.facts,
    }
    entry = record(predictor, config, table, time.perf_counter() - began, facts)
    save(options.output, items, entry, queries)
    for measure in measures_of(table):
        if measure in TITLES:
            name, factor = TITLES[measure]
            for k, wide in tables_by_k(table, measure).items():
                print(f"{name}, k = {k}\n{(factor * wide).round(1).to_string()}\n")
    return 0


def _predictor(options: argparse.Namespace, data: EvaluationData) -> Predictor:
    base = workbench(options, {data.task.name: data.pool}).predictor(data.task.name)
    settings = prompted(base.settings, options)
    reserve = max(settings.prompt.reserve, MAX_TOKENS.get(data.task.name, 0))
    labels = LABELS[options.labels] if options.labels else settings.prompt.labels
    return base.with_settings(replace(settings, prompt=replace(settings.prompt, labels=labels, reserve=reserve)))


def _say(data: EvaluationData, config: EvaluationConfig, unreadable: dict[str, int]) -> None:
    """What a reader of the table should know, a line each."""
    answered = sorted({config.code(example) for example in data.queries})
    english = fallback_languages(data.task, answered)
    if english:
        to_stderr(f"No template or label words of {data.task.name!r} in {', '.join(english)}: English ones are used.")
    for part, reasons in (*data.facts["left_out"].items(), ("queries", unreadable)):
        if reasons:
            to_stderr(f"Left out of the {part}: {', '.join(f'{count} ({why})' for why, count in reasons.items())}.")
