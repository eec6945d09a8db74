"""From the data of a study to its report: what is better, how sure that is, and what is still missing."""

import statistics
from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from annotation.criteria import text_for
from annotation.records import Criterion, Study, StudyData
from annotation.scales import FIVE, Scale, scale_of
from annotation.statistics.adjudicated import Adjudicated, adjudicated
from annotation.statistics.analysis import Analysis, analyse
from annotation.statistics.comparisons import FEWEST, Comparison
from annotation.statistics.judged import Judged, judged
from annotation.statistics.power import items_needed
from annotation.statistics.values import Interval, Undefined, undefined
from annotation.stopping import closed

Kind = Literal["better", "alike", "undecided", "not_computable"]
ALPHA = 0.05
TARGET = 0.3  # points of 1 to 5, as much of other scales: the difference worth knowing where the study names none
SPREAD = 0.8  # likewise: standard deviation of paired differences assumed before there are any
ALIKE_ITEMS, ALIKE_DIFFERING = 20, 5  # paired items, and those that differ: below, an interval is too narrow to trust
SEEDED = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One comparison as a statement: `better` has the higher mean, wherever that leads."""

    kind: Kind
    criterion: str
    language: str | None
    better: str
    worse: str
    items: int
    difference: float | Undefined  # better minus worse, 0 or more
    interval: Interval | Undefined
    p: float | Undefined  # Holm
    target: float  # points of its scale that `more` is for
    needed: int | Undefined  # paired items to find the target with 80 % power at the corrected level
    more: int  # paired items still missing for that; 0 where there are enough


@dataclass(frozen=True, slots=True)
class Pace:
    """How long raters took in one language, over answered items."""

    language: str
    items: int
    seconds: float | Undefined  # median per item


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a study, as its report states them."""

    study: Study
    created_at: datetime
    systems: Mapping[str, str]  # key -> name that is shown
    everyone: Analysis
    without_failed: Analysis | None  # None: nobody failed
    failed: tuple[str, ...]  # raters who failed their attention checks
    removed: tuple[str, ...]  # raters whose data was deleted
    consented: int  # raters who agreed to the consent text
    tested: tuple[int, int]  # raters who passed the test before the first item, who did not
    excluded: Mapping[str, str]  # raters left out of everything here, by the organiser -> why
    checks: tuple[int, int]  # answered, passed
    verdicts: tuple[Verdict, ...]  # of everyone, in the order of its comparisons
    outputs: int
    tasks: tuple[str, ...]  # that raters read with some items instead of the study's
    skips: Mapping[str, int]  # reason -> times
    pace: tuple[Pace, ...]
    proficiency: Mapping[str, int]  # as raters said -> how many; "" for those who did not
    tests: int  # comparisons in the Holm family
    adjudicated: tuple[Adjudicated, ...] = ()  # beside the ratings, in nothing above
    adjudicators: tuple[str, ...] = ()  # who decided values, orders or marked errors
    judged: tuple[Judged, ...] = ()  # of models that grade, likewise

    def named(self, system: str) -> str:
        """The name of a system."""
        return self.systems.get(system, system)

    def verdicts_of(self, analysis: Analysis) -> tuple[Verdict, ...]:
        """What one of the two analyses says."""
        return verdicts(self.study, analysis)

    def criterion(self, key: str) -> str:
        """The English name of a criterion."""
        return next((criterion_name(one) for one in self.study.criteria if one.key == key), key)


def by_scale(study: Study) -> dict[Scale, tuple[str, ...]]:
    """The keys of the study's criteria by their scale, which tables and axes of one kind are for; in their order."""
    groups: dict[Scale, tuple[str, ...]] = {}
    for one in study.criteria:
        plain = Scale(one.scale.low, one.scale.high)
        groups[plain] = (*groups.get(plain, ()), one.key)
    return groups


def criterion_name(criterion: Criterion, language: str = "en") -> str:
    """Its label, or its key where it has none."""
    return text_for(criterion.label, language) if criterion.label else criterion.key


