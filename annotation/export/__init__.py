"""Exports of a study: files, their columns, and pushes to the Hub."""
