"""Data: tasks, templates, examples, the demonstration pool, built-in corpora."""
