"""Statistics of ratings: pure functions over records, one home per statistic, and no value that is not a number.

What cannot be computed comes back as `Undefined` with its reason. All randomness is seeded, so that the same
ratings always give the same report, in whatever order they were read.
"""
