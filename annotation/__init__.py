"""Blind human ratings: studies, raters, assignments, ratings with history, summaries and exports.

Entry points: `annotation.backup.backed_up_store.open_with_backups(path_or_url)`, which restores and backs up, and
`annotation.store.RatingStore.open(path_or_url)`, which does neither.

From the bottom up, each may import what stands before it: errors, vocabulary, records and study_records; criteria,
validation, orders, attention_checks, import_outputs; database (tables, engine, journal, snapshots, migrate, changes,
transactions); queries; store; backup; statistics and report; export.
"""
