"""Answers of tasks with free text: one line generated after the prompt, and measured against the reference."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.adherence import text_adherence
from core.errors import InvalidData
from core.evaluation.items import Asked
from core.generation import Generated, generate_all
from core.predictor import Predictor
from core.text_metrics import MEASURES, NUMBER_TASKS, last_number, measured

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
    coherence = _coherence(predictor, asked, lines)
    rows = []
    for entry, line, cosine in zip(asked, lines, coherence, strict=True):
        prediction = last_number(line.text) if task.name in NUMBER_TASKS else line.text
        rows.append(
            {
                "prediction": prediction,
                "prediction_batch": prediction,
                "log_probs": "[]",
                "answer": line.text,
                "confidence": line.confidence,
                "adherence": text_adherence(line.text, entry.code, among),
                "coherence": cosine,
                **measured(task.name, line.text, entry.example.label, entry.code),
            }
        )
    return rows


def _coherence(predictor: Predictor, asked: Sequence[Asked], lines: Sequence[Generated]) -> list[float | None]:
    """Cosines between the model's own vectors of query and answer; None for an empty one, and without such vectors."""
    if not predictor.index.sees:
        return [None] * len(asked)
    own = predictor.index.own
    queries = own([entry.example.text for entry in asked], [entry.example.language for entry in asked])
    answers = own([line.text or "…" for line in lines], [entry.code for entry in asked])
    cosines = np.einsum("nd,nd->n", queries, answers)
    return [float(value) if line.text else None for value, line in zip(cosines, lines, strict=True)]
