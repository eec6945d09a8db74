"""Rewards from scores: worked examples, and that no candidate confirms itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidConfig
from core.training.bank.targets import leave_one_out_targets, own_labels, self_supervised, supervised


def logs(*rows: list[float]) -> np.ndarray:
    """Log-probabilities of rows that sum to 1."""
    return np.log(np.array(rows))


def test_supervised_rewards_are_log_probabilities_of_the_gold_label_less_their_mean() -> None:
    scores = logs([0.8, 0.2], [0.2, 0.8])[None]  # one query, two candidates
    targets = supervised(scores, np.array([0]))
    half = (np.log(0.8) - np.log(0.2)) / 2  # log .8 lies this far above the mean of log .8 and log .2
    np.testing.assert_allclose(targets.rewards, [[half, -half]])
    np.testing.assert_allclose(targets.weights, [1.0])


def test_a_target_is_the_mean_of_the_others_zero_shot_and_the_second_language() -> None:
    scores = logs([0.9, 0.1], [0.5, 0.5], [0.3, 0.7])[None]
    zero, second = logs([0.6, 0.4]), logs([0.2, 0.8])
    targets = leave_one_out_targets(scores, zero, second)
    # of candidate 0: (.5 + .3 + .6 + .2) / 4; of 1: (.9 + .3 + .6 + .2) / 4; of 2: (.9 + .5 + .6 + .2) / 4
    np.testing.assert_allclose(targets[0, :, 0], [0.4, 0.5, 0.55])


def test_a_query_weighs_as_much_as_its_least_sure_target() -> None:
    scores = logs([0.9, 0.1], [0.5, 0.5], [0.3, 0.7])[None]
    targets = self_supervised(scores, logs([0.6, 0.4]), logs([0.2, 0.8]))
    # targets as above: margins |.4 - .6| = .2, 0 and .1
    np.testing.assert_allclose(targets.weights, [0.0], atol=1e-12)
    assert targets.rewards.sum() == pytest.approx(0)


def test_under_an_unsure_target_hesitation_earns_nothing() -> None:
    """Cross-entropy to (.5, .5) would prefer (.7, .3) to (.8, .2); agreement with it is the same for both."""
    even = np.log(np.full((1, 2), 0.5))
    scores = logs([0.8, 0.2], [0.7, 0.3], [0.2, 0.8], [0.3, 0.7])[None]
    targets = leave_one_out_targets(scores, even)
    # candidate 0: others .7 + .2 + .3 + .5 = 1.7 of 4; the prize is log(.425 * .8 + .575 * .2) = log .455
    rewards = self_supervised(scores, even).rewards[0]
    expected = np.log(
        [0.425 * 0.8 + 0.575 * 0.2, 0.45 * 0.7 + 0.55 * 0.3, 0.425 * 0.8 + 0.575 * 0.2, 0.45 * 0.7 + 0.55 * 0.3]
    )
    np.testing.assert_allclose(targets[0, :, 0], [0.425, 0.45, 0.575, 0.55])
    np.testing.assert_allclose(rewards, expected - expected.mean())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 4))
def test_no_candidate_confirms_itself(seed: int, candidates: int, labels: int) -> None:
    """Whatever candidate m says, its own target stays as it is; so its reward is linear in its own scores."""
    rng = np.random.default_rng(seed)
    scores = np.log(rng.dirichlet(np.ones(labels), (3, candidates)))
    zero = np.log(rng.dirichlet(np.ones(labels), 3))
    before = leave_one_out_targets(scores, zero)
    changed = scores.copy()
    m = int(rng.integers(candidates))
    changed[:, m] = np.log(rng.dirichlet(np.ones(labels), 3))
    after = leave_one_out_targets(changed, zero)
    np.testing.assert_allclose(after[:, m], before[:, m], atol=1e-12)
    others = [i for i in range(candidates) if i != m]
    assert not np.allclose(after[:, others], before[:, others])
    np.testing.assert_allclose(before.sum(-1), 1.0)


def test_a_lone_confident_candidate_against_all_others_is_not_rewarded() -> None:
    """With itself among the judges its own certainty would carry it; the others must decide."""
    scores = logs([0.98, 0.02], [0.2, 0.8], [0.2, 0.8])[None]
    targets = self_supervised(scores, logs([0.3, 0.7]))
    assert targets.rewards[0].argmin() == 0


def test_one_candidate_has_nobody_to_agree_with() -> None:
    with pytest.raises(InvalidConfig, match="1 candidate"):
        leave_one_out_targets(np.zeros((1, 1, 2)), np.zeros((1, 2)))


def test_the_pools_own_labels_need_no_gold() -> None:
    zero, second = logs([0.6, 0.4], [0.4, 0.6]), logs([0.1, 0.9], [0.5, 0.5])
    assert own_labels(zero).tolist() == [0, 1]
    assert own_labels(zero, second).tolist() == [1, 1]  # .7 against 1.3, .9 against 1.1
