"""Train the embedded models: tokenizer, sentence encoder, language model."""

import argparse
import time
from pathlib import Path

from core.cli.options import CONFIGS, ROOT, overrides, overrides_argument
from core.config import read_config
from core.data.tasks import load_tasks
from core.embedded.config import PretrainConfig
from core.embedded.corpus import data_folder
from core.embedded.recipe import pretrain
from core.models.loading import ASSETS


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--config", type=Path, default=CONFIGS / "pretrain_cpu.toml")
    parser.add_argument("--data", required=True, help="folder of Parquet files, or hub:owner/name, see README")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "pretrain", help="checkpoints; resumed if present")
    overrides_argument(parser, "decoder.steps=100")


def run(options: argparse.Namespace, began: float) -> int:
    """Train into ``--work``."""
    config = read_config(options.config, PretrainConfig, overrides(options.overrides))

    def report(line: str) -> None:
        print(f"{(time.perf_counter() - began) / 60:5.1f} min  {line}", flush=True)

    pretrain(config, data_folder(options.data), ASSETS, load_tasks(ASSETS), options.work, report)
    report(f"done: {options.work / 'lm'} and {options.work / 'encoder'}; copy them to assets/models to ship them")
    return 0
