"""One query as it is asked, and the columns that rows of every task have.

Answers of tasks with labels: the label words, or an item's own choices, scored after the prompt.

Shapes: L labels. Scores are log p(label words | prompt), nats.

Answers of tasks with free text: one line generated after the prompt, and measured against the reference.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.errors import InvalidData
from core.evaluation.config import Run
from core.inference.label_scores import Ask
from core.inference.predictor import Predictor
from core.language_id import text_adherence
from core.metrics import MEASURES, NUMBER_TASKS, last_number, measured
from core.models.generation import Generated, generate_all
from core.prompting import PromptWriter, prompts_of
from core.records import Example, Prompt, Selection
from core.scoring import Request
from core.scoring.calibration import batch, log_softmax


@dataclass(frozen=True)
class Asked:
    """A query with its demonstrations and its prompts."""

    example: Example
    selection: Selection
    code: str  # language of the answer
    prompts: tuple[Prompt, ...]  # one, or one a language of the framing

    @staticmethod
    def of(writer: PromptWriter, example: Example, selection: Selection, code: str) -> "Asked":
        """Write the prompts."""
        return Asked(example, selection, code, tuple(prompts_of(writer, example.query, selection, code)))


def shared_columns(asked: Asked, run: Run, shown_labels: str) -> dict[str, Any]:
    """What a row says whatever the answer is."""
    shown = [entry.example for entry in asked.selection.demonstrations]
    return {
        "item": asked.example.item,
        "id": asked.example.id,
        "language": asked.example.language,
        "strategy": run.strategy,
        "seed": run.seed,
        "k": run.k,
        "shown_labels": shown_labels,
        "gold": asked.example.label,
        "demonstrations": json.dumps([example.id for example in shown]),
        "demonstration_languages": json.dumps([example.language for example in shown]),
        "demonstration_labels": json.dumps([example.label for example in shown], ensure_ascii=False),
        "demonstration_origins": json.dumps([example.origin for example in shown]),
        "dropped": max(len(prompt.dropped) for prompt in asked.prompts),
        "answer_language": asked.code,
    }


def closed_columns(predictor: Predictor, asked: Sequence[Asked], tell: Callable[[float], None]) -> list[dict[str, Any]]:
    """Prediction, scores, confidence and coherence of each query. All prompts go to the scorer at once."""
    writer, labels, scorer = predictor.writer, predictor.task.labels, predictor.labels
    requests = [
        [Request(prompt.text, writer.words(prompt.language, entry.example.choices)) for prompt in entry.prompts]
        for entry in asked
    ]
    raw = scorer.raw(requests, progress=tell)
    scores = scorer.calibrated([_ask(entry) for entry in asked], raw)
    in_batch = _calibrated(raw, [entry.example.language for entry in asked])
    best = [int(values.argmax()) for values in scores]
    coherence = _label_coherence(predictor, asked, best)
    return [
        {
            "prediction": labels[place],
            "prediction_batch": labels[int(adjusted.argmax())],
            "log_probs": json.dumps([round(float(value), 5) for value in uncalibrated]),
            "calibrated": json.dumps([round(float(value), 5) for value in log_softmax(values)]),
            "answer": writer.words(entry.code, entry.example.choices)[place].strip(),
            "confidence": float(np.exp(log_softmax(values)[place])),
            "adherence": None,  # label words of one language alone are scored
            "coherence": cosine,
        }
        for entry, uncalibrated, values, adjusted, place, cosine in zip(
            asked, raw, scores, in_batch, best, coherence, strict=True
        )
    ]


def _ask(entry: Asked) -> Ask:
    """The query in the context that its prompt has room for."""
    selection, first = entry.selection, entry.prompts[0]
    fitting = tuple(each for each in selection.demonstrations if each in first.demonstrations)
    return Ask(entry.example.query, fitting, entry.code, selection.framing)


def _label_coherence(predictor: Predictor, asked: Sequence[Asked], best: Sequence[int]) -> list[float | None]:
    """Cosines between the model's own vectors of query and answer said in full, ``(N,)``; None where there are no such vectors."""
    task, index = predictor.task, predictor.index
    if not index.sees:
        return [None] * len(asked)
    said = [
        entry.example.choices[place]
        if entry.example.choices
        else task.verbaliser(entry.code).sentence_of(task.labels[place])
        for entry, place in zip(asked, best, strict=True)
    ]
    queries = index.own([entry.example.text for entry in asked], [entry.example.language for entry in asked])
    answers = index.own(said, [entry.code for entry in asked])
    return [float(value) for value in np.einsum("nd,nd->n", queries, answers)]


def _calibrated(scores: Sequence[np.ndarray], languages: Sequence[str]) -> list[np.ndarray]:
    """Batch calibration within each language; a language with a single query stays as it is."""
    found: list[np.ndarray] = list(scores)
    for code in set(languages):
        places = [place for place, other in enumerate(languages) if other == code]
        if len(places) < 2:
            continue
        for place, row in zip(places, batch(np.stack([scores[place] for place in places])), strict=True):
            found[place] = row
    return found


MAX_TOKENS = {"qa": 32, "math": 32, "translation": 96}  # of an answer


def written_columns(
    predictor: Predictor, asked: Sequence[Asked], tell: Callable[[float], None]
) -> list[dict[str, Any]]:
    """Prediction, confidence, adherence, coherence and the task's measures of each query."""
    task = predictor.task
    if task.name not in MEASURES:
        raise InvalidData(f"Task {task.name!r} has free-text answers and no measure; known are {', '.join(MEASURES)}.")
    bare = next((entry.example for entry in asked if not entry.example.label), None)
    if bare is not None:
        raise InvalidData(f"The query {bare.id!r} has no reference answer; give every row a label.")
    written = replace(predictor.answerer.generation, max_tokens=MAX_TOKENS[task.name])
    lines = generate_all(predictor.model, [entry.prompts[0].text for entry in asked], written, tell)
    among = sorted({*task.languages, *(entry.code for entry in asked)})
    coherence = _text_coherence(predictor, asked, lines)
    rows = []
    for entry, line, cosine in zip(asked, lines, coherence, strict=True):
        prediction = last_number(line.text) if task.name in NUMBER_TASKS else line.text
        rows.append(
            {
                "prediction": prediction,
                "prediction_batch": prediction,
                "log_probs": "[]",
                "calibrated": "[]",
                "answer": line.text,
                "confidence": line.confidence,
                "adherence": text_adherence(line.text, entry.code, among),
                "coherence": cosine,
                **measured(task.name, line.text, entry.example.label, entry.code),
            }
        )
    return rows


def _text_coherence(predictor: Predictor, asked: Sequence[Asked], lines: Sequence[Generated]) -> list[float | None]:
    """Cosines between the model's own vectors of query and answer; None for an empty one, and without such vectors."""
    if not predictor.index.sees:
        return [None] * len(asked)
    own = predictor.index.own
    queries = own([entry.example.text for entry in asked], [entry.example.language for entry in asked])
    answers = own([line.text or "…" for line in lines], [entry.code for entry in asked])
    cosines = np.einsum("nd,nd->n", queries, answers)
    return [float(value) if line.text else None for value, line in zip(cosines, lines, strict=True)]
