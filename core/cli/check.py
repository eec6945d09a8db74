"""Check a folder of demonstrations."""

import argparse
import time
from pathlib import Path

from core.data.checks import check_demonstrations
from core.data.examples import read_examples


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("folder", type=Path)


def run(options: argparse.Namespace, began: float) -> int:
    """Check a folder of demonstrations; 1 when anything is found."""
    problems = check_demonstrations(read_examples(options.folder))
    for problem in problems:
        print(f"{problem.kind}: {problem.message}")
    print(f"{len(problems)} problems found in {time.perf_counter() - began:.1f} s")
    return 1 if problems else 0
