"""The browser app: Explore, Rate, Results. Joins ``core`` and ``annotation``; started by ``python -m app``."""
