"""A finished run as a folder to pass on."""

import argparse
from pathlib import Path

from core.training.published import publish


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("run", type=Path, help="folder of a finished train.py fit")
    parser.add_argument(
        "output", type=Path, help="new folder: policy, adapter, log without sentences, what they were made from"
    )
    parser.add_argument("--comparison", type=Path, help="record of train.py compare, whose findings go along")


def run(options: argparse.Namespace, began: float) -> int:
    """Copy what may be passed on, and say how large it is."""
    size = publish(options.run, options.output, options.comparison)
    print(f"{options.output}: {size / 1e6:.1f} MB, without bank, vectors, checkpoints and sentences of the corpus.")
    return 0
