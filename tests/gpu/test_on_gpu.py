"""4-bit and bf16 on a card. Skipped, with the reason, where there is none; ``run.py`` measures what these only check."""

import json
from pathlib import Path

import pytest
import torch
from gpu.run import bars, main

needs_card = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA GPU is seen here; python tests/gpu/run.py measures on one"
)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.slow
def test_the_script_runs_through_in_small_without_a_card(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert main(["--toy", "--device", "cpu", "--output", str(path)]) == 0
    record = json.loads(path.read_text())
    assert record["failed"] == {}
    assert [row["precision"] for row in record["agreement"]] == ["fp32", "bf16", "nf4"]
    assert record["agreement"][0]["largest_difference_nats"] == 0
    assert {(row["precision"], row["batch"]) for row in record["speed"]} == {
        (precision, batch) for precision in ("bf16", "nf4") for batch in (1, 2)
    }
    assert [row["difference_nats"] <= 1e-4 for row in record["scoring"] if row["precision"] == "fp32"] == [True]
    assert all(row["step_s"] > 0 for row in record["closed_loop"])
    assert record["card"] == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_card_nothing_is_measured_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "No GPU is seen here" in capsys.readouterr().err


def test_the_bars_are_weights_and_labels_of_four_bits_beside_bf16() -> None:
    rows = [{"precision": "bf16", "weights_megabytes": 100.0}, {"precision": "nf4", "weights_megabytes": 30.0}]
    record = {"speed": rows, "agreement": [{"precision": "nf4", "label_agreement": 0.99}]}
    assert bars(record) == {"weights_over_bf16": 0.3, "label_agreement": 0.99}
    assert bars({}) == {}


@needs_card
def test_four_bits_take_a_third_of_the_weights_and_keep_the_labels(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert main(["--output", str(path)]) == 0
    found = json.loads(path.read_text())["bars"]
    assert found["weights_over_bf16"] <= 0.35
    assert found["label_agreement"] >= 0.98
