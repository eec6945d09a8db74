"""The power of a study as it is planned now."""

from annotation.records import Study
from annotation.statistics.power import Plan, Power, planned_tests, power_of
from annotation.study_records import Stock

DIFFERENCE = 0.3  # scale points, where the organiser names none
STUDIES = 300  # simulated


def planned_power(study: Study, stock: Stock) -> Power | None:
    """Power for the language with fewest items, corrected for every pair, criterion and language; None if there is
    nothing to compare.
    """
    items = study.planned_items or min(stock.items.values(), default=0)
    pairs = len(stock.systems) * (len(stock.systems) - 1) // 2
    if items < 2 or pairs < 1:
        return None
    tests = planned_tests(len(stock.systems), len(study.criteria), len(stock.items))
    plan = Plan(
        items=items,
        raters_per_item=study.raters_per_item,
        tests=tests,
        difference=study.target_difference or DIFFERENCE,
    )
    return power_of(plan, studies=STUDIES, seed=study.seed)
