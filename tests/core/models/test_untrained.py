"""Beside a trained policy the one before training, on the same pool and the same answering weights, exactly."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import byte_tokenizer, tiny_llama_config, tiny_model, toy_examples

from core.data.pool import Pool
from core.evaluation import EvaluationConfig, evaluate
from core.inference.predictor import Question
from core.models.loading import ModelConfig, load_model
from core.models.untrained import adapter_off
from core.records import Query
from core.training.config import LossConfig
from core.training.run import fit
from core.workbench import Workbench

QUERY = Query("The crowd cheered for the runner.", "eng_Latn")


@pytest.mark.parametrize("trained", ["lora", "full", "policy"])
def test_the_untrained_policy_chooses_as_the_model_without_the_run(
    make_loop: Any, short: Any, tmp_path: Path, encoder: Any, trained: str
) -> None:
    tokenizer = byte_tokenizer()
    base = tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048))
    base.network.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    optim = replace(short.optim, trained=trained, learning_rate=0.05 if trained == "lora" else 0.01)
    losses = LossConfig(align=0.0 if trained == "policy" else 1.0)
    fit(make_loop(tmp_path / "run", optim=optim, losses=losses))
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest | {"fallback": ""}))
    pools = {"topic": Pool(toy_examples())}
    plain = Workbench(load_model(ModelConfig(str(tmp_path / "base"))), encoder, pools=pools).predictor("topic")
    learnt_model = load_model(ModelConfig(str(tmp_path / "base"), run=str(tmp_path / "run")))
    learnt = Workbench(learnt_model, encoder, pools=pools).predictor("topic")
    now = learnt.select(Question(QUERY, "agl", 4))
    before = learnt.select(Question(QUERY, "agl-untrained", 4))
    expected = plain.select(Question(QUERY, "agl", 4))
    assert [e.example for e in before.demonstrations] == [e.example for e in expected.demonstrations]
    assert [e.log_prob for e in before.demonstrations] == pytest.approx(
        [e.log_prob for e in expected.demonstrations], abs=1e-3
    )
    assert now.log_prob != pytest.approx(before.log_prob, abs=1e-2)
    assert learnt.select(Question(QUERY, "agl", 4)) == now  # the run is back in place
    shares = learnt_model.states_fingerprint == plain.model.fingerprint  # and with it the vectors kept on disk
    assert shares == (trained == "policy")
    assert learnt_model.fingerprint != plain.model.fingerprint
    index = learnt.index
    assert (index.untrained.vectors._vectors is index.vectors._vectors) == (
        trained == "policy"
    )  # the pool is read once
    if trained == "lora":
        learning = {name for name, weight in learnt_model.network.named_parameters() if weight.requires_grad}
        ids = torch.tensor([[2, 3, 4]])
        with torch.no_grad():
            with adapter_off(learnt_model.network):
                off = learnt_model.network(ids).logits
            on = learnt_model.network(ids).logits
            assert off == pytest.approx(plain.model.network(ids).logits, abs=1e-4)
        assert on != pytest.approx(off, abs=1e-3)
        assert learning == {name for name, weight in learnt_model.network.named_parameters() if weight.requires_grad}
    table = evaluate(
        learnt, toy_examples()[:2], EvaluationConfig(("agl", "agl-untrained"), (2,), (0,), None)
    )  # one record holds both
    assert set(table["strategy"]) == {"agl", "agl-untrained"}


def test_without_a_run_the_untrained_policy_is_the_policy(bench: Workbench) -> None:
    predictor = bench.predictor("topic")
    assert predictor.index.untrained is predictor.index
    found = predictor.select(Question(QUERY, "agl-untrained", 4))
    assert found.demonstrations == predictor.select(Question(QUERY, "agl", 4)).demonstrations
