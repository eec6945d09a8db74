"""One query as it is asked, and the columns that rows of every task have."""

import json
from dataclasses import dataclass
from typing import Any

from core.evaluation.config import Run
from core.framing import prompts_of
from core.prompting import PromptWriter
from core.records import Example, Prompt, Selection


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
