"""The name of a served model, in the place of a ``ModelConfig``."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServedName:
    """How records name a served model."""

    name: str  # openai:address#model as the server reports it; no credentials
    precision: str = "served"  # nobody tells
    adapter: str = ""
    run: str = ""
    fall_back: bool = True
