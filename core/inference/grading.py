"""Grades of a text on an anchored scale by a language model: the probability of every point of the scale, by the shared scorer.

The prompt gives the source text, the output to grade, the question and the words of the points; each point is then scored as a label
word after it, exactly (`core.scoring`), so that no answer has to be parsed and none is sampled. The grade is the expected point under
the probabilities normalised over the scale, as in G-Eval (Liu et al. 2023, arXiv 2303.16634, section 2.2, there estimated by samples).

Shapes: B texts, V points of a scale.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InvalidConfig, PromptTooLong
from core.models.engine import Engine
from core.scoring import Request, Scores
from core.scoring.calibration import log_softmax

PROMPT_VERSION = "grade-1"  # raised with every change of the prompt's words


@dataclass(frozen=True)
class GradedText:
    """One output with what it answers."""

    task: str
    source: str
    source_language: str  # English name
    output: str
    output_language: str  # English name
    reference: str = ""  # "": none is shown
    context: str = ""


@dataclass(frozen=True)
class GradingScale:
    """What is asked of a text, with the words of the points."""

    name: str
    question: str
    low: int
    high: int
    anchors: tuple[tuple[int, str], ...]  # points that have words, lowest first

    def __post_init__(self) -> None:
        """Raises ``InvalidConfig`` for a scale without two points."""
        if self.high <= self.low:
            raise InvalidConfig(f"The scale of {self.name!r} goes from {self.low} to {self.high}; it needs two points.")

    @property
    def labels(self) -> tuple[str, ...]:
        """Every point as a label word after the prompt. Where one number begins another (1 and 10), each is closed by a line's end."""
        end = "\n" if self.high >= 10 and self.low * 10 <= self.high else ""
        return tuple(f" {point}{end}" for point in range(self.low, self.high + 1))


@dataclass(frozen=True)
class Grade:
    """One text on one scale."""

    probabilities: np.ndarray  # (V,), of the points lowest first, sum 1
    expected: float  # mean of the points under them
    value: int  # the most probable point
    prompt_sha256: str


def grading_prompt(text: GradedText, scale: GradingScale) -> str:
    """The prompt up to where the point stands; English, with question and anchors in the language that they are given in.

    The criterion stands last, so that the scorer reads a text once for all criteria.
    """
    words = "\n".join(f"{point} = {anchor}" for point, anchor in scale.anchors)
    parts = [
        "You grade a text on one criterion.",
        f"Task: {text.task}",
        *([f"Context: {text.context}"] if text.context else []),
        f"Input ({text.source_language}): {text.source}",
        *([f"Reference: {text.reference}"] if text.reference else []),
        f"Text to grade ({text.output_language}): {text.output or '(empty)'}",
        f"Criterion: {scale.name}. {scale.question}\n{words}",
        f"Answer with a number from {scale.low} to {scale.high} alone.",
    ]
    return "\n\n".join(parts)


def grade(
    scorer: Scores,
    pairs: Sequence[tuple[GradedText, GradingScale]],
    progress: Callable[[float], None] | None = None,
) -> list[Grade | None]:
    """Grades of ``(B,)`` pairs; None for a text that does not fit into what the model reads, which is counted and not cut."""
    prompts = [_framed(scorer.model, grading_prompt(text, scale)) for text, scale in pairs]
    requests = [Request(prompt, scale.labels) for prompt, (_, scale) in zip(prompts, pairs, strict=True)]
    try:
        scores: list[np.ndarray | None] = list(scorer.score(requests, progress))
    except PromptTooLong:
        scores = [_alone(scorer, request) for request in requests]
    return [
        None if row is None else _graded(row, scale, prompt)
        for row, (_, scale), prompt in zip(scores, pairs, prompts, strict=True)
    ]


def _framed(model: Engine, prompt: str) -> str:
    """In the model's chat template where it has one; the answer begins after it."""
    return (model.chat([prompt]) if model.has_chat_template else f"{prompt}\n\n") + "Grade:"


def _alone(scorer: Scores, request: Request) -> np.ndarray | None:
    try:
        return scorer.score([request])[0]
    except PromptTooLong:
        return None


def _graded(scores: np.ndarray, scale: GradingScale, prompt: str) -> Grade:
    probabilities = np.exp(log_softmax(np.asarray(scores, dtype=np.float64)))
    points = np.arange(scale.low, scale.high + 1)
    expected, value = float(probabilities @ points), int(points[int(probabilities.argmax())])
    return Grade(probabilities, expected, value, hashlib.sha256(prompt.encode()).hexdigest())
