"""The choice in two passes is the choice of float32, also where float16 cannot tell candidates apart."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.selection import policy
from core.selection.policy import MANY, SLACK, PolicyConfig, coarse_cosines, halved, highest


def unit(rows: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(rows, dim=-1)


def near_duplicates(seed: int, count: int = 3000, size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """A query ``(D,)`` and candidates ``(N, D)`` in tight clusters: neighbours differ by less than float16 can say."""
    generator = torch.Generator().manual_seed(seed)
    centres = unit(torch.randn(30, size, generator=generator))
    rows = centres.repeat_interleave(count // 30, 0) + 1e-4 * torch.randn(count, size, generator=generator)
    return centres[0] + 0.3 * centres[1], rows


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_two_passes_choose_what_one_exact_pass_chooses(seed: int, drawn: bool) -> None:
    query, candidates = near_duplicates(seed)
    query, candidates = unit(query), unit(candidates)
    usable = torch.rand(len(candidates), generator=torch.Generator().manual_seed(seed)) < 0.8
    groups = torch.arange(len(candidates)) // 3
    # A low temperature where noise is added, so that it does not hide the near ties of the scores altogether.
    config = PolicyConfig(0.001 if drawn else 0.05)
    sources = [torch.Generator().manual_seed(seed) if drawn else None for _ in range(2)]
    exact = policy.draw(query, candidates, usable, 8, config, groups, sources[0])
    coarse = policy.draw(query, candidates, usable, 8, config, groups, sources[1], candidates.half())
    assert coarse.chosen.tolist() == exact.chosen.tolist()
    assert torch.allclose(coarse.scores, exact.scores, atol=1e-3)  # units of 1e-3 over the temperature at most
    assert torch.allclose(coarse.log_probs, exact.log_probs, atol=1e-3)


def test_without_the_second_pass_near_ties_would_be_chosen_wrongly() -> None:
    """The test above can fail: float16 alone mixes up the same candidates."""
    query, candidates = map(unit, near_duplicates(0))
    best = (candidates @ query).topk(8).indices.tolist()
    assert coarse_cosines(query, candidates.half()).topk(8).indices.tolist() != best


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([3, 176, 384, 4096]), st.sampled_from([0.0, 0.9, 1.0]))
def test_a_coarse_cosine_is_never_further_off_than_the_slack(seed: int, size: int, alike: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    query = unit(torch.randn(size, generator=generator))
    rows = unit(alike * query + (1.01 - alike) * unit(torch.randn(64, size, generator=generator)))
    apart = coarse_cosines(query, rows.half()).double() - rows.double() @ query.double()
    assert float(apart.abs().max()) <= SLACK


def test_threads_change_nothing() -> None:
    query, candidates = map(unit, near_duplicates(1))
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(coarse_cosines(query, candidates.half()))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 40_000), st.integers(1, 64))
def test_highest_are_those_of_a_full_sort(seed: int, size: int, count: int) -> None:
    keys = torch.rand(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    keys[: size // 2] = -torch.inf
    count = min(count, size)
    wanted = keys.sort(descending=True).values[:count]
    assert keys[highest(keys, count)].tolist() == wanted.tolist()


def test_only_large_pools_are_copied() -> None:
    assert halved(torch.zeros(MANY - 1, 2)) is None
    copies = halved(torch.zeros(MANY, 2))
    assert copies is not None
    assert copies.dtype == torch.float16
