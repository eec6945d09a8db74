"""What raters pressed, what the database holds and what an independent computation makes of it, in forms that a test can compare.

A rater is known by her name on the crowd platform, an item by her position and by the texts that stood on it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import krippendorff
import numpy as np
import pandas as pd
from pressing_raters import NOT_APPLICABLE, Pressed, Rater
from scale_examples import SCALES
from whole_study import OUTPUT_OF, Shown

from annotation.records import AssignmentRecord, StudyData
from annotation.statistics.analysis import Analysis

Place = tuple[str, int]  # a rater and the position of an item in her order
Value = tuple[str, str, str, str, str, str]  # rater, kind of item, item, system, language, criterion


@dataclass(frozen=True)
class Item:
    """How an item of one rater ended."""

    state: str
    skip: str | None
    comment: str | None
    texts: tuple[str, ...]  # of its answers, in the order of their letters
    shown: tuple[Shown, ...] | None  # None: an attention check, whose texts say nothing


def names(data: StudyData) -> dict[str, str]:
    """Pseudonym -> name on the platform."""
    return {one.rater: str(one.participant) for one in data.raters}


def last_pressed(raters: Iterable[Rater]) -> dict[Place, Pressed]:
    """The last save of each item of each rater."""
    return {(rater.name, one.position): one for rater in raters for one in rater.pressed}


def assigned(data: StudyData) -> dict[Place, AssignmentRecord]:
    """What each rater was given, answered or not."""
    name = names(data)
    return {(name[one.rater], one.position): one for one in data.assignments}


def items_pressed(raters: Iterable[Rater], data: StudyData) -> dict[Place, Item]:
    """Items by what stood on the pages; of the database comes only which are attention checks, as no page tells."""
    checks = {place for place, one in assigned(data).items() if one.item_kind != "normal"}
    found = {}
    for place, one in last_pressed(raters).items():
        texts = tuple(one.texts[letter] for letter in sorted(one.texts))
        shown = None if place in checks else tuple(OUTPUT_OF[text] for text in texts)
        found[place] = Item("skipped" if one.skip else "done", one.skip, one.comment, texts, shown)
    return found


def items_stored(data: StudyData) -> dict[Place, Item]:
    """Items by what the database holds, those that wait for an answer too."""
    texts = {one.output_id: one.text for one in data.outputs}
    return {
        place: Item(
            one.state,
            one.skip_reason,
            one.comment,
            tuple(texts[output] for output in one.output_ids),
            tuple((one.item_key, system, one.language) for system in one.systems)
            if one.item_kind == "normal"
            else None,
        )
        for place, one in assigned(data).items()
    }


def who_took_no_part(data: StudyData) -> dict[str, str]:
    """Raters who rated nothing, and why by what is stored of them."""
    why = {}
    for one in data.raters:
        if one.consent_version is None:
            why[str(one.participant)] = "did not agree"
        elif one.screened_out_at is not None and one.test_passed is False:
            why[str(one.participant)] = "did not pass"
        elif not one.ratings_given:
            why[str(one.participant)] = "unknown"
    return why


def values_pressed(raters: Iterable[Rater], data: StudyData) -> dict[Value, int | None]:
    """Every value of the last saves; of the database comes only which system stood under which letter."""
    rows = assigned(data)
    return {
        (place[0], row.item_kind, row.item_key, row.systems["ABC".index(letter)], row.language, criterion): (
            None if value == NOT_APPLICABLE else int(value)
        )
        for place, one in last_pressed(raters).items()
        for row in [rows[place]]
        for letter, answers in one.values.items()
        for criterion, value in answers.items()
    }


def values_stored(data: StudyData) -> list[tuple[Value, int | None]]:
    """Every rating that the database holds."""
    name = names(data)
    return [
        ((name[one.rater], one.item_kind, one.item_key, one.system, one.language, one.criterion), one.value)
        for one in data.ratings
    ]


def changes_pressed(raters: Iterable[Rater]) -> int:
    """How many values were given or changed, save by save."""
    count = 0
    for rater in raters:
        before: dict[tuple[int, str, str], int | str] = {}
        for one in rater.pressed:
            given = {
                (one.position, letter, key): value for letter, row in one.values.items() for key, value in row.items()
            }
            count += sum(before.get(place) != value for place, value in given.items())
            before |= given
    return count


def frame(pressed: Mapping[Value, int | None]) -> pd.DataFrame:
    """Values of items that are no attention checks; NaN for "not applicable"."""
    columns = ["rater", "kind", "item", "system", "language", "criterion"]
    rows = pd.DataFrame([(*place, value) for place, value in pressed.items()], columns=[*columns, "value"])
    return rows[rows.kind == "normal"]


Cells = dict[tuple[str, str, str | None], tuple[Any, ...]]


def cells_of(analysis: Analysis) -> Cells:
    """System, criterion, language -> ratings, "not applicable", missing, raters, mean, median, as Results shows them."""
    return {
        (one.system, one.criterion, one.language): (
            one.n,
            one.not_applicable,
            one.missing,
            one.raters,
            one.mean,
            one.median,
        )
        for one in analysis.cells
    }


def cells_by_pandas(rows: pd.DataFrame, due: int) -> Cells:
    """The same of what was pressed; `due`: answers that each cell should have."""
    found: Cells = {}
    for key, group in rows.groupby(["system", "criterion", "language"]):
        given = group.dropna(subset="value")
        counts = len(given), len(group) - len(given), due - len(group), given.rater.nunique()
        found[key] = (*counts, given.value.mean(), given.value.median())  # type: ignore[index]
    return found


def alphas_of(analysis: Analysis) -> dict[tuple[str, str | None], float]:
    """Criterion, language (None: over all) -> Krippendorff's alpha, as Results shows it."""
    return {(one.criterion, one.language): one.alpha for one in analysis.agreements}  # type: ignore[misc]


def alphas_by_krippendorff(rows: pd.DataFrame) -> dict[tuple[str, str | None], float]:
    """The same of what was pressed, by the package of that name; a unit is one answer."""
    found = {}
    for language in (None, *sorted(rows.language.unique())):
        for key, scale in SCALES.items():
            own = rows[(rows.criterion == key) & (language is None or rows.language == language)]
            units = own.pivot(index="rater", columns=["item", "system", "language"], values="value")
            found[key, language] = float(
                krippendorff.alpha(
                    reliability_data=units.to_numpy(dtype=float, na_value=np.nan),
                    level_of_measurement="interval" if scale.high == 100 else "ordinal",
                    value_domain=[float(point) for point in scale.points],
                )
            )
    return found
