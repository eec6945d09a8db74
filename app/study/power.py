"""The power of a study as it is planned now."""

from annotation.records import Study
from annotation.report.results import by_scale
from annotation.statistics.power import Plan, Power, plan_on, planned_tests, power_of
from annotation.study_records import Stock

DIFFERENCE = 0.3  # points of 1 to 5, where the organiser names none
STUDIES = 300  # simulated


def planned_powers(study: Study, stock: Stock) -> list[Power]:
    """Power for the language with fewest items on each scale of the study, corrected for every pair, criterion and language;
    none if there is nothing to compare.

    The difference, named in points of 1 to 5, and all spreads are the same shares of other scales.
    """
    items = study.planned_items or min(stock.items.values(), default=0)
    pairs = len(stock.systems) * (len(stock.systems) - 1) // 2
    if items < 2 or pairs < 1:
        return []
    tests = planned_tests(len(stock.systems), len(study.criteria), len(stock.items))
    plan = Plan(
        items=items,
        raters_per_item=study.raters_per_item,
        tests=tests,
        difference=study.target_difference or DIFFERENCE,
    )
    return [power_of(plan_on(scale, plan), studies=STUDIES, seed=study.seed) for scale in by_scale(study)]
