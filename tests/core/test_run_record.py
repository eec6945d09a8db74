"""The record of a run reads well, and reads back."""

import json
from pathlib import Path

from core.models.loading import LanguageModel
from core.run_record import model_facts, write_record


def test_a_record_has_a_line_a_field_and_a_line_a_row(tmp_path: Path) -> None:
    entry = {
        "command": "python é",
        "config": {"k": [1, 2]},
        "rows": [{"k": 1, "a": None}, {"k": 2, "a": 0.5}],
        "none": [],
    }
    path = tmp_path / "new" / "record.json"
    write_record(path, entry)
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == entry
    assert text == (
        '{\n "command": "python é",\n "config": {"k": [1, 2]},\n "rows": [\n'
        '  {"k": 1, "a": null},\n  {"k": 2, "a": 0.5}\n ],\n "none": []\n}\n'
    )


def test_a_record_names_the_model_by_its_fingerprint(model: LanguageModel) -> None:
    assert model_facts(model) == {"name": "tiny", "precision": "fp32", "fingerprint": model.fingerprint}
