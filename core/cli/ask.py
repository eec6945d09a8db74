"""Answer one query."""

import argparse

from core.cli.check import report
from core.cli.options import (
    language_codes,
    model_arguments,
    prompt_arguments,
    prompted,
    served_arguments,
    task_named,
    workbench,
)
from core.data.examples import read_examples
from core.data.pool import Pool
from core.errors import InvalidConfig
from core.inference.predictor import Question, checked
from core.languages import resolve_language
from core.records import Prediction, Query


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("text")
    parser.add_argument("--language", required=True, help="code, BCP-47 tag or English name")
    parser.add_argument("--answers", default="", help="languages to answer in, comma-separated")
    parser.add_argument("--task", default="topic")
    parser.add_argument("--strategy", default="agl")
    parser.add_argument("--pool", help="file or folder instead of the bundled demonstrations")
    parser.add_argument("--k", type=int, default=4)
    model_arguments(parser)
    served_arguments(parser)
    prompt_arguments(parser)


def run(options: argparse.Namespace, began: float) -> int:
    """Answer one query and print demonstrations and answers."""
    task = task_named(options.task)
    if task.own_choices:
        raise InvalidConfig(
            f"Task {task.name!r} has no answers but those its items bring along; evaluate it on a corpus with train.py evaluate."
        )
    code = resolve_language(options.language, task.languages).code
    answers = tuple(language_codes(options.answers, task))
    query = checked(Query(options.text, code))
    pools = {}
    if options.pool:
        examples = read_examples(options.pool, task)
        report(options.pool, examples)
        pools[options.task] = Pool(tuple(examples))
    predictor = workbench(options, pools).predictor(options.task)
    predictor = predictor.with_settings(prompted(predictor.settings, options))
    prediction = predictor.predict(Question(query, options.strategy, options.k, answers))
    for line in demonstration_lines(prediction):
        print(line)
    for answer in prediction.answers:
        sure = "not told" if answer.confidence is None else f"{answer.confidence:.2f}"
        print(f"{answer.language}: {answer.text}  (confidence {sure})")
    return 0


REASONS = {
    "no_room": "no room in the context",
    "no_answer": "the pool lacks its answer in the language asked for",
}


def demonstration_lines(prediction: Prediction) -> list[str]:
    """The demonstrations that the prompt of the first answer holds, best first, then those left out of it, with the reason."""
    prompt = prediction.answers[0].prompt
    lines = [
        f"  {entry.example.language}  {entry.example.label}  {entry.example.text}"
        for entry in prediction.selection.demonstrations
        if entry in prompt.demonstrations
    ]
    for entry, reason in zip(prompt.dropped, prompt.reasons, strict=True):
        lines.append(f"  left out ({REASONS[reason]}): {entry.example.language}  {entry.example.text}")
    return lines
