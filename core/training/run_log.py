"""The run log: one JSON line per iteration, every key declared in ``KEYS`` with its unit and meaning, and the alarms that it raises.

Nested keys stand for families: ``rejected`` holds a count per reason, ``seconds`` a time per phase, ``accuracy`` a share per language.
``alarms`` turns what goes wrong silently in such loops into sentences as soon as the log shows it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InvalidData
from core.training.config import FitConfig
from core.training.losses import LOSSES
from core.training.rewards import entropy_of
from core.training.rollouts import Batch, StepResult


def demonstration_advantages(batch: Batch, result: StepResult) -> list[tuple[str, float]]:
    """Ids of the demonstrations of every context with the context's advantage."""
    return [
        (batch.candidates[i].id, round(advantage, 6))
        for contexts, advantages in zip(
            result.rollouts.chosen.tolist(), result.rollouts.advantages.tolist(), strict=True
        )
        for context, advantage in zip(contexts, advantages, strict=True)
        for i in context
    ]


def measures_of(batch: Batch, result: StepResult, config: FitConfig) -> dict[str, float]:
    """Numbers of one batch, means over its queries."""
    rollouts, rewards = result.rollouts, result.rollouts.rewards
    own = rollouts.without[:, 0]  # in the query's own language
    contexts = [[batch.candidates[i] for i in context] for group in rollouts.chosen.tolist() for context in group]
    weights = config.reward
    raw = (weights.alpha * rewards.accuracy + weights.beta * rewards.diversity) / (weights.alpha + weights.beta)
    return {
        "reward": float(raw.mean()),
        "acc": float(rewards.accuracy.mean()),
        "div": float(rewards.diversity.mean()),
        "right": float((rollouts.log_probs.argmax(-1) == rollouts.targets[:, None, None]).float().mean()),
        "right_without": float((rollouts.without.argmax(-1) == rollouts.targets[:, None]).float().mean()),
        "agreed": float(rollouts.agreed.mean()),
        "label_entropy": _mean([entropy_of([e.label for e in context]) for context in contexts]),
        "language_entropy": _mean([entropy_of([e.language for e in context]) for context in contexts]),
        "policy_entropy": float(result.entropy.mean()),
        "answer_entropy": float(-(own.exp() * own).sum(-1).mean()),
        "zero_spread": float((rewards.total.std(1, unbiased=False) < 1e-6).float().mean()),
        **{f"loss_{name}": float(value.detach()) for name, value in result.losses.items()},
    }


