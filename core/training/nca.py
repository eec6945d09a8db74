"""A baseline: the sentence encoder trained on the labels that the loop learns from, by neighbourhood components analysis.

``W`` over the frozen encoder's vectors maximises the log-probability that a neighbour drawn by ``softmax(z(x).z(c)/tau)`` has the label of
``x`` (Goldberger et al. 2004, "Neighbourhood Components Analysis", equations 1 to 3, with cosines and the cross-lingual rule: candidates
of other languages and items). Like the policy's projection it begins as the identity and decays towards it. No language model is asked.

Shapes: Q queries, N candidates, E size of the encoder's vectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from core.config import Count, Natural, Positive, Weight, check
from core.errors import InvalidConfig
from core.models.sentence_encoder import SentenceEncoder
from core.records import Example
from core.seeds import generator_of
from core.training.bank.build import spread
from core.training.development import Encoder, held_items

NEIGHBOURS = 4  # whose labels are compared with the query's, the demonstrations of an evaluation


@dataclass(frozen=True)
class NcaConfig:
    """How the encoder is trained; the items set aside and the queries are those of ``train.py fit`` with the same seed."""

    languages: tuple[str, ...] = ()  # of the queries; empty: all of the pool
    seed: Natural = 0
    share: Annotated[float, Field(gt=0, lt=1)] = 0.2  # of the items, set aside
    queries: Count = 700
    steps: Count = 120
    batch: Count = 256  # queries of a step
    candidates: Count = 2048  # of a step, drawn from the pool
    rate: Positive = 2e-3  # AdamW's
    decays: tuple[Weight, ...] = (0.0, 1.0, 10.0)  # towards the identity; the best on the items set aside is kept
    temperatures: tuple[Positive, ...] = (0.05, 0.1, 0.3)  # tau, likewise

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        check(self)
        if not self.decays or not self.temperatures:
            raise InvalidConfig("decays and temperatures each need a number to try, for example decays=[1.0].")


@dataclass(frozen=True)
class TrainedEncoder:
    """The best projection and what chose it."""

    weight: np.ndarray  # (E, E)
    decay: float
    temperature: float
    before: float  # share of the nearest's labels that agree with the query's, on the items set aside
    after: float


def train_nca(encoder: Encoder, pool: Sequence[Example], config: NcaConfig) -> TrainedEncoder:
    """Train with every decay and temperature; the one whose neighbours agree most on the items set aside. A function of its arguments."""
    queries = [e for e in pool if not config.languages or e.language in config.languages]
    held = held_items(queries, config.share, config.seed)
    kept = [example for example in pool if example.item not in held]
    learnt = spread([e for e in queries if e.item not in held], config.queries, config.seed)
    watched = [example for example in queries if example.item in held]
    sides = {name: Side.of(encoder, rows) for name, rows in (("pool", kept), ("learnt", learnt), ("watched", watched))}
    before = agreement(sides["watched"], sides["pool"], torch.eye(sides["pool"].vectors.shape[1]))
    best: TrainedEncoder | None = None
    for decay in config.decays:
        for temperature in config.temperatures:
            weight = _fit(sides["learnt"], sides["pool"], config, decay, temperature)
            after = agreement(sides["watched"], sides["pool"], weight)
            if best is None or after > best.after:
                best = TrainedEncoder(weight.numpy(), decay, temperature, before, after)
    assert best is not None
    return best


@dataclass(frozen=True)
class Side:
    """Examples as tensors."""

    vectors: torch.Tensor  # (N, E) unit vectors
    labels: torch.Tensor  # (N,) int64
    items: torch.Tensor  # (N,) int64
    languages: torch.Tensor  # (N,) int64

    @staticmethod
    def of(encoder: Encoder, examples: Sequence[Example]) -> "Side":
        """Numbers stand for the same label, item or language in every ``Side``."""
        vectors = torch.from_numpy(encoder.vectors([example.text for example in examples])).float()
        columns = [[getattr(e, name) for e in examples] for name in ("label", "item", "language")]
        return Side(vectors, *(torch.tensor([_number(value) for value in column]) for column in columns))

    def rows(self, index: torch.Tensor) -> "Side":
        """Some of the examples."""
        return Side(self.vectors[index], self.labels[index], self.items[index], self.languages[index])


def _number(value: str) -> int:
    return int.from_bytes(value.encode()[:64], "big") % ((1 << 61) - 1)


def usable(queries: Side, candidates: Side) -> torch.Tensor:
    """``(Q, N)``, True where a candidate is of another item and another language."""
    others = queries.items[:, None] != candidates.items
    return others & (queries.languages[:, None] != candidates.languages)


def nca_loss(queries: Side, candidates: Side, weight: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean over the queries of ``-log sum of p over the candidates of the query's label``, nats; queries without one are left out."""
    allowed = usable(queries, candidates)
    same = allowed & (queries.labels[:, None] == candidates.labels)
    scores = _unit(queries.vectors @ weight.T) @ _unit(candidates.vectors @ weight.T).T / temperature
    right = scores.masked_fill(~same, -torch.inf).logsumexp(-1)
    everything = scores.masked_fill(~allowed, -torch.inf).logsumexp(-1)
    counts = same.any(1)
    return (everything - right)[counts].mean()


@torch.no_grad()
def agreement(queries: Side, pool: Side, weight: torch.Tensor) -> float:
    """Share of the labels of the nearest usable candidates that are the query's, in [0, 1]."""
    scores = _unit(queries.vectors @ weight.T) @ _unit(pool.vectors @ weight.T).T
    nearest = scores.masked_fill(~usable(queries, pool), -torch.inf).topk(min(NEIGHBOURS, scores.shape[1])).indices
    return float((pool.labels[nearest] == queries.labels[:, None]).float().mean())


def _fit(queries: Side, pool: Side, config: NcaConfig, decay: float, temperature: float) -> torch.Tensor:
    size = queries.vectors.shape[1]
    identity = torch.eye(size)
    weight = torch.nn.Parameter(identity.clone())
    optimiser = torch.optim.AdamW([weight], lr=config.rate, weight_decay=0.0)
    source = generator_of("nca", config.seed)
    for _ in range(config.steps):
        rows = torch.randperm(len(queries.labels), generator=source)[: config.batch]
        more = torch.randperm(len(pool.labels), generator=source)[: config.candidates]
        optimiser.zero_grad()
        nca_loss(queries.rows(rows), pool.rows(more), weight, temperature).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():
            weight.lerp_(identity, min(1.0, decay * config.rate))
    return weight.detach()


def _unit(rows: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(rows, dim=-1)


def save_encoder(encoder: SentenceEncoder, weight: np.ndarray, folder: Path) -> None:
    """The encoder with ``weight`` behind it, as a folder that sentence-transformers loads. Raises ``InvalidConfig`` where one is there."""
    if folder.exists():
        raise InvalidConfig(f"{folder} is there already; name a folder that is not.")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    size = weight.shape[0]
    dense = Dense(size, size, bias=False, activation_function=torch.nn.Identity())
    with torch.no_grad():
        dense.linear.weight.copy_(torch.from_numpy(weight))
    SentenceTransformer(modules=[*encoder.modules, dense, Normalize()], device="cpu").save_pretrained(str(folder))
