"""Agreement of a model's answers to one item asked in several languages, in the part of raters that agree on labels.

Shapes: S seeds, I items, R languages, L labels, P pairs of languages, D draws. Answers are label numbers ``(S, I, R)``. Intervals draw
items; all languages and seeds of an item are drawn together.

Typological distance of languages: the great circle between where they are spoken, and whether they share a family.

A table over pairs of languages holds no independent rows, as every language is in many; so what goes along with distance is tested by
exchanging languages (Mantel 1967), not pairs.

Alignment of a model's states over parallel sentences, layer by layer (MEXA, Kargaran et al. 2024, arXiv 2410.05873, section 3).

A sentence counts as aligned with its translation when their cosine exceeds that of the sentence with every other sentence of the
translation's language, and that of the translation with every other of the sentence's. The score of two languages at a layer is the share
of aligned sentences, in [0, 1]; chance is near 1/N. Vectors are means of the states over the tokens (MEXA also weighs by position):
"raw" as they are, "centred" minus the mean of their language, as the policy reads them.

Shapes: N sentences, H hidden size, D depths = layers + 1, the token vectors first.
"""

from collections.abc import Callable, Sequence
from math import asin, cos, radians, sin, sqrt

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata

from core.languages import UNKNOWN, language_facts
from core.models.embeddings import encoded_texts
from core.models.loading import LanguageModel
from core.statistics.bootstrap import DRAWS, percentiles, resampled
from core.statistics.values import Interval

RADIUS = 6371.0  # of the earth, km


def kilometres(first: str, second: str) -> float | None:
    """Great-circle distance of two languages by code (haversine); None where a place is not known."""
    a, b = language_facts(first), language_facts(second)
    if a.latitude is None or a.longitude is None or b.latitude is None or b.longitude is None:
        return None
    up, over = radians(b.latitude - a.latitude), radians(b.longitude - a.longitude)
    half = sin(up / 2) ** 2 + cos(radians(a.latitude)) * cos(radians(b.latitude)) * sin(over / 2) ** 2
    return 2 * RADIUS * asin(sqrt(min(1.0, half)))


def same_family(first: str, second: str) -> bool | None:
    """Whether two languages are of one family; None where one is not known."""
    a, b = language_facts(first).family, language_facts(second).family
    return None if UNKNOWN in (a, b) else a == b


def mantel(first: np.ndarray, second: np.ndarray, draws: int = DRAWS, seed: int = 0) -> tuple[float, float] | None:
    """Spearman correlation of two symmetric tables ``(R, R)`` over pairs of languages, and its two-sided p by exchanging languages.

    p counts the observed arrangement, so it is never 0. None with fewer than four languages or where a table does not vary.
    """
    size = len(first)
    upper = np.triu_indices(size, 1)
    if size < 4 or np.ptp(first[upper]) == 0 or np.ptp(second[upper]) == 0:
        return None
    ranks = np.zeros_like(second, dtype=float)
    ranks[upper] = _standard(rankdata(second[upper]))
    ranks += ranks.T
    given = _standard(rankdata(first[upper]))
    seen = float(given @ ranks[upper]) / len(given)
    rng = np.random.default_rng(seed)
    beyond = 0
    for _ in range(draws):
        order = rng.permutation(size)
        beyond += abs(float(given @ ranks[np.ix_(order, order)][upper]) / len(given)) >= abs(seen) - 1e-12
    return seen, (1 + beyond) / (1 + draws)


def square(values: Sequence[float], pairs: Sequence[tuple[int, int]], size: int) -> np.ndarray:
    """Values of pairs as a symmetric table ``(R, R)``, zeros on the diagonal."""
    table = np.zeros((size, size))
    for value, (a, b) in zip(values, pairs, strict=True):
        table[a, b] = table[b, a] = value
    return table


def _standard(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / values.std())


