"""Statistics of evaluations: pure functions of arrays and tables, one home per statistic.

``groups`` facts about languages and means over groups of them; ``paired`` intervals and tests of differences on the same items;
``multiplicity`` Holm's correction; ``comparisons`` all pairs of systems; ``reliability`` calibration error and Brier score; ``spread``
over seeds.
"""
