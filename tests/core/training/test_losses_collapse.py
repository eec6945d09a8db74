"""Why one side of the alignment and coherence losses is held still: with a gradient on both they are met by saying nothing.

Shapes: B queries, L labels, H hidden size, D dimensions.
"""

import pytest
import torch

from core.training.losses import alignment_loss, coherence_loss, variance_floor

B, L = 64, 4


class Reader:
    """Answers from what it remembers of each query, plus what the context says, as much as it reads of it.

    The memory is wrong about every query, the context is right: with a reading of 3 the context wins.
    """

    def __init__(self) -> None:
        self.right = torch.arange(B) % L
        evidence = torch.nn.functional.one_hot(self.right, L).double()
        self.evidence = evidence
        self.memory = evidence.roll(1, dims=1).clone().requires_grad_()  # (B, L) logits
        self.reading = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)

    def with_context(self) -> torch.Tensor:
        return (self.memory + self.reading * self.evidence).log_softmax(-1)

    def without(self) -> torch.Tensor:
        return self.memory.log_softmax(-1)

    def accuracy(self, log_probs: torch.Tensor) -> float:
        return float((log_probs.argmax(-1) == self.right).double().mean())


def aligned(detached: bool) -> tuple[Reader, list[float]]:
    """A reader after gradient descent on the alignment loss alone, and the loss on the way."""
    reader, helped, losses = Reader(), torch.ones(B, 1, dtype=torch.bool), []
    optimiser = torch.optim.SGD([reader.memory, reader.reading], lr=1.0)
    for _ in range(1500):
        teacher = reader.with_context()
        loss = alignment_loss((teacher.detach() if detached else teacher)[:, None], reader.without(), helped)
        losses.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return reader, losses


def test_alignment_with_a_gradient_on_both_sides_stops_reading_the_context() -> None:
    reader, losses = aligned(detached=False)
    assert losses[0] > 0.9 > 0.001 > losses[-1]  # the loss alone would say that all went well
    assert abs(float(reader.reading.detach())) < 0.05  # with- and without-context logits differ by reading * evidence
    assert reader.accuracy(reader.with_context()) == 0.0  # from 1


def test_alignment_with_a_fixed_teacher_brings_the_student_up_to_it() -> None:
    reader, losses = aligned(detached=True)
    assert Reader().accuracy(Reader().without()) == 0.0
    assert losses[0] > 0.9 > 0.05 > losses[-1]
    assert float(reader.reading.detach()) == 3.0
    assert reader.accuracy(reader.with_context()) == 1.0
    assert reader.accuracy(reader.without()) == 1.0


def coherent(answers_learn: bool, floor: float) -> tuple[float, float]:
    """Mean deviation of the queries' unit vectors scaled by sqrt(D), before and after training a linear encoder."""
    generator = torch.Generator().manual_seed(5)
    common = 2 * torch.randn(8, generator=generator)  # states of a language model share a large mean
    queries, answers = (common + torch.randn(40, 8, generator=generator) for _ in range(2))
    weight = torch.eye(8).requires_grad_()
    optimiser = torch.optim.Adam([weight], lr=0.02)

    def encoded(raw: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(raw @ by.T, dim=-1)

    def deviation() -> float:
        return float((encoded(queries, weight.detach()) * 8**0.5).std(0).mean())

    before, start = deviation(), weight.detach().clone()
    for _ in range(600):
        vectors = encoded(queries, weight)
        target = encoded(answers, weight if answers_learn else start)
        optimiser.zero_grad()
        (coherence_loss(vectors, target) + variance_floor(vectors, floor)).backward()
        optimiser.step()
    return before, deviation()


def test_coherence_with_a_gradient_on_both_sides_collapses_to_a_constant() -> None:
    before, after = coherent(answers_learn=True, floor=0.0)
    assert before > 0.3
    assert after < 0.02


@pytest.mark.parametrize("answers_learn", [False, True])
def test_variance_floor_keeps_the_spread(answers_learn: bool) -> None:
    _, without = coherent(answers_learn, floor=0.0)
    _, after = coherent(answers_learn, floor=0.6)
    assert without < 0.3 < 0.5 < after


def test_coherence_with_frozen_answers_does_not_collapse_to_a_constant() -> None:
    _, frozen = coherent(answers_learn=False, floor=0.0)
    _, both = coherent(answers_learn=True, floor=0.0)
    assert frozen > 10 * both
