"""The model's own sentence vectors: masked means of a middle layer's states, centred per language, cached.

``h(t)`` is the mean over the tokens of ``t`` of the states after ``layer`` layers (special tokens left out);
``z(t) = W (h(t) - m_l) / |W (h(t) - m_l)|`` with ``m_l`` the mean of the pool's vectors in the language of ``t``. Removing the
language mean takes out what only distinguishes languages (Libovický et al. 2020, arXiv 2004.05160, section 3).
``W`` is the policy's projection, the identity until it is trained.

Shapes: N texts, T tokens, H hidden size.
"""

import json
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.models.devices import fitting
from core.models.loading import LanguageModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Progress = Callable[[float, str], None]
LONGEST = 256  # tokens of a text that are read for its vector


class SentenceVectors:
    """Vectors of texts by one model, remembered in memory (last used first) and, for pools, on disk."""

    def __init__(self, model: LanguageModel, layer: int | None = None, remember: int = 50_000) -> None:
        """``layer`` counts from 0 (token vectors) to the number of layers; default half of them."""
        self.model = model
        self.layer = model.layers // 2 if layer is None else layer
        self._remember = remember
        self._vectors: OrderedDict[str, np.ndarray] = OrderedDict()

    def raw(self, texts: Sequence[str], batch_tokens: int = 4096, progress: Progress | None = None) -> np.ndarray:
        """``h``: ``(N, H)`` float32, one row per text, in order."""
        with self.model.lock:
            return self._raw(texts, batch_tokens, progress)

    def _raw(self, texts: Sequence[str], batch_tokens: int, progress: Progress | None) -> np.ndarray:
        unread = list({text for text in texts if text not in self._vectors})
        rows_of = dict(zip(unread, encoded_texts(self.model, unread), strict=True))
        missing = sorted(unread, key=lambda text: (len(rows_of[text]), text))
        encoded = [rows_of[text] for text in missing]
        index = 0
        while index < len(missing):
            size = max(1, min(len(missing) - index, batch_tokens // (len(encoded[index]) + 1)))
            while size > 1 and size * (len(encoded[index + size - 1]) + 1) > batch_tokens:
                size //= 2
            rest = encoded[index:]
            means, size = fitting(partial(self._first_means, rest), size)
            for text, vector in zip(missing[index : index + size], means, strict=True):
                self._vectors[text] = vector
            index += size
            if progress is not None:
                progress(index / len(missing), "reading the pool")
        rows = np.stack([self._vectors[text] for text in texts])
        for text in texts:
            self._vectors.move_to_end(text)
        while len(self._vectors) > self._remember:
            self._vectors.popitem(last=False)
        return rows

    def shared_with(self, model: LanguageModel) -> "SentenceVectors":
        """The same vectors for ``model``, which has the same weights; what one reads, the other remembers."""
        other = type(self)(model, self.layer, self._remember)
        other._vectors = self._vectors
        return other

    def forget(self) -> None:
        """Drop all vectors: the model's weights have changed."""
        self._vectors.clear()

    def knows(self, texts: Sequence[str]) -> bool:
        """Whether all vectors are in memory."""
        return all(text in self._vectors for text in texts)

    def _first_means(self, encoded: list[list[int]], count: int) -> np.ndarray:
        return self._means(encoded[:count])

    @torch.inference_mode()
    def _means(self, encoded: list[list[int]]) -> np.ndarray:
        return np.asarray(mean_states(self.model, self.layer, encoded).cpu().numpy())

    def load(self, path: Path) -> frozenset[str]:
        """Take in vectors saved by ``save``; the texts that they are of. A file of another model or layer is ignored."""
        if not path.is_file():
            return frozenset()
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                if str(stored["key"]) == self.key:
                    texts = json.loads(stored["texts"].tobytes())
                    self._vectors.update(zip(texts, stored["vectors"].astype(np.float32), strict=True))
                    return frozenset(texts)
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
            pass  # a damaged cache is only a cache: vectors are computed again
        return frozenset()

    def save(self, path: Path, texts: Sequence[str]) -> None:
        """Write the vectors of ``texts``, and of no other text, to ``path`` (npz), replacing it in one step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npz")
        distinct = list(dict.fromkeys(texts))
        packed = np.frombuffer(json.dumps(distinct).encode(), dtype=np.uint8)
        np.savez(partial, key=self.key, texts=packed, vectors=self.raw(distinct))
        partial.replace(path)

    @property
    def key(self) -> str:
        """Identifies model and layer."""
        return f"{self.model.states_fingerprint}/{self.layer}"


def mean_states(model: LanguageModel, layer: int, encoded: list[list[int]]) -> torch.Tensor:
    """``h``: ``(N, H)`` float32, means over the tokens of each row of the states after ``layer`` layers, in one padded batch.

    ``encoded`` holds token ids without special tokens; those in front are put there and left out of the mean. Differentiable.
    """
    start, pad = list(model.start), model.tokenizer.pad_token_id
    rows = [start + (ids or [pad]) for ids in encoded]
    length = max(map(len, rows))
    ids = torch.tensor([row + [pad] * (length - len(row)) for row in rows], device=model.device)
    ends = torch.tensor([[len(row)] for row in rows], device=model.device)
    indices = torch.arange(length, device=model.device)[None, :]
    counts = ((indices >= len(start)) & (indices < ends)).float()
    middle = states_after(model.network, layer, ids, (indices < ends).long()).float()  # (N, T, H)
    return (middle * counts[:, :, None]).sum(1) / counts.sum(1, keepdim=True)


def encoded_texts(model: LanguageModel, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of texts as their vectors are taken: a space in front, at most ``LONGEST`` tokens."""
    return [row[:LONGEST] for row in model.encode([" " + text for text in texts])] if texts else []


def by_tokens(model: LanguageModel, texts: Sequence[str]) -> list[str]:
    """``texts`` by their number of tokens, fewest first.

    Scripts differ so much in tokens a character that batches of like characters are half padding.
    """
    lengths = [len(row) for row in encoded_texts(model, texts)]
    return [text for _, text in sorted(zip(lengths, texts, strict=True))]


class _Reached(Exception):
    """Ends a forward pass at the layer that is asked for."""

    def __init__(self, states: torch.Tensor) -> None:
        self.states = states


def states_after(
    network: "PreTrainedModel",
    layer: int,
    ids: torch.Tensor,
    mask: torch.Tensor | None,
    positions: torch.Tensor | None = None,
) -> torch.Tensor:
    """Hidden states ``(N, T, H)`` after ``layer`` layers of ``ids`` ``(N, T)``; the layers above are not computed.

    ``mask`` ``(N, T)``, 1 = counts, or ``(N, 1, T, T)``, True = counts; None: all before count. ``positions`` ``(N, T)``;
    None: 0 to T - 1. Where the layers cannot be found the whole network runs.
    """
    arguments = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
    if positions is not None:  # not every architecture knows the word
        arguments["position_ids"] = positions
    body = network.get_decoder()
    layers = next((getattr(body, name) for name in ("layers", "h", "blocks") if hasattr(body, name)), None)
    if layers is None or not 0 < layer < len(layers):
        output = body(**arguments, output_hidden_states=True)
        states: torch.Tensor = output.hidden_states[layer]
        return states

    def stop(_module: object, _inputs: object, output: object) -> None:
        raise _Reached(output[0] if isinstance(output, tuple) else output)  # type: ignore[arg-type]

    handle = layers[layer - 1].register_forward_hook(stop)
    try:
        body(**arguments)
    except _Reached as reached:
        return reached.states
    finally:
        handle.remove()
    raise AssertionError("the hook of a layer was passed over")


class Projection:
    """``z``: removes the language's mean, applies ``W`` and normalises. ``weight`` None stands for the identity."""

    def __init__(self, means: dict[str, np.ndarray], overall: np.ndarray, weight: np.ndarray | None = None) -> None:
        """``means`` by language code ``(H,)``; ``overall`` serves languages without one; ``weight`` ``(D, H)``."""
        self.means, self.overall, self.weight = means, overall, weight

    @staticmethod
    def fit(vectors: np.ndarray, languages: Sequence[str]) -> "Projection":
        """Language means of unit-normalised raw vectors ``(N, H)``, as many languages."""
        unit = _unit(vectors)
        codes = np.array(languages)
        means = {code: unit[codes == code].mean(0) for code in sorted(set(languages))}
        return Projection(means, unit.mean(0))

    def state(self) -> dict[str, Any]:
        """The means as JSON can hold them, digit for digit."""
        return {"means": {code: mean.tolist() for code, mean in self.means.items()}, "overall": self.overall.tolist()}

    @staticmethod
    def of_state(state: dict[str, Any]) -> "Projection":
        """Means that ``state`` gave."""
        means = {code: np.array(mean, dtype=np.float32) for code, mean in state["means"].items()}
        return Projection(means, np.array(state["overall"], dtype=np.float32))

    def __call__(self, vectors: np.ndarray, languages: Sequence[str]) -> np.ndarray:
        """``(N, H)`` raw vectors to ``(N, D)`` unit vectors."""
        centred = _unit(vectors) - np.stack([self.means.get(code, self.overall) for code in languages])
        return _unit(centred if self.weight is None else centred @ self.weight.T)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))
