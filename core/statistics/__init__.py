"""Statistics of evaluations and of ratings: pure functions of arrays and tables, one home per statistic.

``values`` what a statistic returns: an interval, or the reason why there is none; ``bootstrap`` percentile intervals over items, and over
items and seeds; ``paired`` sign-flip tests and Holm's correction; ``comparisons`` all pairs of systems of an evaluation, and the spread
over seeds; ``reliability`` calibration error and Brier score.
"""
