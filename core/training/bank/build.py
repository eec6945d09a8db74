"""The score bank: for every query some candidates, half the nearest by the model's own states and half drawn from the policy, each scored.

Scores are log p(y|x,c) with one demonstration. A language model has a prior over label words, which is taken off: its mean over the whole
bank (batch calibration, Zhou et al. 2023, arXiv 2309.17249), so that no label is needed for it.

Shapes: Q queries, M candidates of a query, N examples of the pool, L labels, D dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.data.pool import Pool
from core.errors import InvalidConfig
from core.prompting import PromptWriter
from core.records import Demonstration, Example
from core.scoring import Request
from core.scoring.calibration import log_softmax
from core.seeds import generator_of, random_of
from core.selection import policy
from core.training.bank.store import ScoreStore


@dataclass(frozen=True)
class BankConfig:
    """What a bank holds."""

    queries: int = 0  # Q, spread over languages and items; 0: no bank, contexts are drawn and asked at every step
    candidates: int = 8  # M, of a query: half nearest, half drawn
    shortlist: int = (
        256  # examples that the drawn half comes from, the same for all queries: their prompts share beginnings; 0: all
    )
    answers: str = ""  # language of prompt and answer; "": the query's own
    second: str = ""  # another answer language, for targets without labels; "": none
    imputed: int = (
        0  # more candidates of a step, drawn from the whole pool, whose reward is imputed from the scored ones; 0: none
    )
    refreshes: int = 0  # how often in a run the candidates are chosen anew by the policy as it has become

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        for name in ("queries", "shortlist", "imputed", "refreshes"):
            if getattr(self, name) < 0:
                raise InvalidConfig(f"bank.{name} is {getattr(self, name)}; it must be 0 or more.")
        if self.candidates < 2 or self.candidates % 2:
            raise InvalidConfig(f"bank.candidates is {self.candidates}; it must be an even number of 2 or more.")

    def code(self, example: Example) -> str:
        """The language that a query is answered in."""
        return self.answers or example.language


@dataclass(frozen=True)
class ScoreBank:
    """Queries with their candidates and what the model says under each."""

    queries: tuple[Example, ...]  # Q
    pool: tuple[Example, ...]  # N
    candidates: np.ndarray  # (Q, M) int64, indices into the pool
    scores: np.ndarray  # (Q, M, L) log p(y|x,c) calibrated and normalised over the labels, nats
    zero_shot: np.ndarray  # (Q, L) the same without a demonstration
    second: np.ndarray | None  # (Q, L) without a demonstration, in a second answer language; None: not asked

    def __len__(self) -> int:
        return len(self.queries)


def spread(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """``count`` examples, languages in turn and no item twice while there are unused ones; all of them if there are fewer."""
    by_language: dict[str, list[Example]] = {}
    for example in examples:
        by_language.setdefault(example.language, []).append(example)
    for code, rows in by_language.items():
        random_of("bank", seed, code).shuffle(rows)
    uses: dict[str, int] = {}
    chosen: list[Example] = []
    while len(chosen) < count and by_language:
        for code in sorted(by_language):
            rows = by_language[code]
            index = min(range(len(rows)), key=lambda i: uses.get(rows[i].item, 0))
            example = rows.pop(index)
            uses[example.item] = uses.get(example.item, 0) + 1
            chosen.append(example)
            if not rows:
                del by_language[code]
            if len(chosen) == count:
                break
    return chosen


def choose_candidates(
    queries: Sequence[Example],
    pool: Pool,
    query_vectors: torch.Tensor,
    pool_vectors: torch.Tensor,
    temperature: float,
    config: BankConfig,
    seed: int,
    bias: torch.Tensor | None = None,
) -> np.ndarray:
    """Indices ``(Q, M)`` of each query's candidates: M/2 of the highest scores, then M/2 drawn from the policy over a shared shortlist.

    ``query_vectors`` ``(Q, D)`` and ``pool_vectors`` ``(N, D)`` are unit vectors, ``bias`` ``(N,)`` the policy's term per candidate. The
    draw of a query depends on the seed and on the query alone. No item stands twice among a query's candidates. Raises ``PoolTooSmall``.
    """
    half = config.candidates // 2
    groups = torch.from_numpy(pool.groups)
    shortlist = _shortlist(pool, config.shortlist, seed)
    rows = []
    for example, vector in zip(queries, query_vectors, strict=True):
        usable = torch.from_numpy(pool.usable(example.query))
        pool.require(usable.numpy(), config.candidates, example.query)
        scores = pool_vectors @ vector / temperature + (0.0 if bias is None else bias)
        nearest = policy.top(scores.masked_fill(~usable, -torch.inf), half, groups)
        rest = usable & ~torch.isin(groups, groups[nearest])
        listed = rest & shortlist
        if len(torch.unique(groups[listed])) < half:
            listed = rest
        noise = policy.gumbel(scores.shape, generator_of("bank", seed, example.id)).to(scores)
        drawn = policy.top((scores + noise).masked_fill(~listed, -torch.inf), half, groups)
        rows.append([*nearest.tolist(), *drawn.tolist()])
    return np.array(rows, dtype=np.int64)


def _shortlist(pool: Pool, count: int, seed: int) -> torch.Tensor:
    """Mask ``(N,)``: ``count`` examples, languages in turn; all with ``count`` 0."""
    if count == 0 or count >= len(pool):
        return torch.ones(len(pool), dtype=torch.bool)
    listed = {example.id for example in spread(pool.examples, count, seed)}
    return torch.tensor([example.id in listed for example in pool.examples])


def request_of(writer: PromptWriter, query: Example, context: Sequence[Example], code: str) -> Request:
    """The prompt of ``query`` under ``context`` (best first), and the label words, in the language ``code``."""
    demonstrations = [Demonstration(example, None, None) for example in context]
    return Request(writer.prompt(query.query, demonstrations, code).text, writer.words(code, query.choices))


def bank_requests(
    writer: PromptWriter,
    queries: Sequence[Example],
    pool: Sequence[Example],
    candidates: np.ndarray,
    config: BankConfig,
) -> tuple[list[Request], list[Request], list[Request]]:
    """What is scored: Q times M prompts with one demonstration, Q without, and Q without in the second language (or none)."""
    with_one = [
        request_of(writer, query, [pool[i]], config.code(query))
        for query, row in zip(queries, candidates.tolist(), strict=True)
        for i in row
    ]
    zero_shot = [request_of(writer, query, (), config.code(query)) for query in queries]
    second = [request_of(writer, query, (), config.second) for query in queries] if config.second else []
    return with_one, zero_shot, second


def read_bank(
    store: ScoreStore,
    writer: PromptWriter,
    queries: Sequence[Example],
    pool: Sequence[Example],
    candidates: np.ndarray,
    config: BankConfig,
) -> ScoreBank:
    """The bank out of a store that holds its scores; the prior is taken off for each answer language by itself."""
    with_one, zero_shot, second = bank_requests(writer, queries, pool, candidates, config)
    codes = [config.code(query) for query in queries]
    many = [code for code in codes for _ in range(candidates.shape[1])]
    return ScoreBank(
        tuple(queries),
        tuple(pool),
        candidates,
        without_prior_by(store.scores(with_one), many).reshape((*candidates.shape, -1)),
        without_prior_by(store.scores(zero_shot), codes),
        without_prior(store.scores(second)) if second else None,
    )


def without_prior_by(scores: np.ndarray, codes: Sequence[str]) -> np.ndarray:
    """As ``without_prior``, over the rows of each answer language: its label words have a prior of their own."""
    result = np.empty_like(scores)
    for code in set(codes):
        rows = np.array([other == code for other in codes])
        result[rows] = without_prior(scores[rows])
    return result


def without_prior(scores: np.ndarray) -> np.ndarray:
    """``(R, L)`` normalised, less the mean log-probability of every label over the rows, normalised again; nats."""
    logs = log_softmax(scores)
    return log_softmax(logs - logs.mean(0))
