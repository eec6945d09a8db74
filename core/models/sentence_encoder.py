"""The sentence encoder: measures meaning independently of the language model.

Encoders are read by ``sentence-transformers``. The bundled one is the mean of its tokens' vectors, for which that package takes nine
seconds to be imported (scikit-learn, PEFT, bitsandbytes), so its two files are read directly; both give the same vectors.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from core.errors import ModelUnavailable
from core.models.catalogue import ENCODER_FOLDER
from core.models.loading import quiet_bitsandbytes, resolve_model


class StaticVectors:
    """The mean of tokens' vectors, at unit length: sentence-transformers' ``StaticEmbedding`` and ``Normalize``."""

    def __init__(self, folder: Path) -> None:
        """``folder`` has tokenizer.json and model.safetensors."""
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.weights = load_file(folder / "model.safetensors")["embedding.weight"].float()  # (V, E)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors ``(N, E)``, float32; zeros for a text without tokens."""
        rows = [entry.ids for entry in self.tokenizer.encode_batch(list(texts), add_special_tokens=False)]
        ends = np.cumsum([0, *(len(row) for row in rows)])
        tokens = torch.tensor([token for row in rows for token in row], dtype=torch.long)
        means = torch.nn.functional.embedding_bag(tokens, self.weights, torch.from_numpy(ends[:-1]), mode="mean")
        return torch.nn.functional.normalize(means, dim=1).numpy()


class SentenceEncoder:
    """Loads on first use."""

    def __init__(self, name: str = "bundled", device: str = "cpu") -> None:
        """``name``: "bundled" ("embedded" in earlier versions), a local folder, or a Hub id."""
        self.name, self.device = "bundled" if name == "embedded" else name, device

    @cached_property
    def _static(self) -> StaticVectors:
        if not (ENCODER_FOLDER / "modules.json").is_file():
            raise ModelUnavailable(
                f"The bundled encoder is missing from {ENCODER_FOLDER}; restore assets/models from the repository."
            )
        return StaticVectors(ENCODER_FOLDER)

    @cached_property
    def _model(self) -> Any:
        folder = str(ENCODER_FOLDER) if self.name == "bundled" else resolve_model(self.name)
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
        spaced = [" " + text for text in texts]
        if self.name == "bundled":
            return self._static.vectors(spaced)
        rows = self._model.encode(spaced, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)
