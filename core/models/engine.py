"""What is asked of a model wherever its weights are: in this process (``core.models.loading``), or behind a server (``core.served``)."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from core.models.trained_run import Trained


class EngineConfig(Protocol):
    """Which model, as records name it."""

    @property
    def name(self) -> str:
        """The model."""
        ...

    @property
    def precision(self) -> str:
        """Of its weights; "served" where that is somebody else's business."""
        ...

    @property
    def adapter(self) -> str:
        """Folder of an adapter; "" for none."""
        ...

    @property
    def fall_back(self) -> bool:
        """Whether a run that was no better than something simpler is passed over for it."""
        ...


class Engine(Protocol):
    """A model that reads prompts and answers."""

    @property
    def config(self) -> EngineConfig:
        """Which model it is."""
        ...

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that differ between models; keys caches and records."""
        ...

    @property
    def facts(self) -> dict[str, str]:
        """What a record says of the model."""
        ...

    @property
    def context(self) -> int:
        """Tokens that it reads, answer included."""
        ...

    def chat(self, turns: Sequence[str]) -> str:
        """The model's own chat template around ``turns`` (user, assistant, ..., user). Raises ``InvalidConfig`` without one."""
        ...

    @property
    def has_chat_template(self) -> bool:
        """Whether the model was made for turns."""
        ...

    def length(self, text: str) -> int:
        """Tokens of a prompt as the model reads it, special ones in front included."""
        ...

    @property
    def trained(self) -> Trained | None:
        """What a closed-loop run added."""
        ...

    @property
    def falls_back_to(self) -> str:
        """The strategy used instead of self-selection, because the run was no better; "" for none."""
        ...

    @property
    def projection(self) -> np.ndarray | None:
        """``W`` ``(D, H)`` of the trained policy; None for the identity."""
        ...
