"""The selection policy: Plackett-Luce over candidates, with exact log-probabilities.

``s_i = z(x) . z(x_i) / tau``; a context is drawn without replacement, ``log pi(C|x) = sum_k [s_{c_k} - logsumexp over the not yet
chosen]`` (Plackett 1975). Gumbel-top-K draws from exactly this distribution in one pass (Kool et al. 2019, arXiv
1903.06059, section 3). With ``redundancy`` > 0 the score of a candidate falls with its nearest chosen one, so the choice goes
step by step; its log-probability stays exact. Candidates that may not be shown are masked before the softmax.

Very many candidates are scored in two passes: float16 copies of all first, then float32 for those that may be chosen. Among a
million a choice costs what it takes to read their vectors from memory, so copies of half the size are read. The choice is the one
of float32: every candidate that the rounding could have excluded is scored again.

A trained policy may add a term ``b_i`` per candidate to ``s_i``, by which it says that a candidate is good for everyone.

Shapes: B queries, G contexts, N candidates, K demonstrations, D dimensions.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from core.errors import InvalidConfig

MANY = 50_000  # candidates; fewer are read whole in a few milliseconds

# Most that a cosine of float16 copies is off, for D up to 4,096. Rounding changes a component by at most 2^-11 of itself, on both
# sides, so the sum by 2 * 2^-11 = 9.8e-4 (the sum of |z_j x_j| is at most 1 for unit vectors); its result is rounded by 4.9e-4 again,
# and 4,096 float32 additions add at most 2.5e-4.
SLACK = 2e-3


def halved(vectors: torch.Tensor) -> torch.Tensor | None:
    """Float16 copies ``(N, D)`` of unit vectors on a CPU for a first pass; None where all can be read whole at once."""
    if len(vectors) < MANY or vectors.device.type != "cpu":
        return None
    return vectors.half()


def coarse_cosines(query: torch.Tensor, halves: torch.Tensor) -> torch.Tensor:
    """Cosines ``(N,)`` of a unit vector ``(D,)`` with every row of ``halves`` ``(N, D)``, float32, each at most ``SLACK`` off."""
    rounded, threads = query.half(), torch.get_num_threads()
    if threads == 1:
        return (halves @ rounded).float()
    with ThreadPoolExecutor(threads) as pool:  # PyTorch multiplies a float16 matrix by a vector on one thread
        return torch.cat(list(pool.map(lambda part: (part @ rounded).float(), halves.chunk(threads))))


def highest(keys: torch.Tensor, count: int) -> torch.Tensor:
    """Indices of the ``count`` highest ``keys`` ``(N,)``, best first, as ``topk`` but without sorting through all of them.

    The ``count`` highest lie in the ``count`` blocks with the highest maxima.
    """
    size = 1024
    blocks = len(keys) // size
    if count * 4 > blocks:
        return keys.topk(count).indices
    tops = keys[: blocks * size].view(blocks, size).amax(1).topk(count).indices
    inside = (tops[:, None] * size + torch.arange(size, device=keys.device)).flatten()
    indices = torch.cat([inside, torch.arange(blocks * size, len(keys), device=keys.device)])
    return indices[keys[indices].topk(count).indices]


@dataclass(frozen=True)
class PolicyConfig:
    """How contexts are drawn."""

    temperature: float = 0.05  # tau
    redundancy: float = 0.0  # weight of the similarity to the nearest chosen candidate, in units of cosine

    def __post_init__(self) -> None:
        """Refuse a temperature that is not positive, or a negative redundancy."""
        if not self.temperature > 0:
            raise InvalidConfig(f"The policy's temperature is {self.temperature}; it must be above 0.")
        if self.redundancy < 0:
            raise InvalidConfig(f"The policy's redundancy is {self.redundancy}; it must be 0 or more.")


@dataclass(frozen=True)
class Draw:
    """One context."""

    chosen: torch.Tensor  # (K,) int64, in the order of drawing
    log_probs: torch.Tensor  # (K,) log-probability of each draw given the earlier ones, nats, <= 0
    scores: torch.Tensor  # (K,) score of each chosen candidate when it was drawn
    first_scores: torch.Tensor  # (N,) score of every candidate before the first draw

    @property
    def log_prob(self) -> torch.Tensor:
        """Log pi(C|x), a scalar, nats."""
        return self.log_probs.sum()


def scores(
    query: torch.Tensor, candidates: torch.Tensor, config: PolicyConfig, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """``s``: ``(N,)`` from unit vectors ``(D,)`` and ``(N, D)``, plus the term per candidate ``(N,)`` where there is one."""
    cosines = candidates @ query / config.temperature
    return cosines if bias is None else cosines + bias


def log_prob(
    score: torch.Tensor, chosen: torch.Tensor, usable: torch.Tensor, groups: torch.Tensor | None = None
) -> torch.Tensor:
    """Log-probability of each draw ``(K,)`` of the sequence ``chosen`` under scores ``(N,)``; mask True = may be drawn.

    Differentiable in ``score``. ``groups`` ``(N,)`` int64, numbers from 0: candidates of one group exclude each other
    (translations of one item), so a draw takes its whole group out. Without redundancy the sum is all of log pi.
    """
    excluded = _excluded(chosen, groups, len(score)) & usable
    rest = score.masked_fill(excluded | ~usable, -torch.inf).logsumexp(0)  # of those that no draw touches, summed once
    heads = excluded.nonzero()[:, 0]
    names = heads if groups is None else groups[heads]
    remaining = torch.ones_like(heads, dtype=torch.bool)
    terms = []
    for index in chosen:
        open_heads = score[heads[remaining]].logsumexp(0)
        whole = open_heads if rest == -torch.inf else torch.logaddexp(rest, open_heads)
        terms.append(score[index] - whole)
        remaining = remaining & (names != (index if groups is None else groups[index]))
    return torch.stack(terms)


def _excluded(chosen: torch.Tensor, groups: torch.Tensor | None, size: int) -> torch.Tensor:
    """Mask ``(N,)``, True = chosen or of the group of a chosen one."""
    if groups is None:
        return torch.zeros(size, dtype=torch.bool, device=chosen.device).index_fill(0, chosen, True)
    names = torch.zeros(int(groups.max()) + 1, dtype=torch.bool, device=groups.device)
    return names.index_fill(0, groups[chosen], True)[groups]


def log_probs(
    score: torch.Tensor,
    chosen: torch.Tensor,
    usable: torch.Tensor,
    groups: torch.Tensor,
    candidates: torch.Tensor | None = None,
    redundancy: float | torch.Tensor = 0.0,
) -> torch.Tensor:
    """Log-probability of each draw ``(B, G, K)`` of many contexts ``chosen`` ``(B, G, K)``; the last dimension sums to log pi.

    ``score`` ``(B, N)``, differentiable; ``usable`` ``(B, N)`` True = may be drawn; ``groups`` ``(N,)`` as in ``log_prob``. With
    ``redundancy`` (in units of the score) similarities come from ``candidates`` ``(N, D)``, as in ``draw``.
    """
    remaining = usable[:, None, :].expand(-1, chosen.shape[1], -1)  # (B, G, N)
    whole = score[:, None, :].expand(remaining.shape)
    nearest = torch.zeros_like(whole)
    terms = []
    for step in range(chosen.shape[2]):
        drawn = chosen[:, :, step : step + 1]
        current = whole - redundancy * nearest
        terms.append(current.gather(2, drawn)[..., 0] - current.masked_fill(~remaining, -torch.inf).logsumexp(2))
        remaining = remaining & (groups[None, None, :] != groups[drawn])
        if candidates is not None:
            nearest = torch.maximum(nearest, candidates[drawn[..., 0]] @ candidates.T)
    return torch.stack(terms, dim=2)


def entropy(score: torch.Tensor, usable: torch.Tensor) -> torch.Tensor:
    """Entropy of the first draw, nats, in [0, log of the number of usable candidates]."""
    masked = score.masked_fill(~usable, -torch.inf)
    whole = masked.logsumexp(0)
    return whole - ((masked - whole).exp() * score.masked_fill(~usable, 0.0)).sum()


def draw(
    query: torch.Tensor,
    candidates: torch.Tensor,
    usable: torch.Tensor,
    count: int,
    config: PolicyConfig,
    groups: torch.Tensor | None = None,
    generator: torch.Generator | None = None,
    halves: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
) -> Draw:
    """Choose ``count`` candidates: greedily without a generator, by Gumbel-top-K with one.

    ``query`` is ``(D,)``, ``candidates`` ``(N, D)``, ``usable`` ``(N,)`` bool, ``groups`` as in ``log_prob``. The caller has made sure
    that ``count`` can be drawn. ``halves`` ``(N, D)``, from ``core.selection.policy.halved``, make the choice among very many unit vectors
    faster, not another one; the candidates that cannot be chosen then enter log pi with cosines that are at most ``SLACK`` off.
    ``bias`` ``(N,)`` is the policy's term per candidate, in units of the score.
    """
    if config.redundancy > 0:
        return _sequential(
            scores(query, candidates, config, bias), candidates, usable, count, config, groups, generator
        )
    noise = None if generator is None else gumbel(torch.Size([len(candidates)]), generator).to(candidates)
    if halves is None:
        score = scores(query, candidates, config, bias)
        keys = (score if noise is None else score + noise).masked_fill(~usable, -torch.inf)
    else:
        score, keys = _two_passes(query, candidates, halves, usable, count, config, groups, noise, bias)
    chosen = top(keys, count, groups)
    return Draw(chosen, log_prob(score, chosen, usable, groups), score[chosen], score)


def _two_passes(
    query: torch.Tensor,
    candidates: torch.Tensor,
    halves: torch.Tensor,
    usable: torch.Tensor,
    count: int,
    config: PolicyConfig,
    groups: torch.Tensor | None,
    noise: torch.Tensor | None,
    bias: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores and keys ``(N,)``, exact for every candidate that may be among the ``count`` highest.

    The coarse choice has keys of at least ``worst``; the exact choice is no worse than its exact keys, which are at most ``SLACK``
    (over tau) lower, so its members have coarse keys of at least ``worst`` less twice that.
    """
    score = coarse_cosines(query, halves) / config.temperature
    if bias is not None:
        score = score + bias
    keys = (score if noise is None else score + noise).masked_fill(~usable, -torch.inf)
    worst = keys[top(keys, count, groups)].min()
    near = (keys >= worst - 2 * SLACK / config.temperature).nonzero()[:, 0]
    score[near] = scores(query, candidates[near], config, None if bias is None else bias[near])
    keys[near] = score[near] if noise is None else score[near] + noise[near]
    return score, keys


