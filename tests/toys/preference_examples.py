"""Studies that compare answers, orders that raters give, and simulated preferences with known strengths."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from rating_examples import filled, new_study

from annotation.blind_records import AssignmentView
from annotation.preference_records import PreferenceQuestion, PreferenceRecord
from annotation.records import NewStudy, Submission

OVERALL = PreferenceQuestion(
    "overall",
    {"en": "Which answer is better as a whole?", "ar": "أي إجابة أفضل إجمالًا؟"},
    {"en": "Overall", "ar": "إجمالًا"},
)
TONE = PreferenceQuestion("tone", {"en": "Which answer is kinder?"}, {"en": "Tone"})
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def compared_study(slug: str = "compared", *, scales: bool = False, **design: object) -> NewStudy:
    """A study that asks for preferences, after the default criteria or instead of them."""
    new = new_study(slug)
    values = {"preferences": (OVERALL,), "criteria": new.criteria if scales else (), **design}
    return replace(new, **values)  # type: ignore[arg-type]


def ordered(view: AssignmentView, *ranks: int, question: str = "overall") -> dict[str, dict[int, int]]:
    """Ranks of the answers in the order shown."""
    return {question: {one.output_id: rank for one, rank in zip(view.outputs, ranks, strict=True)}}


def submission(
    rater_id: int, view: AssignmentView, preferences: Mapping[str, Mapping[int, int]], **fields: object
) -> Submission:
    """With 4 on every criterion, where there are any."""
    values = filled(view) if view.criteria else {}
    made = Submission(str(uuid.uuid4()), rater_id, view.assignment_id, values, preferences=preferences)
    return replace(made, **fields)  # type: ignore[arg-type]


def preference(
    item: str, rater: str, systems: Sequence[str], ranks: Sequence[int], language: str = "sw", question: str = "overall"
) -> PreferenceRecord:
    return PreferenceRecord(
        study="s",
        item_key=item,
        item_language=language,
        language=language,
        question=question,
        question_version="1",
        rater=rater,
        systems=tuple(systems),
        output_ids=tuple(range(1, len(systems) + 1)),
        ranks=tuple(ranks),
        revision=1,
        submission_id=str(uuid.uuid4()),
        created_at=NOW,
        updated_at=NOW,
    )


def simulated(
    strengths: Mapping[str, float],
    *,
    items: int = 40,
    raters: int = 3,
    tie_within: float = 0.6,
    seed: int = 5,
    noise: Callable[[np.random.Generator], float] = lambda rng: float(rng.logistic()),
) -> list[PreferenceRecord]:
    """Every rater orders all systems of every item by strength plus noise; neighbours that lie close are ties."""
    rng = np.random.default_rng(seed)
    systems = sorted(strengths)
    records = []
    for item in range(items):
        for rater in range(raters):
            worth = {one: strengths[one] + noise(rng) for one in systems}
            order = sorted(systems, key=lambda one: -worth[one])
            rank = {order[0]: 1}
            for before, after in pairwise(order):
                rank[after] = rank[before] + (worth[before] - worth[after] > tie_within)
            records.append(preference(f"i{item:03}", f"r{rater}", systems, [rank[one] for one in systems]))
    return records
