"""Checks of practice and test as an organiser writes them, and the scoring of what raters answer. Pure."""

import math
from collections.abc import Mapping, Sequence

from annotation.errors import InvalidRating, InvalidRecord
from annotation.qualification_records import Attempt, Exercise, Feedback, Preparation, Qualification, Stage
from annotation.scales import Answer, Scale
from annotation.value_checks import KEY, check_text, is_number

MAX_EXERCISES = 100  # of all languages together
MAX_TRIES = 10


def check_qualification(qualification: Qualification, scales: Mapping[str, Scale]) -> None:
    """Raises InvalidRecord for exercises that cannot be asked, or a pass mark that means nothing. `scales`: by criterion."""
    exercises = qualification.exercises
    keys = [one.key for one in exercises]
    if not exercises or len(set(keys)) != len(keys) or len(keys) > MAX_EXERCISES:
        raise InvalidRecord(f"there are {len(keys)} exercises; give 1 to {MAX_EXERCISES}, each under another key.")
    for one in exercises:
        _check_exercise(one, scales)
    share, tries = qualification.pass_share, qualification.tries
    if not (is_number(share) and 0 < share <= 1):
        raise InvalidRecord(f"the pass mark is {share!r}; give a share above 0 and up to 1, for example 0.7.")
    if type(tries) is not int or not 1 <= tries <= MAX_TRIES:
        raise InvalidRecord(f"the test may be taken {tries!r} times; give a number from 1 to {MAX_TRIES}.")


def _check_exercise(one: Exercise, scales: Mapping[str, Scale]) -> None:
    if not isinstance(one.key, str) or not KEY.match(one.key):
        raise InvalidRecord(
            f"an exercise is called {one.key!r}; allowed are lower-case letters, digits and underscores."
        )
    if one.kind not in ("practice", "test"):
        raise InvalidRecord(f"the exercise {one.key} is of the kind {one.kind!r}; allowed are practice and test.")
    for name in ("language", "source_text", "why"):
        check_text(getattr(one, name), f"{name} of the exercise {one.key}")
    check_text(one.text, f"the answer of the exercise {one.key}", empty=True)
    if one.source_language is not None:
        check_text(one.source_language, f"source_language of the exercise {one.key}")
    if not one.expected:
        raise InvalidRecord(f"the exercise {one.key} expects nothing; name at least one criterion with its points.")
    for criterion, (low, high) in one.expected.items():
        if criterion not in scales:
            raise InvalidRecord(
                f"the exercise {one.key} expects points of {criterion!r}; the study asks for {', '.join(scales)}."
            )
        points = scales[criterion].points
        if type(low) is not int or type(high) is not int or low > high or low not in points or high not in points:
            raise InvalidRecord(
                f"the exercise {one.key} expects {low!r} to {high!r} of {criterion}; give points of its scale, "
                f"{scales[criterion]}, the lower first."
            )


def exercises_for(qualification: Qualification, language: str, kind: str) -> tuple[Exercise, ...]:
    """Those of one kind for raters of a language, in the order they were written."""
    return tuple(one for one in qualification.exercises if one.kind == kind and one.language == language)


def feedback(exercise: Exercise, answers: object, scales: Mapping[str, Scale]) -> list[Feedback]:
    """What each expected criterion should have been. "Not applicable" is not right. Raises InvalidRating."""
    answered = _answers_to(exercise, answers, scales)
    return [
        Feedback(key, low, high, _is_right(answered[key], low, high)) for key, (low, high) in exercise.expected.items()
    ]


def _answers_to(exercise: Exercise, answers: object, scales: Mapping[str, Scale]) -> Mapping[str, Answer]:
    """Answers to the criteria that an exercise expects. Raises InvalidRating for a missing one, or one off its scale."""
    if not isinstance(answers, Mapping):
        raise InvalidRating("the ratings did not come by criterion; reload the page.")
    for key in exercise.expected:
        if not scales[key].accepts(answers.get(key)):
            raise InvalidRating(
                f"{key} came as {answers.get(key)!r}; allowed are the integers {scales[key]}. Please rate it."
            )
    return answers


def expected_ratings(exercises: Sequence[Exercise]) -> int:
    """How many ratings a test expects."""
    return sum(len(one.expected) for one in exercises)


def needed(of: int, share: float) -> int:
    """How many of the expected ratings have to be right: the least number that is at least the share."""
    return math.ceil(of * share - 1e-9)


def uncovered(qualification: Qualification, languages: Sequence[str]) -> list[str]:
    """Languages whose raters would find no exercise."""
    return [tag for tag in languages if not any(one.language == tag for one in qualification.exercises)]


def _is_right(answer: Answer, low: int, high: int) -> bool:
    return isinstance(answer, int) and low <= answer <= high


def stage_of(
    qualification: Qualification, language: str, practised: list[str], attempts: list[Attempt]
) -> Preparation | None:
    """What is open after so much practice and so many tries."""
    practice = exercises_for(qualification, language, "practice")
    test = exercises_for(qualification, language, "test")
    if not practice and not test:
        return None
    todo = [one for one in practice if one.key not in practised]
    left = max(0, qualification.tries - len(attempts))
    of = expected_ratings(test)
    stage: Stage
    exercises: list[Exercise] = []
    if any(one.passed for one in attempts):
        stage = "passed"
    elif todo:
        stage, exercises = "practice", todo
    elif not test:
        stage = "passed"
    elif left:
        stage, exercises = "test", list(test)
    else:
        stage = "failed"
    least = needed(of, qualification.pass_share)
    return Preparation(stage, exercises, len(practice) - len(todo), attempts, left, least, of)
