"""The power of a study as it is planned now."""

from annotation.records import Study
from annotation.report.results import by_scale
from annotation.statistics.power import Plan, Power, plan_on, planned_tests, weakest
from annotation.study_records import Stock

DIFFERENCE = 0.3  # points of 1 to 5, where the organiser names none
STUDIES = 300  # simulated


def planned_powers(study: Study, stock: Stock) -> list[Power]:
    """Power for the language with the least of it, by its items and its raters per item, on each scale of the study, corrected
    for every pair, criterion and language; none if there is nothing to compare.

    The difference, named in points of 1 to 5, and all spreads are the same shares of other scales.
    """
    designs = [(study.planned_items or items, study.raters_for(language)) for language, items in stock.items.items()]
    pairs = len(stock.systems) * (len(stock.systems) - 1) // 2
    if min((items for items, _ in designs), default=0) < 2 or pairs < 1:
        return []
    tests = planned_tests(len(stock.systems), len(study.criteria), len(stock.items))
    plan = Plan(*designs[0], tests=tests, difference=study.target_difference or DIFFERENCE)
    return [weakest(plan_on(scale, plan), designs, studies=STUDIES, seed=study.seed) for scale in by_scale(study)]
