"""Which layer of a model says what a sentence means, found without a label: by retrieving translations.

For every layer the sentences of one language look for their translations in another by cosine, with the language means taken off
(Libovický et al. 2020, arXiv 2004.05160) and without; the layer whose neighbours are most often the translation is taken. The means come
from the same unlabelled text, so a language that no pool has is centred too.

Shapes: S parallel sentences of a language, C languages, E layers and the token vectors before them, H hidden size.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from core.errors import InvalidData
from core.models.embeddings import Projection, encoded_texts
from core.models.loading import LanguageModel

FILE = "representation.npz"
BATCH_TOKENS = 2048


@dataclass(frozen=True)
class Representation:
    """How a model's sentence vectors are taken."""

    layer: int  # states after this many layers
    centre: Projection  # mean vector of every language
    centred: tuple[float, ...]  # (E,) share of translations found by layer, language means taken off
    plain: tuple[float, ...]  # (E,) the same with one mean for all languages
    sentences: int  # S

    def save(self, folder: Path, fingerprint: str) -> None:
        """Write ``representation.npz``; ``fingerprint`` is the model's."""
        folder.mkdir(parents=True, exist_ok=True)
        codes = sorted(self.centre.means)
        partial = folder / f"representation.{os.getpid()}.npz"
        np.savez(
            partial,
            model=fingerprint,
            layer=self.layer,
            languages=np.array(codes),
            means=np.stack([self.centre.means[code] for code in codes]).astype(np.float32),
            overall=self.centre.overall.astype(np.float32),
            centred=np.array(self.centred),
            plain=np.array(self.plain),
            sentences=self.sentences,
        )
        partial.replace(folder / FILE)

    @staticmethod
    def read(folder: Path, fingerprint: str) -> "Representation | None":
        """What ``save`` wrote; None when there is none. Raises ``InvalidData`` for a damaged file, or one of another model."""
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                stored_model = str(stored["model"])
                means = dict(zip(map(str, stored["languages"]), stored["means"], strict=True))
                result = Representation(
                    int(stored["layer"]),
                    Projection(means, stored["overall"]),
                    tuple(map(float, stored["centred"])),
                    tuple(map(float, stored["plain"])),
                    int(stored["sentences"]),
                )
        except (OSError, ValueError, KeyError) as error:
            raise InvalidData(f"{path} cannot be read ({error}); remove it, and the layer is chosen again.") from error
        if stored_model != fingerprint:
            raise InvalidData(
                f"{path} belongs to the model {stored_model}, here it is {fingerprint}; name another folder."
            )
        return result


def choose_representation(
    model: LanguageModel,
    parallel: Mapping[str, Sequence[str]],
    report: Callable[[float], None] = lambda _: None,
) -> Representation:
    """The layer with the best retrieval of translations; ``parallel`` has the same S sentences by language, in the same order.

    Raises ``InvalidData`` for fewer than two languages, or languages with different numbers of sentences.
    """
    sizes = {len(texts) for texts in parallel.values()}
    if len(parallel) < 2 or len(sizes) != 1 or min(sizes) < 2:
        raise InvalidData(
            f"Parallel text of {len(parallel)} languages with {sorted(sizes)} sentences was given; give two languages or more with "
            "the same sentences, two or more."
        )
    states = {}
    for number, (code, texts) in enumerate(parallel.items()):
        states[code] = layer_means(model, texts)
        report((number + 1) / len(parallel))
    layers = next(iter(states.values())).shape[0]
    centred, plain = [], []
    for layer in range(layers):
        unit = {code: _unit(rows[layer]) for code, rows in states.items()}
        overall = np.concatenate(list(unit.values())).mean(0)
        plain.append(retrieval({code: rows - overall for code, rows in unit.items()}))
        centred.append(retrieval({code: rows - rows.mean(0) for code, rows in unit.items()}))
    layer = int(np.argmax(centred))
    rows = np.concatenate([states[code][layer] for code in parallel])
    languages = [code for code in parallel for _ in parallel[code]]
    return Representation(layer, Projection.fit(rows, languages), tuple(centred), tuple(plain), sizes.pop())


@torch.inference_mode()
def layer_means(model: LanguageModel, texts: Sequence[str]) -> np.ndarray:
    """Mean token states ``(E, S, H)`` float32 of every layer, from one pass; special tokens in front are left out."""
    encoded = encoded_texts(model, texts)
    order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
    start, pad = list(model.start), model.tokenizer.pad_token_id
    results: dict[int, np.ndarray] = {}
    index = 0
    while index < len(order):
        size = max(1, BATCH_TOKENS // (len(encoded[order[min(index + 31, len(order) - 1)]]) + len(start) + 1))
        part = order[index : index + size]
        rows = [start + (encoded[i] or [pad]) for i in part]
        length = max(map(len, rows))
        ids = torch.tensor([row + [pad] * (length - len(row)) for row in rows], device=model.device)
        ends = torch.tensor([[len(row)] for row in rows], device=model.device)
        positions = torch.arange(length, device=model.device)[None, :]
        counts = ((positions >= len(start)) & (positions < ends)).float()[:, :, None]
        body = model.network.get_decoder()
        output = body(
            input_ids=ids, attention_mask=(positions < ends).long(), use_cache=False, output_hidden_states=True
        )
        means = torch.stack([(layer.float() * counts).sum(1) / counts.sum(1) for layer in output.hidden_states])
        for row, i in enumerate(part):
            results[i] = means[:, row].cpu().numpy()
        index += size
    return np.stack([results[i] for i in range(len(texts))], axis=1)


def retrieval(vectors: Mapping[str, np.ndarray]) -> float:
    """Share of sentences whose nearest by cosine in another language is their translation, mean over ordered pairs; ``(S, H)`` each."""
    unit = {code: _unit(rows) for code, rows in vectors.items()}
    shares = [
        float(((unit[first] @ unit[second].T).argmax(1) == np.arange(len(unit[first]))).mean())
        for first in unit
        for second in unit
        if first != second
    ]
    return float(np.mean(shares))


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12))
