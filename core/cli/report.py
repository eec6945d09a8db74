"""Reports from records: Markdown, LaTeX, and one HTML file with interactive figures."""

import argparse
from functools import partial
from pathlib import Path

from core.cli.options import ROOT, parts
from core.errors import InvalidConfig
from core.models.loading import ASSETS
from core.report.leaderboard import leaderboards
from core.report.markup import markdown, markdown_table
from core.report.reading import read_record, record_folders
from core.report.readme import documents, figures, rewritten
from core.report.renderers import documents_in
from core.report.writers import WRITERS
from core.run_record import write_whole


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="a record, or a folder that holds some")
    parser.add_argument("--output", type=Path, help="folder for the files; without it Markdown is printed")
    parser.add_argument("--format", default="", help="markdown, latex, html, or several with commas; default all")
    parser.add_argument(
        "--leaderboard", action="store_true", help="all systems of the records against each other, a board a task"
    )
    parser.add_argument(
        "--readme", action="store_true", help="make the results in README.md and docs anew from assets/results"
    )


def run(options: argparse.Namespace, began: float) -> int:
    """Print or write the report of the records in the folders, or make the results in README anew."""
    if options.readme == bool(options.folders):
        raise InvalidConfig("Name folders with records, or give --readme alone.")
    if options.readme:
        return _readme(ROOT)
    formats = parts(options.format) or (list(WRITERS) if options.output else ["markdown"])
    for name in formats:
        if name not in WRITERS:
            raise InvalidConfig(f"There is no format {name!r}; choose from {', '.join(WRITERS)}.")
    if options.output is None and formats != ["markdown"]:
        raise InvalidConfig(f"{', '.join(formats)} needs a folder to be written to; name one with --output.")
    if options.leaderboard:
        return _leaderboards(options)
    reports = documents_in(options.folders)
    if options.output is None:
        print(markdown(reports), end="")
        return 0
    for name in formats:
        ending, write = WRITERS[name]
        path = options.output / f"report{ending}"
        write_whole(path, partial(Path.write_text, data=write(reports), encoding="utf-8"))
        print(path)
    return 0


def _readme(root: Path) -> int:
    for name in documents():
        path = root / name
        old = path.read_text(encoding="utf-8")
        new = rewritten(old, document=name)
        path.write_text(new, encoding="utf-8")
        print(f"{name} says what the records say." if new == old else f"{name} was changed.")
    for name, figure in figures().items():
        (ASSETS / "figures" / name).write_text(figure, encoding="utf-8")
    return 0


def _leaderboards(options: argparse.Namespace) -> int:
    """Print every board with its first line and citation; with --output also CSV and BibTeX."""
    records = [read_record(folder, name) for name, folder in record_folders(options.folders)]
    boards = leaderboards(records)
    if not boards:
        raise InvalidConfig("None of the records has item-level predictions (items.parquet), so nothing can be ranked.")
    for task, board in boards.items():
        print(f"{board.headline}\n\n{markdown_table(board.table())}\n\n{board.citation()}")
        if options.output is not None:
            path = options.output / f"leaderboard-{task}"
            for ending, text in ((".csv", board.csv()), (".bib", board.citation())):
                write_whole(path.with_suffix(ending), partial(Path.write_text, data=text, encoding="utf-8"))
    return 0
