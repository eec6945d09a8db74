"""Practice and test as the raters' page shows them. What is expected, and why, leaves the server only after an answer."""

from collections.abc import Sequence

from annotation.qualification_records import Attempt, Exercise, Feedback, Preparation
from annotation.records import Study
from app.rate.item import Json, criterion_json, text_json
from app.texts import Texts


def preparation_json(
    preparation: Preparation | None, study: Study, texts: Texts, completion: Json | None = None
) -> Json | None:
    """What is open; None where nothing is. `completion`: the platform's code, for a rater who did not pass."""
    if preparation is None or preparation.stage == "passed":
        return None
    return {
        "stage": preparation.stage,
        "exercises": [_exercise_json(one, study, texts) for one in preparation.exercises],
        "practised": preparation.practised,
        "tries": preparation.tries,
        "needed": preparation.needed,
        "of": preparation.of,
        "completion": completion,
    }


def _exercise_json(exercise: Exercise, study: Study, texts: Texts) -> Json:
    keys = [one.key for one in study.criteria]
    return {
        "key": exercise.key,
        "source": text_json(exercise.source_text, exercise.source_language or exercise.language),
        "output": text_json(exercise.text, exercise.language),
        "criteria": [criterion_json(study, keys.index(key), texts) for key in keys if key in exercise.expected],
    }


def feedback_json(feedback: Sequence[Feedback], why: str, language: str) -> Json:
    """What each practised rating should have been, and the sentence why in its own language."""
    results = [{"criterion": one.criterion, "low": one.low, "high": one.high, "right": one.right} for one in feedback]
    return {"feedback": results, "why": text_json(why, language)}


def attempt_json(attempt: Attempt) -> Json:
    """How a test went."""
    return {"right": attempt.right, "of": attempt.of, "passed": attempt.passed}
