"""The power of a study as it is planned: one function for the organiser's page and the datasheet."""

from collections.abc import Mapping

from annotation.records import Study
from annotation.report.results import TARGET, by_scale
from annotation.scales import Scale, scale_of
from annotation.statistics.power import Power, planned_tests, power_of, weakest
from annotation.statistics.simulated import Plan, plan_on
from annotation.stopping import Stopping

STUDIES = 300  # simulated


def planned_powers(study: Study, systems: int, items: Mapping[str, int], distinct: int) -> list[Power]:
    """Power to find the difference that the study names; none if there is nothing to compare.

    `items` by language of the outputs; `distinct` counts an item in several languages once. Where the design stops early, the
    first one is that of its looks; the others are of the tests at the end: for the language with the least power, by its items
    and its raters per item, on each scale of the study, corrected for every pair, criterion and language.

    The difference, named in points of 1 to 5, and all spreads are the same shares of other scales.
    """
    pairs = systems * (systems - 1) // 2
    planned = {language: study.planned_items or count for language, count in items.items()}
    if min(planned.values(), default=0) < 2 or pairs < 1:
        return []
    designs = [(count, study.raters_for(language)) for language, count in planned.items()]
    difference = study.target_difference or TARGET
    plan = Plan(*designs[0], tests=planned_tests(systems, len(study.criteria), len(items)), difference=difference)
    powers = [weakest(plan_on(scale, plan), designs, studies=STUDIES, seed=study.seed) for scale in by_scale(study)]
    if study.stopping is None:
        return powers
    share = sum(planned.values()) / sum(items.values())
    looks = _with_looks(study, study.stopping, max(2, round(distinct * share)), sum(n * k for n, k in designs), pairs)
    return [power_of(looks, studies=STUDIES, seed=study.seed), *powers]


def _with_looks(study: Study, stopping: Stopping, items: int, slots: int, pairs: int) -> Plan:
    """The plan of early stopping: one criterion, every pair, all languages together.

    An item in several languages is one item that the raters of all of them rate; that its languages favour systems differently,
    which would help, is not counted on.
    """
    of_five = Plan(
        items, max(1, slots // items), tests=pairs, difference=study.target_difference or TARGET, looks=stopping.looks
    )
    whole = scale_of(study.scales, stopping.criterion)
    return plan_on(Scale(whole.low, whole.high), of_five)
