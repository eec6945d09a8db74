"""Answers of tasks with labels: the label words, or an item's own choices, scored after the prompt.

Shapes: L labels. Scores are log p(label words | prompt), nats.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from core.calibration import batch, log_softmax
from core.evaluation.items import Asked
from core.framing import combined
from core.predictor import Predictor
from core.scoring import Request


def closed_columns(predictor: Predictor, asked: Sequence[Asked], tell: Callable[[float], None]) -> list[dict[str, Any]]:
    """Prediction, scores, confidence and coherence of each query. All prompts go to the scorer at once."""
    writer, labels = predictor.writer, predictor.task.labels
    requests = [
        [Request(prompt.text, writer.words(prompt.language, entry.example.choices)) for prompt in entry.prompts]
        for entry in asked
    ]
    each = iter(predictor.scorer.score([request for several in requests for request in several], tell))
    scores = [combined([next(each) for _ in several]) for several in requests]
    calibrated = _calibrated(scores, [entry.example.language for entry in asked])
    best = [int(values.argmax()) for values in scores]
    coherence = _coherence(predictor, asked, best)
    return [
        {
            "prediction": labels[place],
            "prediction_batch": labels[int(adjusted.argmax())],
            "log_probs": json.dumps([round(float(value), 5) for value in values]),
            "answer": writer.words(entry.code, entry.example.choices)[place].strip(),
            "confidence": float(np.exp(log_softmax(values)[place])),
            "adherence": None,  # label words of one language alone are scored
            "coherence": cosine,
        }
        for entry, values, adjusted, place, cosine in zip(asked, scores, calibrated, best, coherence, strict=True)
    ]


def _coherence(predictor: Predictor, asked: Sequence[Asked], best: Sequence[int]) -> list[float | None]:
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
