"""What a workbench puts together: a pool is the one that the model's closed-loop run left, also a pool of one's own."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from toys import toy_examples

from core.data.pool import Pool
from core.evaluation import EvaluationConfig, evaluate
from core.models.catalogue import cards
from core.models.loading import LanguageModel
from core.models.trained_run import Trained
from core.records import Example
from core.workbench import Workbench, bundled_examples, layer_of

WRITTEN = Example("w1", "w1", "fra_Latn", "Le robot répare le train.", toy_examples()[0].label, origin="generated")


def after_run(model: LanguageModel, task: str = "topic") -> LanguageModel:
    """The model with a run that retired the first example of the toy pool and wrote one, on a pool from a file."""
    manifest: dict[str, Any] = {
        "config": {"task": task, "policy": {"redundancy": 0.0}},
        "model": {"fingerprint": model.fingerprint},
        "pool": "demo.jsonl",
        "written": [asdict(WRITTEN)],
        "retired": [toy_examples()[0].id],
    }
    width = model.network.config.hidden_size
    return replace(model, trained=Trained(Path("run"), np.eye(width, dtype=np.float32), 0.1, "", manifest))


def test_a_pool_of_ones_own_has_the_written_pairs_and_lacks_the_retired_examples(model: Any, encoder: Any) -> None:
    """It took neither, so that what a run wrote could never reach an evaluation."""
    mine = Pool(toy_examples(), cross_lingual=False)
    pool = Workbench(after_run(model), encoder, pools={"topic": mine}).pool("topic")
    assert WRITTEN in pool.examples and toy_examples()[0] not in pool.examples
    assert len(pool) == len(mine) and pool.cross_lingual is False


def test_a_written_pair_reaches_the_contexts_of_an_evaluation(model: Any, encoder: Any) -> None:
    workbench = Workbench(after_run(model), encoder, pools={"topic": Pool(toy_examples())})
    query = Example("q", "q", "eng_Latn", "A robot repairs the train.", toy_examples()[0].label)
    rows = evaluate(workbench.predictor("topic"), [query], EvaluationConfig(("random",), (11,), (0,), None))
    assert "generated" in rows["demonstration_origins"][0]


def test_a_run_of_another_task_changes_no_pool(model: Any, encoder: Any) -> None:
    mine = Pool(toy_examples())
    assert Workbench(after_run(model, "sentiment"), encoder, pools={"topic": mine}).pool("topic") == mine


def test_bundled_sentences_are_read_once_a_process() -> None:
    """Every opening of the page asked for them eleven times, which took a second of the server."""
    assert bundled_examples("topic") is bundled_examples("topic")


def test_own_vectors_are_of_the_layer_that_a_run_or_else_the_card_names(model: Any) -> None:
    assert layer_of(model) is None  # no card: the middle layer
    known = replace(model, config=replace(model.config, name="gemma-3-270m"))
    assert layer_of(known) == cards()["gemma-3-270m"].layer == 11
    run = Trained(Path("run"), np.eye(2, dtype=np.float32), 0.1, "", {"layer": 3})
    assert layer_of(replace(known, trained=run)) == 3
