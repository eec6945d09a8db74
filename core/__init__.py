"""The method: a causal language model that picks its own cross-lingual demonstrations, answers, and learns.

Follows *Align, Generate, Learn* (arXiv 2412.08955). Knows neither ``app`` nor ``annotation``.
Modules are listed in import order in the README; a lower one may import a higher one, never the reverse.
"""
