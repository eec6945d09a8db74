"""The passes of an evaluation: each asks every query under one strategy, k and seed, and gives one row a query.

Columns: ``item, id, language, strategy, seed, k, shown_labels, gold, prediction, prediction_batch`` (batch-calibrated; the
prediction itself for free text); ``log_probs`` and ``calibrated`` (over the labels in the
task's order, nats, as scored and as calibrated; empty for free text);
``demonstrations, demonstration_languages, demonstration_labels, demonstration_origins`` (best first); these five as JSON lists.
``dropped``: demonstrations that did not fit. ``answer_language``; ``answer``: as the model says it; ``confidence`` [0, 1] or null;
``adherence`` [0, 1] or null; ``coherence`` [-1, 1] or null: see ``core.records.Answer``. Free text has the columns of its
measures besides, see ``core.metrics``; there ``gold`` is the reference.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from core.errors import InvalidConfig, InvalidData, PromptTooLong
from core.evaluation.answers import PreparedQuery, closed_columns, shared_columns, written_columns
from core.evaluation.config import EvaluationConfig, Run, at_most, runs_of
from core.evaluation.passes import Pass, Passes
from core.inference.perturbation import show_labels
from core.inference.predictor import Predictor, Question
from core.progress import Progress, silent
from core.records import Example


def evaluate(
    predictor: Predictor,
    queries: Sequence[Example],
    config: EvaluationConfig,
    progress: Progress = silent,
    passes: Passes | None = None,
) -> pd.DataFrame:
    """One row per item and pass. With ``passes`` finished ones are kept on disk and taken from there, and work is shared over processes.

    Raises ``InvalidData`` without queries, ``PoolTooSmall`` when the pool has fewer items than the largest k.
    """
    if not queries:
        raise InvalidData("There is no query to evaluate; check --languages and the fold of the query file.")
    if not predictor.task.is_closed and config.shown_labels != "gold":
        raise InvalidConfig(
            f"Task {predictor.task.name!r} has free-text answers, whose labels cannot be {config.shown_labels}; leave gold."
        )
    queries = at_most(queries, config.most)
    runs = runs_of(config)
    _require(predictor, queries, config, max(run.k for run in runs))
    work = passes if passes is not None else Passes(None, {}, progress)
    tables = work.tables([Pass(run.name, partial(_rows, predictor, queries, run, config)) for run in runs])
    return pd.concat(tables, ignore_index=True)


def fitting(
    predictor: Predictor, queries: Sequence[Example], config: EvaluationConfig
) -> tuple[list[Example], Counter[str]]:
    """The queries of an evaluation that the model can read at all, and how many were left out, by reason.

    Raises ``InvalidData`` when none is left.
    """
    readable, left_out = [], Counter[str]()
    for example in at_most(queries, config.most):
        try:
            predictor.writer.prompt(example.query, (), config.code(example))
            readable.append(example)
        except PromptTooLong:
            left_out["longer than the model reads"] += 1
    if left_out and not readable:
        raise InvalidData(
            f"All {left_out.total()} queries are longer than the {predictor.model.context} tokens that {predictor.model.config.name!r} "
            "reads; name a model with a longer context by --model, or give shorter queries."
        )
    return readable, left_out


def _require(predictor: Predictor, queries: Sequence[Example], config: EvaluationConfig, k: int) -> None:
    """Raise ``PoolTooSmall`` now rather than after the runs with fewer demonstrations; asks for one query a language."""
    pool = predictor.index.pool
    for example in {query.language: query for query in queries}.values():
        pool.require(pool.usable(example.query, config.pool_languages), k, example.query)


def _rows(
    predictor: Predictor, queries: Sequence[Example], run: Run, config: EvaluationConfig, progress: Progress
) -> pd.DataFrame:
    """The table of one pass."""
    stage = f"{run.strategy}, k = {run.k}"
    predictor.index.prepare(lambda share, text: progress(0.0, f"{text}, {share:.0%}"))
    predictor.index.prepared([query.text for query in queries])
    predictor.prepare(
        [_question(example, run, config) for example in queries],
        lambda share: progress(0.0, f"{stage}: asking the model, {share:.0%}"),
    )
    prepared = [_prepared(predictor, example, run, config) for example in queries]
    answer = closed_columns if predictor.task.is_closed else written_columns
    answers = answer(predictor, prepared, lambda share: progress(share, stage))
    shared = (shared_columns(entry, run, config.shown_labels) for entry in prepared)
    rows = pd.DataFrame([row | columns for row, columns in zip(shared, answers, strict=True)])
    return rows.astype({"adherence": float, "coherence": float, "confidence": float})


def _prepared(predictor: Predictor, example: Example, run: Run, config: EvaluationConfig) -> PreparedQuery:
    try:
        selection = predictor.select(_question(example, run, config))
        labelled = show_labels(
            selection.demonstrations, config.shown_labels, predictor.task.labels, run.seed, example.id
        )
        selection = replace(selection, demonstrations=labelled)
        return PreparedQuery.of(predictor.writer, example, selection, config.code(example))
    except PromptTooLong as error:  # only under a framing: what does not fit by itself is left out by ``fitting``
        raise PromptTooLong(f"The query {example.id!r} under {run.strategy}, k = {run.k}: {error}") from error


def _question(example: Example, run: Run, config: EvaluationConfig) -> Question:
    return Question(example.query, run.strategy, run.k, (config.code(example),), config.pool_languages, run.seed)