def make_report(
    study: Study,
    data: StudyData,
    created_at: datetime,
    *,
    names: Mapping[str, str] | None = None,
    models: bool = False,
    public: bool = False,
) -> Report:
    """The report of `data`, which may hold attention checks: they are counted as such and never as scores.

    Raters whom the organiser excluded are left out. `names` gives systems a readable name; `public` leaves times and what
    raters said of themselves out. The same data gives the same report.
    """
    criteria = [one.key for one in study.criteria]
    excluded = {one.rater: one.exclusion_reason or "" for one in data.raters if one.excluded_at and not one.removed_at}
    counted = [one for one in data.raters if one.removed_at is None and one.rater not in excluded]
    failed = tuple(sorted(one.rater for one in counted if one.failed))
    removed = tuple(sorted(one.rater for one in data.raters if one.removed_at is not None))
    questions = [one.key for one in study.preferences]

    def analysed(without: Collection[str]) -> Analysis:
        return analyse(
            data,
            criteria,
            study.raters_per_item,
            scales=study.scales,
            questions=questions,
            quotas=study.quotas,
            closed=closed(study.looks),
            without=without,
            models=models,
            seed=SEEDED,
        )

    everyone = analysed(excluded)
    without = analysed({*failed, *excluded}) if failed else None
    normal = [row for row in data.assignments if row.item_kind == "normal" and row.rater not in excluded]
    systems = sorted({row.system for row in data.outputs if row.item_kind == "normal"})
    return Report(
        study=study,
        created_at=created_at,
        systems={system: (names or {}).get(system, system) for system in systems},
        everyone=everyone,
        without_failed=without,
        failed=failed,
        removed=removed,
        consented=sum(one.consented_at is not None for one in data.raters),
        tested=(
            sum(one.test_passed is True for one in data.raters),
            sum(one.test_passed is False for one in data.raters),
        ),
        excluded=dict(sorted(excluded.items())),
        checks=(len(data.checks), sum(one.passed for one in data.checks)),
        verdicts=verdicts(study, everyone),
        tasks=tuple(sorted({row.task for row in data.outputs if row.item_kind == "normal"} - {study.task})),
        outputs=sum(row.item_kind == "normal" for row in data.outputs),
        skips=dict(sorted(Counter(row.skip_reason or "other" for row in normal if row.state == "skipped").items())),
        pace=()
        if public
        else tuple(
            _pace(language, [row.seconds for row in normal if row.state == "done" and row.language == language])
            for language in everyone.languages
        ),
        proficiency=dict(sorted(Counter(one.proficiency or "" for one in ([] if public else counted)).items())),
        tests=_tests(everyone),
        adjudicated=_adjudicated(data, excluded, criteria, public),
        adjudicators=tuple(sorted(set(_called(data, public).values()))),
        judged=_judged(study, data, excluded, criteria),
    )


def _adjudicated(
    data: StudyData, excluded: Container[str], criteria: Sequence[str], public: bool
) -> tuple[Adjudicated, ...]:
    ratings = [one for one in data.ratings if one.rater not in excluded]
    called = _called(data, public)
    decisions = [replace(one, adjudicator=called[one.adjudicator]) for one in data.adjudications]
    return tuple(adjudicated(decisions, ratings, criteria))


def _judged(study: Study, data: StudyData, excluded: Container[str], criteria: Sequence[str]) -> tuple[Judged, ...]:
    ratings = [one for one in data.ratings if one.rater not in excluded]
    return tuple(judged(data.judge_scores, ratings, criteria, scales=study.scales, seed=SEEDED))


def _called(data: StudyData, public: bool) -> dict[str, str]:
    """What whoever decided is called: by her name for the organiser alone, else by a number."""
    names = dict.fromkeys(one.adjudicator for one in data.decisions)
    return {name: f"adjudicator {number}" if public else name for number, name in enumerate(names, 1)}


def _tests(analysis: Analysis) -> int:
    return sum(not isinstance(one.p, Undefined) for one in analysis.comparisons)


def verdicts(study: Study, analysis: Analysis) -> tuple[Verdict, ...]:
    """What each comparison of an analysis says, in their order."""
    target, scales = study.target_difference or TARGET, study.scales
    return tuple(
        verdict(one, max(1, _tests(analysis)), target, scale_of(scales, one.criterion)) for one in analysis.comparisons
    )


def verdict(comparison: Comparison, tests: int, of_five: float, scale: Scale = FIVE) -> Verdict:
    """What a comparison says, with the better system first, and how many items its target would need.

    `of_five`: the target in points of 1 to 5; on another scale it is the same share of that.
    """
    target = scale.of_five(of_five)
    difference, spread, interval = comparison.difference, comparison.spread, comparison.interval
    better, worse = comparison.first, comparison.second
    if isinstance(difference, float) and difference < 0:
        better, worse, difference = worse, better, -difference
        if isinstance(interval, Interval):
            interval = Interval(-interval.value, -interval.high, -interval.low)
    differing = comparison.wins + comparison.losses
    needed: int | Undefined = undefined("no_differences", {"items": comparison.items})
    if comparison.items < FEWEST or differing:  # equal means everywhere say nothing about the spread of differences
        usable = spread if isinstance(spread, float) and spread > 0 else scale.of_five(SPREAD)
        needed = items_needed(usable, target, tests, alpha=ALPHA)
    more = max(0, needed - comparison.items) if isinstance(needed, int) else 0
    kind: Kind = "undecided"
    if isinstance(comparison.p_holm, Undefined):
        kind = "not_computable"
    elif comparison.p_holm <= ALPHA:
        kind, more = "better", 0
    elif (
        comparison.items >= ALIKE_ITEMS
        and differing >= ALIKE_DIFFERING
        and isinstance(interval, Interval)
        and -target < interval.low
        and interval.high < target
    ):
        kind, more = "alike", 0
    return Verdict(
        kind=kind,
        criterion=comparison.criterion,
        language=comparison.language,
        better=better,
        worse=worse,
        items=comparison.items,
        difference=difference,
        interval=interval,
        p=comparison.p_holm,
        target=target,
        needed=needed,
        more=more,
    )


def _pace(language: str, seconds: list[float]) -> Pace:
    return Pace(language, len(seconds), statistics.median(seconds) if seconds else undefined("no_ratings"))
