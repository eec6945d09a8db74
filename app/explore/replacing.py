"""Candidates that could stand where a demonstration stands: the next of its strategy, or the nearest where that would ask the model."""

from core.errors import CoreError
from core.inference.predictor import Predictor, Question
from core.records import Demonstration, Prediction

OFFERED = 8  # candidates
QUICK = ("agl", "knn", "bm25", "mmr", "random")  # read vectors or words alone; every other strategy goes by "knn"


def alternatives(predictor: Predictor, prediction: Prediction) -> tuple[Demonstration, ...]:
    """The best candidates of other items than those that are read now, best first; as many as the pool has, at most ``OFFERED``.

    Raises ``CoreError`` where neither the strategy nor the encoder can choose.
    """
    current = prediction.selection.demonstrations
    plain = tuple(Demonstration(entry.example, None, None) for entry in current)
    usual = prediction.selection.strategy
    question = Question(
        prediction.query,
        usual if usual in QUICK else "knn",
        len(current) + OFFERED,
        tuple(answer.language for answer in prediction.answers),
        pinned=plain,
    )
    try:
        chosen = predictor.select(question).demonstrations
    except CoreError:
        if question.strategy == "knn":
            raise
        chosen = predictor.select(Question(**{**vars(question), "strategy": "knn"})).demonstrations
    there = {entry.example.id for entry in current}
    return tuple(entry for entry in chosen if entry.example.id not in there)[:OFFERED]
