"""Earlier states of a module: put in place, taken out, and followed."""

import pytest
import torch
from torch import nn

from core.training.encoder import Snapshot


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def moved(module: nn.Module) -> None:
    """One step of learning, done by an optimiser as in a run."""
    optimiser = torch.optim.SGD(module.parameters(), lr=0.5)
    module(torch.ones(1, 3, dtype=torch.float64)).pow(2).sum().backward()
    optimiser.step()
    optimiser.zero_grad()


def test_a_block_has_the_state_and_what_follows_has_the_live_weights_again() -> None:
    net, x = network(), torch.ones(1, 3, dtype=torch.float64)
    first, snapshot, objects = net(x).detach(), Snapshot(net), list(net.parameters())
    moved(net)
    later = net(x).detach()
    assert not torch.allclose(first, later)
    with snapshot.applied():
        assert torch.equal(net(x), first)
    assert torch.equal(net(x), later)
    assert all(seen is known for seen, known in zip(net.parameters(), objects, strict=True))  # the optimiser's own


def test_live_weights_come_back_after_an_error() -> None:
    net = network()
    snapshot = Snapshot(net)
    moved(net)
    live = [p.detach().clone() for p in net.parameters()]
    with pytest.raises(RuntimeError, match="inside"), snapshot.applied():
        raise RuntimeError("inside")
    assert all(torch.equal(p, kept) for p, kept in zip(net.parameters(), live, strict=True))


def test_learning_does_not_change_a_state_that_was_in_place() -> None:
    net, x = network(), torch.ones(1, 3, dtype=torch.float64)
    first, snapshot = net(x).detach(), Snapshot(net)
    with snapshot.applied():
        pass
    moved(net)
    moved(net)
    with snapshot.applied():
        assert torch.equal(net(x), first)


def test_the_mean_follows_by_its_decay() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    mean = Snapshot(layer)
    nn.init.constant_(layer.weight, 3.0)
    mean.follow(0.75)
    assert mean.values["weight"].item() == pytest.approx(1.5)  # 0.75 * 1 + 0.25 * 3
    mean.follow(0.75)
    assert mean.values["weight"].item() == pytest.approx(1.875)  # 0.75 * 1.5 + 0.25 * 3
    mean.follow(0.0)
    assert mean.values["weight"].item() == 3.0
    assert layer.weight.item() == 3.0


def test_only_what_learns_is_kept() -> None:
    net = network()
    net[0].requires_grad_(False)
    assert sorted(Snapshot(net).values) == ["2.bias", "2.weight"]


def test_a_graph_from_before_a_block_has_the_right_gradient_after_it() -> None:
    """The gradient of the first layer goes through the second layer's weights: those of the state would be wrong."""
    net, x = network(), torch.tensor([[0.2, -1.0, 0.5]], dtype=torch.float64)
    snapshot = Snapshot(net)
    moved(net)
    expected = torch.autograd.grad(net(x).pow(2).sum(), list(net.parameters()))
    loss = net(x).pow(2).sum()
    with snapshot.applied(), torch.no_grad():
        net(x)
    seen = torch.autograd.grad(loss, list(net.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(seen, expected, strict=True))
    with snapshot.applied():
        wrong = torch.autograd.grad(net(x).pow(2).sum(), list(net.parameters()))
    assert not torch.allclose(wrong[0], expected[0])  # so the comparison above could have failed
