"""The policy against enumeration of every ordered choice."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.errors import InvalidConfig
from core.selection import policy
from core.selection.policy import PolicyConfig

N, K, D = 5, 3, 4
GROUPS = torch.tensor([0, 1, 0, 2, 3])  # 0 and 2 are translations of each other


@pytest.fixture
def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    """A query ``(D,)`` and candidates ``(N, D)``, unit norm, float64."""
    generator = torch.Generator().manual_seed(7)
    rows = torch.randn(N + 1, D, generator=generator, dtype=torch.float64)
    rows = torch.nn.functional.normalize(rows, dim=-1)
    return rows[0], rows[1:]


def by_hand(
    score: np.ndarray,
    sequence: tuple[int, ...],
    groups: list[int],
    cosines: np.ndarray | None = None,
    penalty: float = 0.0,
) -> float:
    """Probability of a sequence: softmax over what is left, draw by draw, in plain Python."""
    left = set(range(len(score)))
    probability = 1.0
    for place, index in enumerate(sequence):
        if index not in left:
            return 0.0
        values = {}
        for other in left:
            nearest = max([0.0, *(float(cosines[other, past]) for past in sequence[:place])]) if penalty else 0.0
            values[other] = math.exp(score[other] - penalty * nearest)
        probability *= values[index] / sum(values.values())
        left -= {other for other in left if groups[other] == groups[index]}
    return probability


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_log_prob_equals_enumeration_and_all_sequences_sum_to_one(
    vectors: tuple[torch.Tensor, torch.Tensor], groups: torch.Tensor | None
) -> None:
    score = policy.scores(*vectors, PolicyConfig(temperature=0.5))
    usable = torch.ones(N, dtype=torch.bool)
    names = list(range(N)) if groups is None else groups.tolist()
    total = 0.0
    for sequence in itertools.permutations(range(N), K):
        expected = by_hand(score.numpy(), sequence, names)
        if expected == 0.0:  # holds two of one group
            continue
        got = policy.log_prob(score, torch.tensor(sequence), usable, groups)
        assert float(got.sum()) == pytest.approx(math.log(expected), abs=1e-12)
        total += float(got.sum().exp())
    assert total == pytest.approx(1.0, abs=1e-12)


def test_score_is_the_cosine_over_the_temperature() -> None:
    query, candidates = torch.tensor([0.6, 0.8]), torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    # cosines 0.6, 0.8 and 1, over 0.05
    assert policy.scores(query, candidates, PolicyConfig(0.05)).tolist() == pytest.approx([12, 16, 20])


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_greedy_takes_the_best_left_at_every_draw(
    vectors: tuple[torch.Tensor, torch.Tensor], groups: torch.Tensor | None
) -> None:
    config = PolicyConfig(temperature=0.3)
    score = policy.scores(*vectors, config)
    names = list(range(N)) if groups is None else groups.tolist()
    usable = torch.ones(N, dtype=torch.bool)
    best: list[int] = []
    for _ in range(K):
        free = [i for i in range(N) if names[i] not in {names[j] for j in best}]
        best.append(max(free, key=lambda i: float(score[i])))
    draw = policy.draw(*vectors, usable, K, config, groups)
    assert draw.chosen.tolist() == best
    assert draw.scores.tolist() == score[best].tolist()
    assert float(draw.log_prob) == pytest.approx(math.log(by_hand(score.numpy(), tuple(best), names)), abs=1e-12)


def test_without_groups_greedy_is_the_most_probable_sequence(vectors: tuple[torch.Tensor, torch.Tensor]) -> None:
    config = PolicyConfig(temperature=0.3)
    score = policy.scores(*vectors, config).numpy()
    likeliest = max(itertools.permutations(range(N), K), key=lambda s: by_hand(score, s, list(range(N))))
    assert tuple(policy.draw(*vectors, torch.ones(N, dtype=torch.bool), K, config).chosen.tolist()) == likeliest


@pytest.mark.parametrize("redundancy", [0.0, 0.4])
@pytest.mark.parametrize("groups", [None, GROUPS])
def test_drawn_frequencies_match_enumeration(
    vectors: tuple[torch.Tensor, torch.Tensor], groups: torch.Tensor | None, redundancy: float
) -> None:
    """Chi-square over all ordered pairs; seeded, so it either always passes or shows a wrong distribution."""
    config = PolicyConfig(temperature=0.7, redundancy=redundancy)
    query, candidates = vectors
    score, cosines = policy.scores(query, candidates, config).numpy(), (candidates @ candidates.T).numpy()
    names = list(range(N)) if groups is None else groups.tolist()
    usable = torch.ones(N, dtype=torch.bool)
    pairs = list(itertools.permutations(range(N), 2))
    expected = np.array([by_hand(score, pair, names, cosines, redundancy / config.temperature) for pair in pairs])
    assert expected.sum() == pytest.approx(1.0)
    generator = torch.Generator().manual_seed(11)
    draws = 3000
    counts = dict.fromkeys(pairs, 0)
    for _ in range(draws):
        chosen = policy.draw(query, candidates, usable, 2, config, groups, generator).chosen.tolist()
        counts[chosen[0], chosen[1]] += 1
    possible = expected > 0
    seen = np.array(list(counts.values()))
    assert seen[~possible].sum() == 0
    assert stats.chisquare(seen[possible], draws * expected[possible]).pvalue > 0.01


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_with_redundancy_the_log_prob_is_that_of_the_sequence(
    vectors: tuple[torch.Tensor, torch.Tensor], groups: torch.Tensor | None
) -> None:
    config = PolicyConfig(temperature=0.5, redundancy=0.6)
    query, candidates = vectors
    names = list(range(N)) if groups is None else groups.tolist()
    score, cosines = policy.scores(query, candidates, config).numpy(), (candidates @ candidates.T).numpy()
    generator = torch.Generator().manual_seed(2)
    for _ in range(10):
        draw = policy.draw(query, candidates, torch.ones(N, dtype=torch.bool), K, config, groups, generator)
        expected = by_hand(score, tuple(draw.chosen.tolist()), names, cosines, 0.6 / 0.5)
        assert float(draw.log_prob) == pytest.approx(math.log(expected), abs=1e-12)


def test_redundancy_turns_away_from_a_near_copy() -> None:
    # Cosines to the query: 1, 0.999 (a near copy of the first) and 0.8, which are also those to the first.
    angles = torch.tensor([0.0, 0.0447, -0.6435], dtype=torch.float64)
    candidates = torch.stack([angles.cos(), angles.sin()], dim=1)
    query, usable = candidates[0], torch.ones(3, dtype=torch.bool)
    assert policy.draw(query, candidates, usable, 2, PolicyConfig(1.0)).chosen.tolist() == [0, 1]
    # The copy keeps 0.999 - 1.1 * 0.999 = -0.0999, the third 0.8 - 1.1 * 0.8 = -0.08.
    assert policy.draw(query, candidates, usable, 2, PolicyConfig(1.0, 1.1)).chosen.tolist() == [0, 2]


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_gradient_of_log_prob_equals_finite_differences(
    vectors: tuple[torch.Tensor, torch.Tensor], groups: torch.Tensor | None
) -> None:
    score = policy.scores(*vectors, PolicyConfig(0.5)).requires_grad_()
    usable = torch.tensor([True, True, True, True, False])
    chosen = torch.tensor([3, 0])
    policy.log_prob(score, chosen, usable, groups).sum().backward()
    step = 1e-6
    for place in range(N):
        moved = torch.zeros(N, dtype=torch.float64)
        moved[place] = step
        with torch.no_grad():
            up = policy.log_prob(score + moved, chosen, usable, groups).sum()
            down = policy.log_prob(score - moved, chosen, usable, groups).sum()
        assert float(score.grad[place]) == pytest.approx(float(up - down) / (2 * step), abs=1e-8)


def test_entropy_of_a_uniform_and_of_a_known_policy() -> None:
    usable = torch.tensor([True, True, True, True, False])
    assert float(policy.entropy(torch.zeros(5), usable)) == pytest.approx(math.log(4))
    # Probabilities 3/4 and 1/4: entropy = log 4 - 3/4 log 3 = 0.562335 nats.
    two = torch.tensor([math.log(3.0), 0.0], dtype=torch.float64)
    assert float(policy.entropy(two, torch.tensor([True, True]))) == pytest.approx(math.log(4) - 0.75 * math.log(3))


@given(
    st.lists(st.floats(-30, 30), min_size=2, max_size=8),
    st.integers(0, 255),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.5]),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_masked_candidates_are_never_drawn_and_entropy_stays_in_range(
    raw: list[float], bits: int, seed: int, redundancy: float, sample: bool
) -> None:
    candidates = torch.tensor(raw, dtype=torch.float64)[:, None] / 30
    usable = torch.tensor([bool(bits >> i & 1) for i in range(len(raw))])
    count = int(usable.sum())
    if count == 0:
        return
    generator = torch.Generator().manual_seed(seed) if sample else None
    config = PolicyConfig(1 / 30, redundancy)
    draw = policy.draw(torch.ones(1, dtype=torch.float64), candidates, usable, count, config, None, generator)
    assert sorted(draw.chosen.tolist()) == usable.nonzero()[:, 0].tolist()  # all usable, each once, no other
    assert bool((draw.log_probs <= 1e-12).all())
    assert -1e-9 <= float(policy.entropy(candidates[:, 0] * 30, usable)) <= math.log(count) + 1e-9


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_top_equals_sorting_and_skipping_seen_groups(groups: list[int], seed: int) -> None:
    keys = torch.rand(len(groups), generator=torch.Generator().manual_seed(seed))
    keys[0] = -torch.inf  # masked
    brute: list[int] = []
    for index in sorted(range(len(groups)), key=lambda i: -float(keys[i])):
        if keys[index] > -torch.inf and groups[index] not in {groups[i] for i in brute}:
            brute.append(index)
    for count in range(1, len(brute) + 1):
        assert policy.top(keys, count, torch.tensor(groups)).tolist() == brute[:count]


def test_gumbel_noise_is_standard() -> None:
    """Mean 0.5772 (Euler's constant), variance pi^2 / 6. A minus sign in the wrong place once made it all NaN."""
    noise = policy.gumbel(torch.Size([20_000]), torch.Generator().manual_seed(0))
    # Standard error of the mean: 1.28 / sqrt(20000) = 0.009; of the variance, with kurtosis 5.4, 0.024.
    assert float(noise.mean()) == pytest.approx(0.5772, abs=0.03)
    assert float(noise.var()) == pytest.approx(math.pi**2 / 6, abs=0.08)


@pytest.mark.parametrize(("temperature", "redundancy"), [(0.0, 0.0), (-1.0, 0.0), (math.nan, 0.0), (1.0, -0.1)])
def test_impossible_policy_settings_are_refused(temperature: float, redundancy: float) -> None:
    with pytest.raises(InvalidConfig, match=r"must be (above 0|0 or more)"):
        PolicyConfig(temperature, redundancy)


def test_the_term_per_candidate_enters_the_choice_and_its_exact_log_probability(
    vectors: tuple[torch.Tensor, torch.Tensor],
) -> None:
    query, candidates = vectors
    bias = torch.tensor([0.0, 50.0, 0.0, 0.0, -50.0], dtype=torch.float64)
    usable = torch.ones(N, dtype=torch.bool)
    config = PolicyConfig(0.5)
    draw = policy.draw(query, candidates, usable, 2, config, GROUPS, bias=bias)
    assert int(draw.chosen[0]) == 1
    score = candidates @ query / 0.5 + bias
    torch.testing.assert_close(draw.log_probs, policy.log_prob(score, draw.chosen, usable, GROUPS))
    torch.testing.assert_close(draw.first_scores, score)
    crowded = policy.draw(query, candidates, usable, 2, PolicyConfig(0.5, 0.3), GROUPS, bias=bias)
    assert int(crowded.chosen[0]) == 1


def test_two_passes_with_a_term_per_candidate_choose_what_one_pass_does() -> None:
    generator = torch.Generator().manual_seed(1)
    rows = torch.nn.functional.normalize(torch.randn(3001, 16, generator=generator), dim=-1)
    query, candidates = rows[0], rows[1:]
    bias = torch.randn(3000, generator=generator)
    usable = torch.ones(3000, dtype=torch.bool)
    one = policy.draw(query, candidates, usable, 8, PolicyConfig(0.1), bias=bias)
    two = policy.draw(query, candidates, usable, 8, PolicyConfig(0.1), halves=candidates.half(), bias=bias)
    assert one.chosen.tolist() == two.chosen.tolist()
