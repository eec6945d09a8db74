"""What a finished run leaves behind: taken up by name, only on its model, and passed over where it was of no use."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import byte_tokenizer, tiny_llama_config, tiny_model, toy_examples

from core.data.pool import Pool
from core.errors import ModelUnavailable
from core.inference.predictor import Question
from core.models.embeddings import SentenceVectors
from core.models.loading import ModelConfig, load_model
from core.models.trained_run import read_trained
from core.records import Query
from core.training.config import LossConfig
from core.training.run import fit, verdict
from core.workbench import Workbench


@pytest.mark.parametrize("trained", ["lora", "full", "policy"])
def test_what_was_trained_is_used_again_and_only_on_its_model(
    make_loop: Any, short: Any, tmp_path: Path, trained: str
) -> None:
    """Loaded by name, weights and projection give the vectors that the loop ended with; another model is refused."""
    plain = tmp_path / "base"
    tokenizer = byte_tokenizer()
    base = tiny_model(
        tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048)
    )  # what the loop begins with
    base.network.save_pretrained(plain)
    tokenizer.save_pretrained(plain)
    optim = replace(short.optim, trained=trained, learning_rate=0.05 if trained == "lora" else 0.01)
    losses = LossConfig(align=0.0 if trained == "policy" else 1.0)
    loop = make_loop(tmp_path / "run", optim=optim, losses=losses)
    assert fit(loop) is not None
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest | {"fallback": ""}))
    loaded = load_model(ModelConfig(str(plain)))
    again = load_model(ModelConfig(str(plain), run=str(tmp_path / "run")))
    texts = ["A robot repairs the pipe.", "Meya alishindwa katika kura."]
    with torch.no_grad():
        expected = loop.learner.raw(texts).numpy()
    assert again.projection == pytest.approx(loop.learner.projection.detach().numpy())
    assert SentenceVectors(again).raw(texts) == pytest.approx(expected, abs=1e-4)
    assert (SentenceVectors(loaded).raw(texts) == pytest.approx(expected, abs=1e-4)) == (trained == "policy")
    assert again.fingerprint != loaded.fingerprint
    other = tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048), seed=1)
    other.network.save_pretrained(tmp_path / "other")
    tokenizer.save_pretrained(tmp_path / "other")
    with pytest.raises(ModelUnavailable, match=r"choose the model it was made with"):
        load_model(ModelConfig(str(tmp_path / "other"), run=str(tmp_path / "run")))


def test_a_run_on_a_few_development_items_falls_back_to_nothing_and_says_that_it_cannot_tell(
    make_loop: Any, tmp_path: Path
) -> None:
    """On the toy model nearest neighbours have half right and the policy a third, of two items: that says nothing."""
    entry = fit(make_loop(tmp_path))
    assert entry is not None
    assert entry["after"]["knn"] > entry["after"]["agl"]
    assert (entry["fallback"], entry["fallback_tests"]) == ("", [])
    assert "Too few development items" in verdict(entry)
    assert read_trained(tmp_path).fallback == ""


def test_inference_uses_the_fall_back_and_names_it(make_loop: Any, tmp_path: Path, encoder: Any) -> None:
    """Self-selection of a run that fell back is nearest neighbours, in choice and provenance, unless the run is insisted on."""
    tokenizer = byte_tokenizer()
    base = tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048))
    base.network.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    fit(make_loop(tmp_path / "run"))
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest | {"fallback": "knn"}))
    question = Question(Query("The crowd cheered for the runner.", "eng_Latn"), k=3)
    shown, provenance, elsewhere = {}, {}, {}
    for fall_back in (True, False):
        model = load_model(ModelConfig(str(tmp_path / "base"), run=str(tmp_path / "run"), fall_back=fall_back))
        predictor = Workbench(model, encoder, pools={"topic": Pool(toy_examples())}).predictor("topic")
        prediction = predictor.predict(question)
        shown[fall_back] = [entry.example.id for entry in prediction.selection.demonstrations]
        provenance[fall_back] = (prediction.provenance["adapter"], prediction.provenance["fallback"])
        neighbours = predictor.select(replace(question, strategy="knn")).demonstrations
        assert (shown[fall_back] == [entry.example.id for entry in neighbours]) == fall_back
        moods = [replace(one, label=("positive", "negative")[n % 2]) for n, one in enumerate(toy_examples())]
        other = Workbench(model, encoder, pools={"sentiment": Pool(tuple(moods))}).predictor("sentiment")
        elsewhere[fall_back] = other.predict(question)
        untrained = other.select(replace(question, strategy="agl-untrained")).demonstrations
        same = elsewhere[fall_back].selection.demonstrations == untrained
        assert same == fall_back, "of another task the run's choice is not used unless it is insisted on"
    assert provenance == {True: ("run", "knn"), False: ("run", "none")}
    assert [elsewhere[how].provenance["fallback"] for how in (True, False)] == ["other task", "none"]
