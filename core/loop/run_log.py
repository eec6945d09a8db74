"""The run log: one JSON line per iteration, every key declared here with its unit and meaning.

Nested keys stand for families: ``rejected`` holds a count per reason, ``seconds`` a time per phase, ``accuracy`` a share per language.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InvalidData


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
    "loss_rl": Key("nats", "policy gradient loss; its size says little, its gradient matters"),
    "loss_align": Key("nats", "KL(p(y|x,C) || p(y|x)) where the context helped", "down"),
    "loss_coherence": Key("squared distance", "between the vectors of query and answer, in [0, 4]", "down"),
    "loss_floor": Key("deviation", "missing spread of the vectors", "down"),
    "loss_reference": Key("nats", "KL from the model before training", "down"),
    "loss_writing": Key("advantage", "clipped surrogate of the written demonstrations"),
    "loss_total": Key("nats", "weighted sum that is minimised"),
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
        kept = [line for line in self.lines() if line["iteration"] <= iteration]
        partial = self.path.with_suffix(".partial")
        partial.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept), encoding="utf-8")
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
