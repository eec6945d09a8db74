"""The sentence encoder, through ``sentence-transformers``: measures meaning independently of the language model."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelUnavailable
from core.models.catalogue import ENCODER_FOLDER
from core.models.loading import quiet_bitsandbytes, resolve_model


class SentenceEncoder:
    """Loads on first use: importing sentence-transformers alone takes seconds."""

    def __init__(self, name: str = "bundled", device: str = "cpu") -> None:
        """``name``: "bundled" ("embedded" in earlier versions), a local folder, or a Hub id."""
        self.name, self.device = "bundled" if name == "embedded" else name, device

    @cached_property
    def _model(self) -> Any:
        folder = str(ENCODER_FOLDER) if self.name == "bundled" else resolve_model(self.name)
        if self.name == "bundled" and not (ENCODER_FOLDER / "modules.json").is_file():
            raise ModelUnavailable(
                f"The bundled encoder is missing from {folder}; restore assets/models from the repository."
            )
        quiet_bitsandbytes()
        from sentence_transformers import SentenceTransformer

        try:
            local = Path(folder).is_absolute()
            return SentenceTransformer(
                folder, device=self.device, trust_remote_code=False, local_files_only=local
            ).float()
        except Exception as error:
            raise ModelUnavailable(
                f"The encoder {self.name!r} could not be loaded ({type(error).__name__}: {error})."
            ) from error

    @property
    def modules(self) -> list[Any]:
        """The parts of the encoder in their order, as sentence-transformers takes them."""
        return list(self._model)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors ``(N, E)``, float32."""
        # The leading space makes a first word the same token as the word inside a sentence.
        rows = self._model.encode([" " + text for text in texts], normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)