@torch.inference_mode()
def layer_means(model: LanguageModel, texts: Sequence[str], batch: int = 32) -> np.ndarray:
    """Means over tokens after every layer, ``(D, N, H)`` float32; special tokens are read but left out of the mean.

    The last depth is as the network gives it, after its final norm.
    """
    encoded = encoded_texts(model, texts)
    order = sorted(range(len(encoded)), key=lambda place: len(encoded[place]))
    start, pad = list(model.start), model.tokenizer.pad_token_id
    found: list[np.ndarray | None] = [None] * len(encoded)
    for first in range(0, len(order), batch):
        places = order[first : first + batch]
        rows = [start + (encoded[place] or [pad]) for place in places]
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
        for place, vector in zip(places, means.transpose(0, 1).cpu().numpy(), strict=True):
            found[place] = vector
    return np.stack([vector for vector in found if vector is not None], axis=1)


def aligned(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether each sentence is aligned with its translation, ``(N,)`` bool, from vectors ``(N, H)``, row i of both says the same."""
    similar = _unit(first) @ _unit(second).T
    own = similar.diagonal().copy()
    np.fill_diagonal(similar, -np.inf)
    return np.asarray((own > similar.max(1)) & (own > similar.max(0)))


def pair_table(
    states: dict[str, np.ndarray], tell: Callable[[float, str], None] = lambda _share, _stage: None
) -> pd.DataFrame:
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
            for place, first in enumerate(codes):
                for second in codes[place + 1 :]:
                    hits = aligned(vectors[first], vectors[second])
                    rows.append((depth, version, first, second, hits.tolist()))
        tell((depth + 1) / depths, "alignment")
    return pd.DataFrame(rows, columns=["layer", "version", "first", "second", "aligned"])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def counted(answers: np.ndarray, labels: int) -> np.ndarray:
    """How many languages gave each label, ``(S, I, L)``."""
    return np.stack([(answers == label).sum(-1) for label in range(labels)], axis=-1).astype(float)


def item_agreement(counts: np.ndarray) -> np.ndarray:
    """Share of pairs of languages with equal answers, by item, mean over seeds: ``(I,)`` in [0, 1] from ``(S, I, L)``."""
    raters = counts.sum(-1)
    pairs: np.ndarray = ((counts**2).sum(-1) - raters) / (raters * (raters - 1))
    return np.asarray(pairs.mean(0))


def unanimous(counts: np.ndarray) -> np.ndarray:
    """Share of seeds under which all languages answer alike, by item: ``(I,)``."""
    alike: np.ndarray = counts.max(-1) == counts.sum(-1)
    return np.asarray(alike.mean(0))


def fleiss_kappa(counts: np.ndarray, draws: int = DRAWS, seed: int = 0) -> Interval | None:
    """Agreement beyond chance over all languages (Fleiss 1971), with its interval over items; None where all answers are one label.

    Several seeds of an item count as subjects that are drawn together. Draws in which all answers are one label are left out.
    """
    agreed, shares = item_agreement(counts), (counts / counts.sum(-1, keepdims=True)).mean(0)  # (I,), (I, L)
    totals = np.column_stack([agreed, shares])

    def kappa(means: np.ndarray) -> np.ndarray:
        return _beyond(means[:, 0], (means[:, 1:] ** 2).sum(-1))

    whole = float(kappa(totals.mean(0, keepdims=True))[0])
    return None if np.isnan(whole) else percentiles(whole, kappa(resampled(totals, draws, seed) / len(totals)))


def pair_equal(answers: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Whether two languages answer alike, mean over seeds: ``(I, P)``."""
    return np.stack([(answers[:, :, a] == answers[:, :, b]).mean(0) for a, b in pairs], axis=-1)


def cohen_kappas(answers: np.ndarray, pairs: Sequence[tuple[int, int]], labels: int) -> np.ndarray:
    """Agreement of each pair beyond chance (Cohen 1960): ``(P,)``, NaN where both languages give one and the same label only.

    Chance is what the two languages' own label shares make of it, so two languages that always answer "travel" do not count as agreeing.
    """
    shares = np.stack([(answers == label).mean((0, 1)) for label in range(labels)], axis=-1)  # (R, L)
    equal = pair_equal(answers, pairs).mean(0)
    return _beyond(equal, np.array([shares[a] @ shares[b] for a, b in pairs]))


def _beyond(equal: np.ndarray, chance: np.ndarray) -> np.ndarray:
    room = 1 - chance
    return np.asarray(np.divide(equal - chance, room, out=np.full(room.shape, np.nan), where=room > 1e-12))
