"""Answers item by item: of any record, and of a batch."""
