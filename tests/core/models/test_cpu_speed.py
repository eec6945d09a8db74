"""bf16 on a CPU: chosen where it was measured to be faster for the model, never for the small ones, and measured once."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.models import cpu_speed
from core.models.catalogue import GEMMA, RECORD
from core.models.cpu_speed import FILE, WORTH, measured
from core.models.devices import default_precision
from core.models.loading import ModelConfig

CPU = torch.device("cpu")


@pytest.fixture
def converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a converted model of two layers leaves in the cache, as far as its speed is concerned."""
    monkeypatch.setenv("AGL_CACHE", str(tmp_path))
    folder = tmp_path / "models" / GEMMA
    folder.mkdir(parents=True)
    weights = {f"model.layers.{layer}.mlp.up_proj.weight": torch.zeros(64, 32) for layer in range(2)}
    save_file(weights | {"model.embed_tokens.weight": torch.zeros(500, 32)}, folder / "model.safetensors")
    (folder / RECORD).write_text("{}")
    return folder


@pytest.mark.parametrize(("ratio", "precision"), [(WORTH + 0.1, "bf16"), (WORTH - 0.1, "fp32"), (0.0, "fp32")])
def test_a_converted_model_is_held_in_what_this_cpu_multiplies_faster(
    converted: Path, monkeypatch: pytest.MonkeyPatch, ratio: float, precision: str
) -> None:
    monkeypatch.setattr(cpu_speed, "measure", lambda _folder: ratio)
    assert default_precision(CPU, GEMMA) == precision
    assert default_precision(CPU, str(converted)) == precision
    assert ModelConfig(GEMMA, device="cpu").precision == precision
    assert ModelConfig(GEMMA, "fp32", device="cpu").precision == "fp32"  # who says what he wants gets it
    assert ModelConfig(GEMMA, device="cpu", run="some").precision == "fp32"  # a run began in fp32
    assert default_precision(CPU, "tiny") == default_precision(CPU, "owner/name") == "fp32"


def test_it_is_measured_once_for_each_cpu(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []
    monkeypatch.setattr(cpu_speed, "measure", lambda folder: calls.append(folder) or 2.0)
    assert measured(converted) == measured(converted)
    monkeypatch.setattr(cpu_speed, "cpu_name", lambda: "another CPU")
    measured(converted)
    assert calls == [converted, converted]
    entries = json.loads((converted / FILE).read_text())
    assert [entry["bf16_over_fp32"] for entry in entries] == [2.0, 2.0]
    (converted / FILE).write_text("{torn")
    assert measured(converted)["bf16_over_fp32"] == 2.0


def test_the_measurement_is_of_the_layers_matrices(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(cpu_speed, "_seconds", lambda matrices, dtype: seen.append(matrices) or 1.0)
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        assert cpu_speed.measure(converted) == 0.0
        return
    assert cpu_speed.measure(converted) == 1.0
    assert seen == [{(64, 32): 2}] * 2
