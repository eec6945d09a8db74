"""Systems of several evaluation records against one of them: trained runs of several seeds and their baselines."""

import argparse
from pathlib import Path

from core.errors import InvalidConfig
from core.evaluation import refuse_overwrite
from core.experiments.comparison import Source, compare
from core.experiments.runner import printed
from core.run_record import write_record


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument(
        "systems",
        nargs="+",
        metavar="NAME=FOLDER:STRATEGY[:K]",
        help="a strategy of an evaluation record; a name that is given again adds another training seed of the same system",
    )
    parser.add_argument("--first", default="", help="the system that is compared with every other; default the first")
    parser.add_argument(
        "--shared", action="store_true", help="on the queries that all answered, where some answered more"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")


def run(options: argparse.Namespace, began: float) -> int:
    """Compare, write the record, print its tables."""
    refuse_overwrite(options.output)
    systems: dict[str, list[Source]] = {}
    for text in options.systems:
        name, source = _system(text)
        systems.setdefault(name, []).append(source)
    entry = compare(systems, options.first or next(iter(systems)), options.shared)
    write_record(options.output / "record.json", entry)
    print(printed(entry, ["systems", "pairs"]))
    return 0


def _system(text: str) -> tuple[str, Source]:
    name, sign, rest = text.partition("=")
    folder, *more = rest.split(":")
    if not (name and sign and folder and 1 <= len(more) <= 2) or not all(more):
        raise InvalidConfig(f"{text!r} names no system; write NAME=FOLDER:STRATEGY or NAME=FOLDER:STRATEGY:K.")
    if len(more) == 2 and not more[1].isdigit():
        raise InvalidConfig(f"{text!r}: {more[1]!r} is no number of demonstrations.")
    return name, Source(Path(folder), more[0], int(more[1]) if len(more) == 2 else None)
