"""Each alarm rings for its own fault alone, and none for a run that goes well."""

from typing import Any

import pytest

from core.training.run_log import RECENT, alarms

WELL: dict[str, Any] = {
    "zero_spread": 0.2,
    "policy_entropy": 2.0,
    "answer_entropy": 1.0,
    "right": 0.7,
    "right_without": 0.5,
    "copy_rate": 0.1,
    "loss_reference": 0.4,
}
START = {"iteration": 0, "development": {"agl": 0.6, "random labels": 0.5}}


def log(**changes: Any) -> list[dict[str, Any]]:
    """The measurement before training, then iterations that go well but for ``changes``."""
    return [START, *({"iteration": step, **WELL, **changes} for step in range(1, RECENT + 1))]


def test_a_run_that_goes_well_is_quiet() -> None:
    assert alarms(log()) == []
    assert alarms([]) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"zero_spread": 0.6}, "60% of the groups have no spread in their reward and teach nothing"),
        ({"policy_entropy": 0.05}, "The policy hardly draws any more (entropy 0.05 nats)"),
        (
            {"answer_entropy": 0.01},
            "Answers without demonstrations have collapsed to one label each (entropy 0.01 nats)",
        ),
        ({"right": 0.4}, "Demonstrations hurt: 40% right with them, 50% without."),
        ({"copy_rate": 0.75}, "75% of the written demonstrations are copies"),
        ({"loss_reference": 3.5}, "The model is 3.5 nats away from where it began"),
        (
            {"development": {"agl": 0.57, "random labels": 0.4}},
            "The choice got worse on development items (60.0% to 57.0%);",
        ),
        (
            {"development": {"agl": 0.61, "random labels": 0.6}},
            "Random labels in the context cost +1.0% of accuracy: the model does not read",
        ),
    ],
)
def test_each_fault_rings_its_own_alarm(changes: dict[str, Any], sentence: str) -> None:
    found = alarms(log(**changes))
    assert len(found) == 1
    assert found[0].startswith(sentence)
    assert found[0].endswith(".")


@pytest.mark.parametrize("changes", [{"zero_spread": 0.9}, {"right": 0.1}, {"copy_rate": 0.9}])
def test_too_few_iterations_ring_no_alarm(changes: dict[str, Any]) -> None:
    assert alarms(log(**changes)[:RECENT]) == []  # the measurement and one iteration too few
    assert len(alarms(log(**changes)[1:])) == 1


def test_only_the_last_iterations_count() -> None:
    bad = {"iteration": 1, **WELL, "copy_rate": 1.0}
    assert alarms([START, *[bad] * 20, *log()[1:]]) == []
    # Four of the last five: mean (4 * 1 + 0.1) / 5 = 0.82.
    assert "82%" in alarms([START, *log()[1:], *[bad] * 4])[0]


def test_the_last_measurement_counts_not_an_earlier_one() -> None:
    unread = {"agl": 0.6, "random labels": 0.62}
    lines = log()
    lines[2] = {**lines[2], "development": unread}
    assert alarms(lines)[0].startswith("Random labels in the context cost -2.0%")
    lines[4] = {**lines[4], "development": {"agl": 0.6, "random labels": 0.4}}
    assert alarms(lines) == []


def test_keys_without_a_value_ring_no_alarm() -> None:
    assert alarms(log(copy_rate=None, policy_entropy=None, right=None)) == []
