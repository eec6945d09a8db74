"""Ratings of simulated people with a planted difference between systems: as records, and as answers to a view."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np

from annotation.blind_records import AssignmentView
from annotation.records import RatingRecord, Study, Submission
from annotation.store import RatingStore
from annotation.vocabulary import CRITERION_KEYS

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def rating(
    item: str, system: str, rater: str, value: int, criterion: str = "fluency", language: str = "sw"
) -> RatingRecord:
    """One record; the output's number follows from item, system and language."""
    number = zlib.crc32(f"{item}/{system}/{language}".encode())
    return RatingRecord("topics", item, "sw", system, language, criterion, "1", rater, value, 1, "id", NOW, NOW, number)


@dataclass
class People:
    """Raters whose value is: quality of the system + item + text + leniency + noise, rounded to the scale.

    `better` is what a system has over the middle, in points. A careless rater answers at random.
    """

    better: Mapping[str, float]
    seed: int = 0
    middle: float = 3.2
    item_sd: float = 0.7
    text_sd: float = 0.4
    rater_sd: float = 0.5
    noise_sd: float = 0.6
    careless: frozenset[str] = frozenset()
    _drawn: dict[str, float] = field(default_factory=dict)

    def value(self, item: str, system: str, rater: str, criterion: str = "fluency") -> int:
        """The same for the same question, whoever asks and in whatever order."""
        if rater in self.careless:
            return int(self._rng("careless", item, system, rater, criterion).integers(1, 6))
        level = (
            self.middle
            + self.better.get(system, 0.0)
            + self.item_sd * self._normal("item", item, criterion)
            + self.text_sd * self._normal("text", item, system, criterion)
            + self.rater_sd * self._normal("rater", rater)
            + self.noise_sd * self._normal("noise", item, system, rater, criterion)
        )
        return int(np.clip(np.rint(level), 1, 5))

    def answers(
        self, view: AssignmentView, rater: str, texts: Mapping[int, tuple[str, str]]
    ) -> dict[tuple[int, str], int]:
        """Values for all that a view asks; `texts` says what the rater does not know: item and system of an output.

        A text shown again gets the same values again, except from a careless rater.
        """
        again = f"/{view.assignment_id}" if rater in self.careless else ""
        return {
            (output.output_id, criterion.key): self.value(
                texts[output.output_id][0] + again, texts[output.output_id][1], rater, criterion.key
            )
            for output in view.outputs
            for criterion in view.criteria
        }

    def rate(
        self, store: RatingStore, study: Study, raters: Sequence[tuple[str, str]], comment: str | None = None
    ) -> None:
        """Everybody joins and rates all that she gets. `raters`: names, by which values differ, and languages; one comment on all."""
        texts = {row.output_id: (row.item_key, row.system) for row in store.outputs(study.id)}
        for name, language in raters:
            rater, _ = store.new_rater(study.id, language)
            while (view := store.next_assignment(rater.id)) is not None:
                values = self.answers(view, name, texts)
                store.submit(Submission(str(uuid4()), rater.id, view.assignment_id, values, comment, 3.0))

    def records(
        self,
        items: int,
        raters: Sequence[str],
        criteria: Sequence[str] = CRITERION_KEYS[:1],
        languages: Sequence[str] = ("sw",),
    ) -> list[RatingRecord]:
        """Everybody rates everything."""
        return [
            rating(f"i{item}", system, rater, self.value(f"{tag}{item}", system, rater, criterion), criterion, tag)
            for tag in languages
            for item in range(items)
            for system in self.better
            for rater in raters
            for criterion in criteria
        ]

    def _rng(self, *key: str) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32("/".join((str(self.seed), *key)).encode()))

    def _normal(self, *key: str) -> float:
        name = "/".join(key)
        if name not in self._drawn:
            self._drawn[name] = float(self._rng(*key).standard_normal())
        return self._drawn[name]
