"""The pool while a run goes on: written pairs come in, bad pairs go out, every change has a version and a reason.

A pair is scored by the mean advantage of the contexts that showed it, so "bad" means worse than its rivals for the same queries.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.data.matching import normal_form
from core.data.pool import Pool
from core.records import Example
from core.training.config import UpkeepConfig
from core.training.rollouts import Written


@dataclass(frozen=True)
class Change:
    """One pair that came or went."""

    version: int  # of the pool that it made
    iteration: int
    action: str  # admitted or retired
    example: str  # id
    reason: str
    text: str = ""  # of a written pair


@dataclass
class Tally:
    """How often a pair was shown, and what came of it."""

    uses: int = 0
    advantage: float = 0.0  # sum

    @property
    def mean(self) -> float:
        """Mean advantage of the contexts that showed it."""
        return self.advantage / max(1, self.uses)


class LivingPool:
    """The examples in use, with their history."""

    def __init__(self, examples: Sequence[Example], config: UpkeepConfig) -> None:
        """``examples`` are the first pool, version 0."""
        self.config, self.first = config, tuple(examples)
        self.version = 0
        self.written: dict[str, Written] = {}
        self.retired: set[str] = set()
        self.tallies: dict[str, Tally] = {}
        self.changes: list[Change] = []
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The pool as it is now."""
        if self._pool is None:
            examples = [example for example in self.first if example.id not in self.retired]
            examples += [pair.example for pair in self.written.values()]
            self._pool = Pool(tuple(examples))
        return self._pool

    def texts(self) -> set[str]:
        """Normal forms of all texts present, and of those that were retired: neither is admitted again."""
        texts = [example.text for example in self.first] + [pair.example.text for pair in self.written.values()]
        return {normal_form(text) for text in [*texts, *(change.text for change in self.changes)]}

    def record(self, uses: Iterable[tuple[str, float]]) -> None:
        """Take in ids of shown pairs with the advantages of their contexts."""
        for identity, advantage in uses:
            tally = self.tallies.setdefault(identity, Tally())
            tally.uses += 1
            tally.advantage += advantage

    def update(self, pairs: Sequence[Written], iteration: int) -> list[Change]:
        """Admit ``pairs``, retire bad ones; a new version when anything changed."""
        version = self.version + 1
        changes = [self._retire(version, iteration, identity, reason) for identity, reason in self._bad()]
        for pair in pairs:
            self.written[pair.example.id] = pair
            changes.append(
                Change(version, iteration, "admitted", pair.example.id, "passed every filter", pair.example.text)
            )
        while len(self.written) > self.config.most_written:
            least = min(self.written, key=lambda i: (self._tally(i).mean, i))
            changes.append(self._retire(version, iteration, least, "crowded out: least advantage of the written pairs"))
        if changes:
            self.version, self._pool = version, None
            self.changes += changes
        return changes

    def _bad(self) -> list[tuple[str, str]]:
        spare = len(self.first) - math.ceil(self.config.smallest * len(self.first)) - len(self.retired)
        bad = []
        for identity, tally in sorted(self.tallies.items(), key=lambda entry: entry[1].mean):
            if tally.uses < self.config.uses or tally.mean >= self.config.harm or identity in self.retired:
                continue
            if identity not in self.written:
                if spare <= 0:
                    continue
                spare -= 1
            bad.append((identity, f"harmful: mean advantage {tally.mean:.2f} over {tally.uses} uses"))
        return bad

    def _tally(self, identity: str) -> Tally:
        return self.tallies.get(identity, Tally())

    def _retire(self, version: int, iteration: int, identity: str, reason: str) -> Change:
        pair = self.written.pop(identity, None)
        if pair is None:
            self.retired.add(identity)
        self.tallies.pop(identity, None)
        return Change(version, iteration, "retired", identity, reason, pair.example.text if pair else "")

    def state(self) -> dict[str, Any]:
        """Everything but the first pool, as JSON can hold it."""
        return {
            "version": self.version,
            "written": [asdict(pair) for pair in self.written.values()],
            "retired": sorted(self.retired),
            "tallies": {identity: asdict(tally) for identity, tally in sorted(self.tallies.items())},
            "changes": [asdict(change) for change in self.changes],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.version = state["version"]
        pairs = [Written(**(entry | {"example": Example(**entry["example"])})) for entry in state["written"]]
        self.written = {pair.example.id: pair for pair in pairs}
        self.retired = set(state["retired"])
        self.tallies = {identity: Tally(**entry) for identity, entry in state["tallies"].items()}
        self.changes = [Change(**entry) for entry in state["changes"]]
        self._pool = None
