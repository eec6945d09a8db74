"""Blind human ratings: studies, raters, assignments, ratings with history, summaries and exports.

Knows neither `core` nor `app`. Entry point: `annotation.store.RatingStore.open(path_or_url)`.

Import order inside the package (lower may import higher): errors, vocabulary, records, criteria, checks,
models, mounts, database, migrate, assignments, queries, store, columns, summary, export.
"""
