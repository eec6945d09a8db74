"""Queries with their prompts, and the columns of an evaluation's rows.

Tasks with labels: the label words, or an item's own choices, are scored after the prompt. Free text: one line is generated after the prompt
and measured against the reference.

Shapes: N queries, L labels. Scores are log p(label words | prompt), nats.
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
class PreparedQuery:
    """A query with its demonstrations and its prompts."""

    example: Example
    selection: Selection
    code: str  # language of the answer
    prompts: tuple[Prompt, ...]  # one, or one a language of the framing

    @staticmethod
    def of(writer: PromptWriter, example: Example, selection: Selection, code: str) -> "PreparedQuery":
        """Write the prompts."""
        return PreparedQuery(example, selection, code, tuple(prompts_of(writer, example.query, selection, code)))


def shared_columns(query: PreparedQuery, run: Run, shown_labels: str) -> dict[str, Any]:
    """What a row says whatever the answer is."""
    demonstrations = [entry.example for entry in query.selection.demonstrations]
    return {
        "item": query.example.item,
        "id": query.example.id,
        "language": query.example.language,
        "strategy": run.strategy,
        "seed": run.seed,
        "k": run.k,
        "shown_labels": shown_labels,
        "gold": query.example.label,
        "demonstrations": json.dumps([example.id for example in demonstrations]),
        "demonstration_languages": json.dumps([example.language for example in demonstrations]),
        "demonstration_labels": json.dumps([example.label for example in demonstrations], ensure_ascii=False),
        "demonstration_origins": json.dumps([example.origin for example in demonstrations]),
        "dropped": max(len(prompt.dropped) for prompt in query.prompts),
        "answer_language": query.code,
    }


def closed_columns(
    predictor: Predictor, queries: Sequence[PreparedQuery], progress: Callable[[float], None]
) -> list[dict[str, Any]]:
    """Prediction, scores, confidence and coherence of each query. All prompts go to the scorer at once."""
    writer, labels, scorer = predictor.writer, predictor.task.labels, predictor.labels
    requests = [
        [Request(prompt.text, writer.words(prompt.language, entry.example.choices)) for prompt in entry.prompts]
        for entry in queries
    ]
    raw = scorer.raw(requests, progress=progress)
    scores = scorer.calibrated([_ask(entry) for entry in queries], raw)
    in_batch = _calibrated(raw, [entry.example.language for entry in queries])
    best = [int(values.argmax()) for values in scores]
    coherence = _label_coherence(predictor, queries, best)
    return [
        {
            "prediction": labels[label],
            "prediction_batch": labels[int(adjusted.argmax())],
            "log_probs": json.dumps([round(float(value), 5) for value in uncalibrated]),
            "calibrated": json.dumps([round(float(value), 5) for value in log_softmax(values)]),
            "answer": writer.words(entry.code, entry.example.choices)[label].strip(),
            "confidence": float(np.exp(log_softmax(values)[label])),
            "adherence": None,  # label words of one language alone are scored
            "coherence": cosine,
        }
        for entry, uncalibrated, values, adjusted, label, cosine in zip(
            queries, raw, scores, in_batch, best, coherence, strict=True
        )
    ]


def _ask(entry: PreparedQuery) -> Ask:
    """The query with the demonstrations that fit its prompt."""
    selection, first = entry.selection, entry.prompts[0]
    fitting = tuple(each for each in selection.demonstrations if each in first.demonstrations)
    return Ask(entry.example.query, fitting, entry.code, selection.framing)


def _label_coherence(predictor: Predictor, queries: Sequence[PreparedQuery], best: Sequence[int]) -> list[float | None]:
    """Cosines between the model's own vectors of query and answer written out in full, ``(N,)``; None where there are no such vectors."""
    task, index = predictor.task, predictor.index
    if not index.sees:
        return [None] * len(queries)
    sentences = [
        entry.example.choices[label]
        if entry.example.choices
        else task.verbaliser(entry.code).sentence_of(task.labels[label])
        for entry, label in zip(queries, best, strict=True)
    ]
    query_vectors = index.own([entry.example.text for entry in queries], [entry.example.language for entry in queries])
    answer_vectors = index.own(sentences, [entry.code for entry in queries])
    return [float(value) for value in np.einsum("nd,nd->n", query_vectors, answer_vectors)]


def _calibrated(scores: Sequence[np.ndarray], languages: Sequence[str]) -> list[np.ndarray]:
    """Batch calibration within each language; a language with a single query stays as it is."""
    calibrated: list[np.ndarray] = list(scores)
    for code in set(languages):
        indexes = [index for index, other in enumerate(languages) if other == code]
        if len(indexes) < 2:
            continue
        for index, row in zip(indexes, batch(np.stack([scores[index] for index in indexes])), strict=True):
            calibrated[index] = row
    return calibrated


MAX_TOKENS = {"qa": 32, "math": 32, "translation": 96}  # of an answer


def written_columns(
    predictor: Predictor, queries: Sequence[PreparedQuery], progress: Callable[[float], None]
) -> list[dict[str, Any]]:
    """Prediction, confidence, adherence, coherence and the task's measures of each query."""
    task = predictor.task
    if task.name not in MEASURES:
        raise InvalidData(f"Task {task.name!r} has free-text answers and no measure; known are {', '.join(MEASURES)}.")
    unlabelled = next((entry.example for entry in queries if not entry.example.label), None)
    if unlabelled is not None:
        raise InvalidData(f"The query {unlabelled.id!r} has no reference answer; give every row a label.")
    written = replace(predictor.answerer.generation, max_tokens=MAX_TOKENS[task.name])
    lines = generate_all(predictor.model, [entry.prompts[0].text for entry in queries], written, progress)
    among = sorted({*task.languages, *(entry.code for entry in queries)})
    coherence = _text_coherence(predictor, queries, lines)
    rows = []
    for entry, line, cosine in zip(queries, lines, coherence, strict=True):
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


def _text_coherence(
    predictor: Predictor, queries: Sequence[PreparedQuery], lines: Sequence[Generated]
) -> list[float | None]:
    """Cosines between the model's own vectors of query and answer; None for an empty one, and without such vectors."""
    if not predictor.index.sees:
        return [None] * len(queries)
    own = predictor.index.own
    query_vectors = own([entry.example.text for entry in queries], [entry.example.language for entry in queries])
    answer_vectors = own([line.text or "…" for line in lines], [entry.code for entry in queries])
    cosines = np.einsum("nd,nd->n", query_vectors, answer_vectors)
    return [float(value) if line.text else None for value, line in zip(cosines, lines, strict=True)]
