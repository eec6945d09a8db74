"""A clock, a study and answers to it, for the tests of this folder."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings

from annotation.blind_records import AssignmentView
from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import NewOutput, NewStudy, SkipSubmission, Submission

# Property tests must not fail because the machine is busy.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SYSTEMS = ("agl", "knn", "zero-shot")


class Clock:
    """Real enough to be a clock: every look is a microsecond later, so that orders are visible."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def forward(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


def new_study(slug: str = "topics", raters_per_item: int = 3, lease_minutes: int = 60) -> NewStudy:
    return NewStudy(
        slug=slug,
        name="Everyday topics",
        task="Name the topic.",
        instructions={"en": "Read, then rate.", "sw": "Soma, kisha kadiria."},
        criteria=DEFAULT_CRITERIA,
        raters_per_item=raters_per_item,
        lease_minutes=lease_minutes,
    )


def outputs_of(item: str, language: str = "sw", systems: tuple[str, ...] = SYSTEMS) -> list[NewOutput]:
    return [
        NewOutput(
            item_key=item,
            item_language="sw",
            source_text=f"Mchezaji alifunga bao ({item}).",
            task="Name the topic.",
            system=system,
            language=language,
            text=f"michezo {item} {index}",
            provenance={
                "model": "tiny",
                "strategy": system,
                "seed": index,
                "demonstrations": ["fr-1", "hi-2"],
            },
        )
        for index, system in enumerate(systems)
    ]


def filled(view: AssignmentView, value: int | Callable[[int, str], int] = 4) -> dict[tuple[int, str], int]:
    """Values for everything the view asks for."""
    give = value if callable(value) else lambda _output, _key: value
    return {
        (output.output_id, criterion.key): give(output.output_id, criterion.key)
        for output in view.outputs
        for criterion in view.criteria
    }


def submission(rater_id: int, view: AssignmentView, value: int | Callable[[int, str], int] = 4) -> Submission:
    return Submission(str(uuid.uuid4()), rater_id, view.assignment_id, filled(view, value), seconds=12.5)


def skip_of(rater_id: int, view: AssignmentView, reason: str = "other", comment: str | None = None) -> SkipSubmission:
    return SkipSubmission(str(uuid.uuid4()), rater_id, view.assignment_id, reason, comment)
