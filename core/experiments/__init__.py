"""Experiments that come with the framework: each resumes, and ends in one record."""
