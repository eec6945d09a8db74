"""Save a model in 4-bit, so that it is read packed from then on."""

import argparse
from pathlib import Path

from core.models.devices import Memory
from core.models.loading import ModelConfig, load_model, save_model


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--model", required=True, help="gemma-3-270m, tiny, a folder, a .gguf file, or a Hub id")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--output", type=Path, required=True, help="a new folder; name it with --model --precision nf4 later"
    )


def run(options: argparse.Namespace, began: float) -> int:
    """Load in NF4, save, and say what it takes on disk and in memory."""
    before = Memory.now()
    model = load_model(ModelConfig(options.model, "nf4", options.device))
    save_model(model, options.output)
    written = sum(file.stat().st_size for file in options.output.glob("*.safetensors")) / 1e6
    print(
        f"{options.output}: {written:,.1f} MB of weights on disk, {model.megabytes:,.1f} MB in memory on {model.device}; this process "
        f"used {before.process:,.0f} MB before, {Memory.now().process:,.0f} MB with the model."
    )
    return 0
