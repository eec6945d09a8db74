"""Variants of a prompt as data: in whose language its words and its label words are, whether the labels are listed, chat or plain.

``assets/prompts/<name>.toml`` is one variant, which every task has. The name of the variant that was used stands in every record. Tasks
with free-text answers keep the words of the answer's language, because these words are what names it.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.config import ASSETS, read_config
from core.errors import InvalidConfig

FOLDER = ASSETS / "prompts"
NATIVE = "native"  # the variant of a model without a card


@dataclass(frozen=True)
class PromptVariant:
    """One variant: a TOML file of assets/prompts."""

    name: str
    title: str  # for people, in English
    version: str
    template: str = "answer"  # language of instruction and field names
    labels: str = "answer"  # language of the label words
    listed: bool = False  # whether the instruction lists the label words
    chat: bool = False  # whether the model's own chat template is used, demonstrations as turns

    def __post_init__(self) -> None:
        """Refuse other languages than the answer's and English."""
        for name in ("template", "labels"):
            if getattr(self, name) not in ("answer", "english"):
                raise InvalidConfig(
                    f"Prompt variant {self.name!r}: {name} is {getattr(self, name)!r}; allowed are answer and english."
                )


@cache
def prompt_variants(folder: Path = FOLDER) -> dict[str, PromptVariant]:
    """All variants by name. Raises ``InvalidConfig`` naming the file and the key."""
    variants = [read_config(path, PromptVariant) for path in sorted(folder.glob("*.toml"))]
    return {variant.name: variant for variant in variants}


def prompt_variant(name: str) -> PromptVariant:
    """A variant by name. Raises ``InvalidConfig``."""
    if name not in prompt_variants():
        raise InvalidConfig(f"There is no prompt variant {name!r}; choose one of {', '.join(prompt_variants())}.")
    return prompt_variants()[name]
