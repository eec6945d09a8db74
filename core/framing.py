"""From a selection to label scores: every prompt that its framing asks for, and one distribution out of their scores.

Shapes: L labels. Scores are log p(label words | prompt), nats.
"""

from collections.abc import Sequence

import numpy as np

from core.calibration import log_softmax
from core.prompting import PromptWriter
from core.records import Prompt, Query, Selection
from core.scoring import Request


def prompts_of(writer: PromptWriter, query: Query, selection: Selection, code: str) -> list[Prompt]:
    """Every prompt that answers ``query`` in ``code``: one a language of the framing, or one in ``code``."""
    framing = selection.framing
    return [writer.prompt(query, selection.demonstrations, spoken, framing) for spoken in framing.codes or (code,)]


def requests_of(writer: PromptWriter, query: Query, selection: Selection, code: str) -> list[Request]:
    """What is scored to answer ``query`` in ``code``: a request a prompt, answers in the order of the task's labels."""
    return [
        Request(prompt.text, writer.words(prompt.language, query.choices))
        for prompt in prompts_of(writer, query, selection, code)
    ]


def combined(scores: Sequence[np.ndarray]) -> np.ndarray:
    """One score ``(L,)`` a label out of those of every request.

    A single one is returned as it is; of several the normalised probabilities are averaged (cross-lingual self-consistency, Qin et al.
    2023, arXiv 2310.14799, votes by answers; averaging is its form for label scores).
    """
    if len(scores) == 1:
        return scores[0]
    return np.asarray(np.logaddexp.reduce([log_softmax(row) for row in scores]) - np.log(len(scores)))
