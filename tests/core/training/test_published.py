"""A run to pass on: it answers as before, holds no sentence of the corpus, and is refused where it cannot be small or new.

Tests of `core.training.published`, `core.cli.publish`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import toy_examples

import train
from core.errors import InvalidConfig, ModelUnavailable
from core.models.trained_run import read_trained
from core.training.published import publish
from core.training.run import fit
from core.training.run_log import RunLog


def test_a_published_run_answers_as_before_and_holds_no_sentence_of_the_corpus(
    make_loop: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, output = tmp_path / "run", tmp_path / "published" / "run"
    assert fit(make_loop(run)) is not None
    manifest = json.loads((run / "run.json").read_text())
    manifest["model"]["licence"] = "Gemma Terms of Use"
    config = run / "adapter" / "adapter_config.json"  # as PEFT writes it where the model was loaded from a folder
    config.write_text(
        json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": "/home/somebody/models/x"})
    )
    (run / "run.json").write_text(json.dumps(manifest))
    assert any("choices" in line for line in RunLog(run / "log.jsonl").lines())
    compared = tmp_path / "compared"
    compared.mkdir()
    (compared / "record.json").write_text('{"command": "compare", "findings": ["8 points better."], "tables": {}}')
    assert train.main(["publish", str(run), str(output), "--comparison", str(compared)]) == 0
    assert "MB, without bank" in capsys.readouterr().out
    before, after = read_trained(run), read_trained(output)
    assert np.array_equal(before.weight, after.weight)
    assert before.manifest == after.manifest
    assert {path.name for path in output.iterdir()} == {
        "NOTICE",
        "adapter",
        "comparison.json",
        "log.jsonl",
        "policy.safetensors",
        "run.json",
    }
    said = json.loads((output / "comparison.json").read_text())
    assert said == {"command": "compare", "findings": ["8 points better."]}
    assert "Gemma Terms of Use" in (output / "NOTICE").read_text()
    kept = [line["iteration"] for line in RunLog(output / "log.jsonl").lines()]
    assert kept == [line["iteration"] for line in RunLog(run / "log.jsonl").lines()]
    text = "".join(path.read_text() for path in output.rglob("*.json*"))
    assert "somebody" not in text
    written = {example.text for example in after.written}
    assert not [example for example in toy_examples() if example.text in text and example.text not in written]


def test_no_run_a_folder_that_is_there_and_whole_models_are_refused(make_loop: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="holds no finished run"):
        publish(tmp_path, tmp_path / "new")
    run = tmp_path / "run"
    assert fit(make_loop(run)) is not None
    with pytest.raises(InvalidConfig, match="is there already"):
        publish(run, tmp_path)
    (run / "record.json").write_text("{}")
    with pytest.raises(InvalidConfig, match="holds no findings"):
        publish(run, tmp_path / "new", run)
    (run / "model").mkdir()
    with pytest.raises(InvalidConfig, match="trained all weights"):
        publish(run, tmp_path / "new")
    assert not (tmp_path / "new").exists()
