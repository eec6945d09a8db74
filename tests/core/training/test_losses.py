"""The losses against examples worked out by hand, and their gradients against formulas."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from core.errors import InvalidConfig
from core.training.losses import (
    alignment_loss,
    clipped_writing_loss,
    coherence_loss,
    kl_rows,
    leave_one_out,
    policy_gradient_loss,
    variance_floor,
)


def logs(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64).log()


def test_leave_one_out_of_two_is_the_difference() -> None:
    assert leave_one_out(torch.tensor([[3.0, 1.0]])).tolist() == [[2.0, -2.0]]


def test_leave_one_out_of_three_subtracts_the_mean_of_the_other_two() -> None:
    # 1 - (2 + 6) / 2, 2 - (1 + 6) / 2, 6 - (1 + 2) / 2; the second query's rewards are equal and teach nothing.
    found = leave_one_out(torch.tensor([[1.0, 2.0, 6.0], [0.3, 0.3, 0.3]], dtype=torch.float64))
    assert found.tolist() == [pytest.approx([-3.0, -1.5, 4.5]), pytest.approx([0.0, 0.0, 0.0])]


def test_leave_one_out_of_one_context_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"1 context; leave-one-out needs 2 or more, set policy\.contexts"):
        leave_one_out(torch.zeros(4, 1))


def test_policy_gradient_loss_has_the_gradient_of_reinforce() -> None:
    """Draws from a softmax: the gradient of log p(c) is one-hot(c) - p, so that of the loss is -mean A (one-hot(c) - p)."""
    logits = torch.tensor([0.5, -1.0, 0.2], dtype=torch.float64, requires_grad=True)
    drawn, advantages = torch.tensor([[0, 2], [1, 0]]), torch.tensor([[2.0, -1.0], [0.5, 3.0]], dtype=torch.float64)
    loss = policy_gradient_loss(logits.log_softmax(0)[drawn], advantages)
    loss.backward()
    p = np.exp([0.5, -1.0, 0.2]) / np.exp([0.5, -1.0, 0.2]).sum()
    entries = [(2.0, 0), (-1.0, 2), (0.5, 1), (3.0, 0)]
    assert float(loss.detach()) == pytest.approx(-sum(gain * math.log(p[c]) for gain, c in entries) / 4)
    assert logits.grad.tolist() == pytest.approx((-sum(gain * (np.eye(3)[c] - p) for gain, c in entries) / 4).tolist())


def test_no_gradient_flows_through_an_advantage() -> None:
    advantages = torch.ones(1, 2, requires_grad=True)
    log_pi = torch.tensor([[-1.0, -2.0]], requires_grad=True)
    (policy_gradient_loss(log_pi, advantages) + clipped_writing_loss(log_pi[0], log_pi[0], advantages[0], 2)).backward()
    assert advantages.grad is None
    # -1/2 from the first; the second has ratio 1, whose gradient with respect to the newer log-probability alone is -1/2.
    assert log_pi.grad.tolist() == [[-1.0, -1.0]]


def test_kl_is_that_of_the_first_from_the_second() -> None:
    p, q = logs([0.5, 0.5]), logs([0.25, 0.75])
    # 1/2 log(2) + 1/2 log(2/3) = 1/2 log(4/3); the other direction is 1/4 log(1/2) + 3/4 log(3/2) = 0.1308.
    assert kl_rows(p, q).tolist() == pytest.approx([0.5 * math.log(4 / 3)])
    assert kl_rows(q, p).tolist() == pytest.approx([0.25 * math.log(0.5) + 0.75 * math.log(1.5)])


def test_kl_rows_equal_scipy() -> None:
    generator = np.random.default_rng(3)
    p, q = generator.dirichlet(np.ones(6), (4, 5)), generator.dirichlet(np.ones(6), (4, 5))
    found = kl_rows(torch.from_numpy(p).log(), torch.from_numpy(q).log())
    assert found.numpy() == pytest.approx(stats.entropy(p, q, axis=-1))


def test_masked_entries_of_minus_infinity_change_neither_kl_nor_gradient() -> None:
    """A masked candidate has log-probability -inf in both rows; 0 times infinity once made the whole gradient NaN."""
    counts = torch.tensor([[True, True, False, True]])
    now = torch.tensor([[1.0, -0.5, 9.0, 0.3]], dtype=torch.float64, requires_grad=True)
    before = torch.tensor([[0.0, 0.4, -9.0, 1.0]], dtype=torch.float64, requires_grad=True)
    hidden = [part.masked_fill(~counts, -torch.inf).log_softmax(-1) for part in (now, before)]
    masked = kl_rows(hidden[0], hidden[1], counts).sum()
    plain = kl_rows(now[:, counts[0]].log_softmax(-1), before[:, counts[0]].log_softmax(-1)).sum()
    assert float(masked.detach()) == pytest.approx(float(plain.detach()))
    for seen, expected in zip(
        torch.autograd.grad(masked, (now, before)), torch.autograd.grad(plain, (now, before)), strict=True
    ):
        assert seen.tolist()[0] == pytest.approx(expected.tolist()[0], abs=1e-12)
        assert seen[0, 2] == 0.0


def test_alignment_is_the_mean_kl_over_contexts_and_the_gate_leaves_zeros_in_the_mean() -> None:
    without = logs([0.25, 0.75])
    with_context = logs([0.5, 0.5], [0.75, 0.25])[None]
    # KL = 1/2 log(4/3) and 3/4 log 3 - 1/4 log 3 = 1/2 log 3; they add up to log 2.
    both = alignment_loss(with_context, without, torch.tensor([[True, True]]))
    first = alignment_loss(with_context, without, torch.tensor([[True, False]]))
    assert float(both) == pytest.approx(math.log(2) / 2)
    assert float(first) == pytest.approx(0.5 * math.log(4 / 3) / 2)
    assert float(alignment_loss(with_context, without, torch.tensor([[False, False]]))) == 0.0


def test_alignment_gradient_of_a_fixed_teacher_is_student_minus_teacher() -> None:
    """That of cross-entropy: softmax(student) - p, and nothing for a query whose contexts did not help."""
    student = torch.tensor([[0.2, -0.4], [1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    teacher = logs([0.9, 0.1], [0.3, 0.7])[:, None]
    alignment_loss(teacher, student.log_softmax(-1), torch.tensor([[True], [False]])).backward()
    expected = (student.detach()[0].softmax(0) - teacher[0, 0].exp()) / 2
    assert student.grad.tolist() == [pytest.approx(expected.tolist()), [0.0, 0.0]]


def test_coherence_is_the_mean_squared_distance() -> None:
    queries, answers = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert float(coherence_loss(queries, answers)) == 1.0  # (2 + 0) / 2
    assert float(coherence_loss(queries, -queries)) == 4.0


@pytest.mark.parametrize(("floor", "missing"), [(1.5, 0.5), (1.0, 0.0), (0.4, 0.0)])
def test_floor_asks_for_the_missing_deviation(floor: float, missing: float) -> None:
    # Scaled by sqrt(2) both columns are {sqrt 2, 0}: variance 2 (1/sqrt 2)^2 / (2 - 1) = 1.
    assert float(variance_floor(torch.eye(2), floor)) == pytest.approx(missing, abs=1e-5)


def test_floor_of_a_constant_is_nearly_all_of_it() -> None:
    assert float(variance_floor(torch.ones(5, 4) / 2, 0.5)) == pytest.approx(0.5 - 1e-3, abs=1e-6)  # sqrt(1e-6)


def test_evenly_spread_unit_vectors_deviate_by_one() -> None:
    raw = torch.randn(20_000, 8, generator=torch.Generator().manual_seed(0))
    vectors = torch.nn.functional.normalize(raw, dim=-1)
    assert float(variance_floor(vectors, 2.0)) == pytest.approx(1.0, abs=0.01)


def test_no_floor_and_a_single_vector_ask_for_nothing() -> None:
    assert float(variance_floor(torch.ones(5, 4), 0.0)) == 0.0
    assert float(variance_floor(torch.ones(1, 4), 0.5)) == 0.0


@pytest.mark.parametrize(
    ("ratio", "advantage", "gain", "slope"),
    [
        (1.5, 2.0, 2.4, 0.0),  # min(3, 1.2 * 2): likelier and good, no further
        (0.5, 2.0, 1.0, 1.0),  # min(1, 0.8 * 2): rarer and good, free to come back: slope = ratio * advantage
        (1.5, -2.0, -3.0, -3.0),  # min(-3, -2.4): likelier and bad, free to go
        (0.5, -2.0, -1.6, 0.0),  # min(-1, -1.6): rarer and bad, no further
        (1.1, 2.0, 2.2, 2.2),  # within the clip
    ],
)
def test_writing_loss_is_clipped_on_the_side_that_went_too_far(
    ratio: float, advantage: float, gain: float, slope: float
) -> None:
    now = torch.tensor([-1.0 + math.log(ratio)], dtype=torch.float64, requires_grad=True)
    then = torch.tensor([-1.0], dtype=torch.float64)
    loss = clipped_writing_loss(now, then, torch.tensor([advantage], dtype=torch.float64), contexts=4)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(-gain / 4)
    assert now.grad.tolist() == pytest.approx([-slope / 4])


def test_writing_loss_counts_every_showing_over_all_contexts() -> None:
    now = torch.zeros(3, requires_grad=True)
    loss = clipped_writing_loss(now, torch.zeros(3), torch.tensor([1.0, 1.0, -0.5]), contexts=8)
    assert float(loss.detach()) == pytest.approx(-1.5 / 8)
    assert float(clipped_writing_loss(torch.zeros(0), torch.zeros(0), torch.zeros(0), contexts=8)) == 0.0
