"""Which query is asked under which demonstrations: all chosen before anything is trained, so that the choice cannot move."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.inference.predictor import Predictor
from core.inference.question import Question
from core.records import Example
from core.training.bank.build import spread
from core.training.rollouts import Ask
from core.training.tuning.config import TuneConfig


@dataclass(frozen=True)
class Row:
    """One query of a step."""

    ask: Ask  # what learns
    teacher: Ask | None  # what the model before training answers, None where labels teach
    gold: int  # index of its label


def asks_of(predictor: Predictor, queries: Sequence[Example], strategy: str, config: TuneConfig) -> list[Ask]:
    """Every query under the demonstrations that ``strategy`` chooses, answered in its own language."""
    questions = [Question(query.query, strategy, config.k, seed=config.seed) for query in queries]
    predictor.prepare(questions)
    chosen = [predictor.select(question).demonstrations for question in questions]
    return [
        Ask(query.query, tuple(entry.example for entry in demonstrations), query.language)
        for query, demonstrations in zip(queries, chosen, strict=True)
    ]


def training_rows(
    predictor: Predictor,
    queries: Sequence[Example],
    config: TuneConfig,
    report: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """``config.steps`` times ``config.queries`` rows: languages in turn, strategies in turn within a language; from the start if few."""
    examples = spread(queries, config.steps * config.queries, config.seed)
    codes = sorted({example.language for example in examples})
    turns = {
        code: number for number, code in enumerate(codes)
    }  # two languages next to each other begin with different strategies
    numbers = []
    for example in examples:
        numbers.append(turns[example.language])
        turns[example.language] += 1
    asks: dict[int, Ask] = {}
    for name in dict.fromkeys(config.contexts):
        own = [i for i, number in enumerate(numbers) if config.strategy(number) == name]
        report(f"choosing demonstrations of {len(own)} queries by {name}")
        asks.update(zip(own, asks_of(predictor, [examples[i] for i in own], name, config), strict=True))
    teachers: list[Ask | None] = [None] * len(examples)
    if config.objective == "align":
        report(f"choosing demonstrations of {len(examples)} queries by {config.teacher}, for the teacher")
        teachers = [*asks_of(predictor, examples, config.teacher, config)]
    labels = predictor.task.labels
    rows = [Row(asks[i], teachers[i], labels.index(example.label)) for i, example in enumerate(examples)]
    return [rows[i % len(rows)] for i in range(config.steps * config.queries)]
