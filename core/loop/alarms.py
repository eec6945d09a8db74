"""Alarms of a run: what goes wrong silently in such loops, told in sentences as soon as the log shows it."""

from collections.abc import Sequence
from typing import Any

RECENT = 5  # iterations that are looked at together
MOST_ZERO_SPREAD = 0.5
LEAST_POLICY_ENTROPY = 0.1  # nats
LEAST_ANSWER_ENTROPY = 0.05  # nats
MOST_COPIES = 0.5
MOST_REFERENCE = 3.0  # nats
MOST_LOSS = 0.02  # accuracy on development items
LEAST_READING = 0.02  # accuracy that random labels must cost


def alarms(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences about the last iterations of a log; empty when all is well."""
    recent = lines[-RECENT:]
    found = []
    if (share := _mean(recent, "zero_spread")) is not None and share > MOST_ZERO_SPREAD:
        found.append(
            f"{share:.0%} of the groups have no spread in their reward and teach nothing; raise policy.contexts or reward.blend."
        )
    if (nats := _mean(recent, "policy_entropy")) is not None and nats < LEAST_POLICY_ENTROPY:
        found.append(
            f"The policy hardly draws any more (entropy {nats:.2f} nats); raise losses.reference or lower optim.policy_rate."
        )
    if (nats := _mean(recent, "answer_entropy")) is not None and nats < LEAST_ANSWER_ENTROPY:
        found.append(
            f"Answers without demonstrations have collapsed to one label each (entropy {nats:.2f} nats); lower losses.align."
        )
    with_context, without = _mean(recent, "right"), _mean(recent, "right_without")
    if with_context is not None and without is not None and with_context < without:
        found.append(f"Demonstrations hurt: {with_context:.0%} right with them, {without:.0%} without.")
    if (share := _mean(recent, "copy_rate")) is not None and share > MOST_COPIES:
        found.append(f"{share:.0%} of the written demonstrations are copies; raise writing.temperature.")
    if (nats := _mean(recent, "loss_reference")) is not None and nats > MOST_REFERENCE:
        found.append(f"The model is {nats:.1f} nats away from where it began; raise losses.reference.")
    measured = [line["development"] for line in lines if line.get("development")]
    if len(measured) > 1 and measured[-1]["agl"] < measured[0]["agl"] - MOST_LOSS:
        fall = f"{measured[0]['agl']:.1%} to {measured[-1]['agl']:.1%}"
        found.append(
            f"The choice got worse on development items ({fall}); lower optim.policy_rate and optim.learning_rate."
        )
    if len(measured) > 1 and measured[-1]["agl"] - measured[-1]["random labels"] < LEAST_READING:
        cost = measured[-1]["agl"] - measured[-1]["random labels"]
        found.append(
            f"Random labels in the context cost {cost:+.1%} of accuracy: the model does not read its demonstrations."
        )
    return found


def _mean(lines: Sequence[dict[str, Any]], key: str) -> float | None:
    """Mean of a key over the lines that have it; None when fewer than ``RECENT`` do."""
    values = [line[key] for line in lines if line.get(key) is not None]
    return sum(values) / len(values) if len(values) >= RECENT else None
