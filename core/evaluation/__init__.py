"""Evaluation of strategies on labelled queries: item-level predictions, tables, and a record that can be repeated."""

from core.evaluation.config import ZERO_SHOT, EvaluationConfig, Run, at_most, runs_of
from core.evaluation.record import fallback_languages, forget, identity, record, refuse_overwrite, save
from core.evaluation.run import evaluate, fitting
from core.evaluation.tables import measures_of, summary, tables_by_k

__all__ = [
    "ZERO_SHOT",
    "EvaluationConfig",
    "Run",
    "at_most",
    "evaluate",
    "fallback_languages",
    "fitting",
    "forget",
    "identity",
    "measures_of",
    "record",
    "refuse_overwrite",
    "runs_of",
    "save",
    "summary",
    "tables_by_k",
]
