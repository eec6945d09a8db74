"""Alignment of a model's states over parallel sentences, layer by layer (MEXA, Kargaran et al. 2024, arXiv 2410.05873, section 3).

A sentence counts as aligned with its translation when their cosine exceeds that of the sentence with every other sentence of the
translation's language, and that of the translation with every other of the sentence's. The score of two languages at a layer is the share
of aligned sentences, in [0, 1]; chance is near 1/N. Vectors are means of the states over the tokens (MEXA also weights by position):
"raw" as they are, "centred" minus the mean of their language, as the policy reads them.

Shapes: N sentences, H hidden size, D depths = layers + 1, the token vectors first; P pairs of languages. Intervals draw sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from core.experiments.runner import Row, cell
from core.models.embeddings import encoded_texts
from core.models.loading import LanguageModel
from core.progress import Progress, silent
from core.statistics.bootstrap import paired_interval


@torch.inference_mode()
def layer_means(model: LanguageModel, texts: Sequence[str], batch: int = 32) -> np.ndarray:
    """Means over tokens after every layer, ``(D, N, H)`` float32; special tokens are read but left out of the mean.

    The last depth is as the network gives it, after its final norm.
    """
    encoded = encoded_texts(model, texts)
    order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
    start, pad = list(model.start), model.tokenizer.pad_token_id
    vectors: list[np.ndarray | None] = [None] * len(encoded)
    for first in range(0, len(order), batch):
        indexes = order[first : first + batch]
        rows = [start + (encoded[index] or [pad]) for index in indexes]
        ends = torch.tensor([[len(row)] for row in rows], device=model.device)
        length = int(ends.max())
        ids = torch.tensor([row + [pad] * (length - len(row)) for row in rows], device=model.device)
        seats = torch.arange(length, device=model.device)[None, :]
        mask = seats < ends
        counts = (mask & (seats >= len(start))).float()  # (N, T)
        with model.lock:
            output = model.network.get_decoder()(
                input_ids=ids, attention_mask=mask.long(), use_cache=False, output_hidden_states=True
            )
        states = torch.stack([layer.float() for layer in output.hidden_states])  # (D, N, T, H)
        means = (states * counts[None, :, :, None]).sum(2) / counts.sum(1)[None, :, None]
        for index, vector in zip(indexes, means.transpose(0, 1).cpu().numpy(), strict=True):
            vectors[index] = vector
    return np.stack([vector for vector in vectors if vector is not None], axis=1)


def aligned(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether each sentence is aligned with its translation, ``(N,)`` bool, from vectors ``(N, H)``, row i of both says the same."""
    similar = _unit(first) @ _unit(second).T
    own = similar.diagonal().copy()
    np.fill_diagonal(similar, -np.inf)
    return np.asarray((own > similar.max(1)) & (own > similar.max(0)))


def pair_table(states: dict[str, np.ndarray], progress: Progress = silent) -> pd.DataFrame:
    """One row per depth, version and pair of languages: ``aligned``, the list of N truth values.

    ``states`` by language ``(D, N, H)``, the same sentences in the same order in all.
    """
    codes = sorted(states)
    depths = len(next(iter(states.values())))
    rows = []
    for depth in range(depths):
        raw = {code: states[code][depth] for code in codes}
        versions = {"raw": raw, "centred": {code: rows_ - rows_.mean(0) for code, rows_ in raw.items()}}
        for version, vectors in versions.items():
            for index, first in enumerate(codes):
                for second in codes[index + 1 :]:
                    hits = aligned(vectors[first], vectors[second])
                    rows.append((depth, version, first, second, hits.tolist()))
        progress((depth + 1) / depths, "alignment")
    return pd.DataFrame(rows, columns=["layer", "version", "first", "second", "aligned"])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


@dataclass(frozen=True)
class Alignment:
    """Which sentences of which languages are aligned at which layer."""

    table: pd.DataFrame  # see ``pair_table``

    @cached_property
    def last(self) -> int:
        """The deepest layer."""
        return int(self.table["layer"].max())

    @cached_property
    def by_layer(self) -> list[Row]:
        """Share of aligned sentences over all pairs of languages, a row a layer, with its interval."""
        rows: list[Row] = []
        for layer, part in self.table.groupby("layer", sort=True):
            row: Row = {"layer": int(str(layer))}
            for version, several in part.groupby("version", sort=False):
                row[f"aligned, {version}"] = _share(several)
            rows.append(row)
        return rows

    @property
    def best(self) -> int:
        """The layer after which centred states align best."""
        return int(max(self.by_layer, key=lambda row: row["aligned, centred"][0])["layer"])

    def of_pairs(self, names: Sequence[tuple[str, str]], layer: int, version: str = "centred") -> np.ndarray:
        """Alignment of each pair ``(P,)`` at a layer."""
        part = self._at(layer, version)
        shares = {
            frozenset((a, b)): float(np.mean(hits))
            for a, b, hits in zip(part["first"], part["second"], part["aligned"], strict=True)
        }
        return np.array([shares[frozenset(pair)] for pair in names])

    def of_language(self, code: str, other: str | None, layer: int, version: str) -> list[float]:
        """A language against one other, or against all others: share with its interval."""
        part = self._at(layer, version)
        part = part[(part["first"] == code) | (part["second"] == code)]
        if other is not None:
            part = part[(part["first"] == other) | (part["second"] == other)]
        return _share(part)

    def _at(self, layer: int, version: str) -> pd.DataFrame:
        return self.table[(self.table["layer"] == layer) & (self.table["version"] == version)]


def _share(rows: pd.DataFrame) -> list[float]:
    """Mean over pairs and sentences, interval over sentences."""
    hits = np.stack(rows["aligned"].to_list()).astype(float).mean(0)  # (N,)
    return cell(paired_interval(hits.tolist(), [str(index) for index in range(len(hits))]))