def mean_measures(parts: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Means over batches and processes, six digits."""
    return {key: round(_mean([part[key] for part in parts]), 6) for key in parts[0]}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


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
    sentences = []
    if (share := _recent_mean(recent, "zero_spread")) is not None and share > MOST_ZERO_SPREAD:
        sentences.append(
            f"{share:.0%} of the groups have no spread in their reward and teach nothing; raise policy.contexts or reward.blend."
        )
    if (nats := _recent_mean(recent, "policy_entropy")) is not None and nats < LEAST_POLICY_ENTROPY:
        sentences.append(
            f"The policy hardly draws any more (entropy {nats:.2f} nats); raise losses.reference or lower optim.policy_rate."
        )
    if (nats := _recent_mean(recent, "answer_entropy")) is not None and nats < LEAST_ANSWER_ENTROPY:
        sentences.append(
            f"Answers without demonstrations have collapsed to one label each (entropy {nats:.2f} nats); lower losses.align."
        )
    with_context, without = _recent_mean(recent, "right"), _recent_mean(recent, "right_without")
    if with_context is not None and without is not None and with_context < without:
        sentences.append(f"Demonstrations hurt: {with_context:.0%} right with them, {without:.0%} without.")
    if (share := _recent_mean(recent, "copy_rate")) is not None and share > MOST_COPIES:
        sentences.append(f"{share:.0%} of the written demonstrations are copies; raise writing.temperature.")
    if (nats := _recent_mean(recent, "loss_reference")) is not None and nats > MOST_REFERENCE:
        sentences.append(f"The model is {nats:.1f} nats away from where it began; raise losses.reference.")
    measured = [line["development"] for line in lines if line.get("development")]
    if len(measured) > 1 and measured[-1]["agl"] < measured[0]["agl"] - MOST_LOSS:
        fall = f"{measured[0]['agl']:.1%} to {measured[-1]['agl']:.1%}"
        sentences.append(
            f"The choice got worse on development items ({fall}); lower optim.policy_rate and optim.learning_rate."
        )
    if len(measured) > 1 and measured[-1]["agl"] - measured[-1]["random labels"] < LEAST_READING:
        cost = measured[-1]["agl"] - measured[-1]["random labels"]
        sentences.append(
            f"Random labels in the context cost {cost:+.1%} of accuracy: the model does not read its demonstrations."
        )
    return sentences


def _recent_mean(lines: Sequence[dict[str, Any]], key: str) -> float | None:
    """Mean of a key over the lines that have it; None when fewer than ``RECENT`` do."""
    values = [line[key] for line in lines if line.get(key) is not None]
    return sum(values) / len(values) if len(values) >= RECENT else None


@dataclass(frozen=True)
class Key:
    """What a key of the log holds."""

    unit: str
    meaning: str
    better: str = ""  # "up" or "down" where there is a better


KEYS: dict[str, Key] = {
    "iteration": Key("count", "optimiser steps so far, this one included"),
    "reward": Key("[0, 1]", "mean over contexts of alpha Acc + beta Div over alpha + beta, before normalisation", "up"),
    "acc": Key("[0, 1]", "accuracy part of the reward: right answers, blended with their probability", "up"),
    "div": Key("[0, 1]", "diversity part: Vendi score of the demonstrations over K", "up"),
    "right": Key("share", "contexts whose likeliest label is the target", "up"),
    "right_without": Key("share", "queries whose likeliest label without demonstrations is the target", "up"),
    "agreed": Key("[0, 1]", "mean probability of the target over contexts and languages", "up"),
    "label_entropy": Key("nats", "entropy of the labels within a context, mean"),
    "language_entropy": Key("nats", "entropy of the languages within a context, mean"),
    **{f"loss_{name}": Key(*words) for name, words in LOSSES.items()},
    "policy_entropy": Key("nats", "of the policy's first draw"),
    "answer_entropy": Key("nats", "of p(y|x) without demonstrations"),
    "zero_spread": Key("share", "groups whose rewards are all equal and teach nothing", "down"),
    "temperature": Key("cosine", "the policy's temperature"),
    "gradient": Key("norm", "of the gradient before clipping"),
    "rate": Key("share", "of the learning rate in use"),
    "written": Key("count", "pairs written and kept"),
    "rejected": Key("count", "pairs written and rejected, by reason"),
    "copy_rate": Key("share", "written texts rejected as copies or duplicates", "down"),
    "pool_version": Key("count", "of the pool after this iteration"),
    "pool_size": Key("count", "examples in the pool"),
    "retired": Key("count", "pairs that left the pool"),
    "seconds": Key("s", "wall time by phase"),
    "development": Key("share", "accuracy on development items by system, with its mean over languages", "up"),
    "gain": Key(
        "share", "accuracy of the policy's choice above that before training, with interval, p and items", "up"
    ),
    "accuracy": Key("share", "accuracy of the policy's choice on development items, by language", "up"),
    "choices": Key("text", "the demonstrations that fixed queries are shown, best first"),
    "alarms": Key("text", "what is going wrong, as sentences"),
}


class RunLog:
    """Appends lines to a file, and takes back those that a resumed run will write again."""

    def __init__(self, path: Path) -> None:
        """``path`` need not exist."""
        self.path = path

    def append(self, line: dict[str, Any]) -> None:
        """Write one iteration. Raises ``InvalidData`` when the disk refuses; an undeclared key is our own mistake."""
        unknown = sorted(set(line) - set(KEYS))
        assert not unknown, f"undeclared keys of the run log: {unknown}"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InvalidData(
                f"The log {self.path} could not be written ({error.strerror}); free space and run the same command again: it goes on from "
                "the last checkpoint."
            ) from error

    def cut(self, iteration: int) -> None:
        """Keep the lines up to and with ``iteration``."""
        remaining = [line for line in self.lines() if line["iteration"] <= iteration]
        partial = self.path.with_suffix(".partial")
        partial.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in remaining), encoding="utf-8")
        partial.replace(self.path)

    def lines(self) -> Iterator[dict[str, Any]]:
        """All whole lines; a last line that was cut off by a kill is passed over.

        Raises ``InvalidData`` for a line in the middle that is not JSON.
        """
        if not self.path.is_file():
            return
        texts = self.path.read_bytes().split(b"\n")  # not text: a torn line may end within a letter
        for number, text in enumerate(texts, start=1):
            if not text:
                continue
            try:
                yield json.loads(text)
            except ValueError as error:  # not JSON, or not UTF-8
                if number == len(texts):  # no line break behind it
                    return
                raise InvalidData(
                    f"{self.path}, line {number} is not JSON ({error}); the log was edited or damaged."
                ) from error


def numbers(line: dict[str, Any]) -> dict[str, float]:
    """The numbers of a line, families as ``family/member``: what trackers take."""
    flat: dict[str, float] = {}
    for key, value in line.items():
        members = {f"{key}/{name}": part for name, part in value.items()} if isinstance(value, dict) else {key: value}
        flat |= {name: float(part) for name, part in members.items() if isinstance(part, int | float)}
    return flat