def top(keys: torch.Tensor, count: int, groups: torch.Tensor | None = None) -> torch.Tensor:
    """The ``count`` highest finite keys ``(N,)``, best first, at most one of each group.

    Restricting a Plackett-Luce ranking to a subset leaves it Plackett-Luce on that subset, so skipping excluded
    candidates in a Gumbel-perturbed ranking still draws from the exact sequential distribution.
    """
    if groups is None:
        return highest(keys, count)
    reach = count
    while True:
        reach = min(len(keys), reach * 8)
        first_of: dict[int, int] = {}
        for index in highest(keys, reach).tolist():
            if keys[index] > -torch.inf:
                first_of.setdefault(int(groups[index]), index)
            if len(first_of) == count:
                break
        if len(first_of) == count or reach == len(keys):
            return torch.tensor(list(first_of.values()), dtype=torch.int64)


def _without(remaining: torch.Tensor, index: int, groups: torch.Tensor | None) -> torch.Tensor:
    if groups is not None:
        return remaining & (groups != groups[index])
    return remaining.index_fill(0, torch.tensor([index], device=remaining.device), False)


def gumbel(shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """Standard Gumbel noise."""
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64).clamp_min(1e-300)
    return -torch.log((-torch.log(uniform)).clamp_min(1e-300))


def _sequential(
    score: torch.Tensor,
    candidates: torch.Tensor,
    usable: torch.Tensor,
    count: int,
    config: PolicyConfig,
    groups: torch.Tensor | None,
    generator: torch.Generator | None,
) -> Draw:
    remaining = usable.clone()
    nearest = torch.zeros_like(score)
    chosen, logs, values = [], [], []
    for _ in range(count):
        current = (score - config.redundancy * nearest / config.temperature).masked_fill(~remaining, -torch.inf)
        keys = current if generator is None else current + gumbel(current.shape, generator).to(current)
        index = int(keys.argmax())
        chosen.append(index)
        values.append(current[index])
        logs.append(current[index] - current.logsumexp(0))
        remaining = _without(remaining, index, groups)
        nearest = torch.maximum(nearest, candidates @ candidates[index])
    return Draw(torch.tensor(chosen), torch.stack(logs), torch.stack(values), score)
