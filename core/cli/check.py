"""Check a folder of demonstrations."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from core.cli.options import to_stderr
from core.data.checks import check_demonstrations
from core.data.examples import read_examples
from core.records import Example

WORST_FIRST = ("ids", "conflict", "duplicate", "language", "script", "completeness", "length")
MOST_REPORTED = 5  # problems of a pool beside an answer


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("folder", type=Path)


def report(source: str, examples: Sequence[Example]) -> None:
    """Say on standard error what is odd about a pool that is going to be used, the worst first; nothing where nothing is."""
    problems = sorted(check_demonstrations(examples), key=lambda problem: WORST_FIRST.index(problem.kind))
    for problem in problems[:MOST_REPORTED]:
        to_stderr(f"{source}: {problem.kind}: {problem.message}")
    if len(problems) > MOST_REPORTED:
        to_stderr(
            f"{source}: {len(problems) - MOST_REPORTED} more problems; python train.py check {source} lists them all."
        )


def run(options: argparse.Namespace, began: float) -> int:
    """Check a folder of demonstrations; 1 when anything is found."""
    problems = check_demonstrations(read_examples(options.folder))
    for problem in problems:
        print(f"{problem.kind}: {problem.message}")
    print(f"{len(problems)} problems found in {time.perf_counter() - began:.1f} s")
    return 1 if problems else 0
