"""Checks of consent, background questions and crowd settings, and of what raters send for them. Pure."""

import re
from collections.abc import Sequence

from annotation.errors import InvalidParticipant, InvalidRecord
from annotation.participation_records import Crowd, Question
from annotation.value_checks import KEY, MAX_KEY, check_text, check_texts, is_number

MAX_QUESTIONS, MAX_ANSWER = 20, 1000  # background questions, and characters of a free answer


def check_background(questions: Sequence[Question]) -> None:
    """Raises InvalidRecord for questions that cannot be asked."""
    keys = [one.key for one in questions]
    if len(set(keys)) != len(keys) or len(keys) > MAX_QUESTIONS:
        raise InvalidRecord(
            f"there are {len(keys)} background questions; give each another key, and at most {MAX_QUESTIONS}."
        )
    for one in questions:
        if not isinstance(one.key, str) or not KEY.match(one.key):
            raise InvalidRecord(
                f"a question is called {one.key!r}; allowed are lower-case letters, digits and underscores."
            )
        check_texts(one.text, f"the question {one.key}")
        if one.kind not in ("choice", "number", "text"):
            raise InvalidRecord(
                f"the question {one.key} is of the kind {one.kind!r}; allowed are choice, number and text."
            )
        if one.kind == "choice" and not 2 <= len(one.options) <= MAX_QUESTIONS:
            raise InvalidRecord(f"the question {one.key} has {len(one.options)} options; give 2 to {MAX_QUESTIONS}.")
        for option in one.options:
            check_texts(option, f"an option of {one.key}")


def check_answer(question: Question, answer: object) -> None:
    """Raises InvalidRecord for an answer that does not fit its question; None is no answer."""
    if answer is None:
        if not question.optional:
            raise InvalidRecord(f"the question {question.key} has to be answered.")
    elif question.kind == "choice":
        if type(answer) is not int or not 0 <= answer < len(question.options):
            raise InvalidRecord(
                f"the answer to {question.key} is {answer!r}; choose one of the {len(question.options)}."
            )
    elif question.kind == "number":
        if not is_number(answer):
            raise InvalidRecord(f"the answer to {question.key} is {answer!r}; give a number.")
    else:
        check_text(answer, f"the answer to {question.key}", empty=True)
        if isinstance(answer, str) and len(answer) > MAX_ANSWER:
            raise InvalidRecord(f"the answer to {question.key} has {len(answer)} characters; allowed are {MAX_ANSWER}.")


def check_crowd(crowd: Crowd) -> None:
    """Raises InvalidRecord for codes or an address that cannot be used."""
    if not isinstance(crowd.parameter, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,39}", crowd.parameter):
        raise InvalidRecord(
            f"the link's parameter is {crowd.parameter!r}; write letters, digits, - or _, for example PROLIFIC_PID."
        )
    for code, what in ((crowd.completion_code, "completion"), (crowd.screen_out_code, "screen-out")):
        if code is not None:
            check_text(code, f"the {what} code")
            if len(code) > MAX_KEY:
                raise InvalidRecord(f"the {what} code has {len(code)} characters; allowed are {MAX_KEY}.")
    if crowd.redirect is not None and not re.fullmatch(r"https://[^\s\"'<>]{1,500}", str(crowd.redirect)):
        raise InvalidRecord(f"the address to return to is {crowd.redirect!r}; write one that begins with https://.")


def check_participant(participant: object) -> None:
    """Raises InvalidParticipant unless `participant` can be an id of a crowd platform."""
    if not isinstance(participant, str) or not re.fullmatch(r"[A-Za-z0-9_.:@-]{1,100}", participant):
        raise InvalidParticipant(
            "the link lacks your id on the platform, or it is damaged; open the study from there again."
        )
