"""Blind human ratings: studies, raters, assignments, ratings with history, summaries and exports.

Knows neither `core` nor `app`. Entry point: `annotation.store.RatingStore.open(path_or_url)`.

Import order inside the package (lower may import higher): errors, vocabulary, records, study_records, criteria,
checks, schema, models, mounts, database, migrate, assignments, attention, queries, transactions,
organiser_store, store, columns, summary, export.
"""
