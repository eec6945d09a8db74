"""Everything that is computed from one set of ratings, in one record."""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from annotation.preference_records import PreferenceRecord
from annotation.records import RatingRecord, StudyData
from annotation.scales import ALL_FIVE, Scale
from annotation.span_records import SpanRecord
from annotation.statistics.agreement import Agreement, agreements
from annotation.statistics.comparisons import Comparison, compare_all
from annotation.statistics.error_spans import Errors, analyse_errors
from annotation.statistics.groups import Group, by_group
from annotation.statistics.mixed import MixedModel, mixed_model
from annotation.statistics.normalised import Ranking, rankings
from annotation.statistics.preferences import Preferences, analyse_preferences
from annotation.statistics.summary import Cell, summarise
from annotation.statistics.values import Undefined


@dataclass(frozen=True, slots=True)
class Model:
    """A mixed model, or why there is none."""

    criterion: str
    language: str
    fitted: MixedModel | Undefined


@dataclass(frozen=True, slots=True)
class Analysis:
    """All statistics of one set of ratings; attention checks are never in it."""

    ratings: int  # with a value
    not_applicable: int  # answers that are none
    raters: int
    items: int
    languages: tuple[str, ...]  # that have ratings or preferences
    cells: tuple[Cell, ...]  # per language
    overall: tuple[Cell, ...]  # over all languages; empty where there is only one
    comparisons: tuple[Comparison, ...]  # over all languages first, if there are several; one Holm family
    agreements: tuple[Agreement, ...]
    rankings: tuple[Ranking, ...]
    models: tuple[Model, ...]  # empty unless they were asked for
    errors: Errors | None = None  # None: none were marked
    preferences: tuple[
        Preferences, ...
    ] = ()  # over all languages first, if there are several; a Holm family of their own
    groups: tuple[Group, ...] = ()  # empty where no item has a group

    @property
    def answered(self) -> bool:
        """Whether raters gave anything: ratings, preferences or marked errors."""
        return bool(self.ratings or self.preferences or self.errors)


def analyse(
    data: StudyData,
    criteria: Sequence[str],
    raters_per_item: int,
    *,
    scales: Mapping[str, Scale] = ALL_FIVE,
    questions: Sequence[str] = (),
    quotas: Mapping[str, int] = MappingProxyType({}),
    closed: Container[str] = (),
    without: Collection[str] = (),
    models: bool = False,
    seed: int = 0,
) -> Analysis:
    """Analyses the ratings of `data`, leaving out the raters in `without` and every attention check.

    `scales` by criterion key; "not applicable" is counted and a missing value to all else. `questions`: keys of what answers
    were compared on. `models` adds the mixed models, which take seconds each.
    """
    answers = [row for row in data.ratings if row.item_kind == "normal" and row.rater not in without]
    ratings = [row for row in answers if row.value is not None]
    outputs = [row for row in data.outputs if row.item_kind == "normal"]
    assignments = [row for row in data.assignments if row.item_kind == "normal" and row.rater not in without]
    orders = [row for row in data.preferences if row.item_kind == "normal" and row.rater not in without]
    marked = [row for row in data.error_spans if row.item_kind == "normal" and row.rater not in without]
    every: list[RatingRecord | PreferenceRecord | SpanRecord] = [*ratings, *orders, *marked]
    languages = sorted({row.language for row in every})
    several = len(languages) > 1
    summarised = partial(
        summarise,
        criteria=criteria,
        raters_per_item=raters_per_item,
        scales=scales,
        quotas=quotas,
        closed=closed,
        seed=seed,
    )
    return Analysis(
        ratings=len(ratings),
        not_applicable=len(answers) - len(ratings),
        raters=len({row.rater for row in every}),
        items=len({row.item_key for row in every}),
        languages=tuple(languages),
        cells=tuple(summarised(answers, outputs, assignments)),
        overall=tuple(summarised(answers, outputs, assignments, over_languages=True)) if several else (),
        comparisons=tuple(compare_all(ratings, criteria, seed=seed)),
        agreements=tuple(agreements(ratings, criteria, scales=scales, seed=seed)),
        rankings=tuple(rankings(ratings, criteria, seed=seed)),
        models=_models(ratings, criteria, languages) if models else (),
        errors=analyse_errors(marked, outputs, without=without, seed=seed),
        preferences=analyse_preferences(orders, questions, seed=seed),
        groups=tuple(by_group(answers, outputs, summarised)),
    )


def _models(ratings: Sequence[RatingRecord], criteria: Sequence[str], languages: Sequence[str]) -> tuple[Model, ...]:
    return tuple(
        Model(
            criterion,
            language,
            mixed_model(
                [row for row in ratings if row.criterion == criterion and row.language == language], criterion, language
            ),
        )
        for language in languages
        for criterion in criteria
    )
