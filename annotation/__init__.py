"""Blind human ratings: studies, raters, assignments, ratings with history, summaries and exports.

Knows neither `core` nor `app`. Entry points: `annotation.backup.kept_store.open_kept(path_or_url)`, which restores and backs up,
and `annotation.store.RatingStore.open(path_or_url)`, which does neither.

Import order inside the package (lower may import higher): errors, vocabulary, records, study_records, criteria,
checks, schema, models, mounts, database, journal, snapshots, migrate, changes, assignments, attention, queries,
transactions, organiser_store, store, restore, backup, mirror, keeping, columns, summary, export.
"""
