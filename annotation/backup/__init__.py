"""Backups: rounds of snapshots and journals, their mirror elsewhere, and restoring at start."""
