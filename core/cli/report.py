"""Reports from records: Markdown, LaTeX, and one HTML file with interactive figures."""

import argparse
from pathlib import Path

from core.cli.options import ROOT, parts
from core.errors import InvalidConfig
from core.models.loading import ASSETS
from core.report.markup import markdown
from core.report.readme import documents, figures, rewritten
from core.report.renderers import documents_in
from core.report.writers import WRITERS


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="a record, or a folder that holds some")
    parser.add_argument("--output", type=Path, help="folder for the files; without it Markdown is printed")
    parser.add_argument("--format", default="", help="markdown, latex, html, or several with commas; default all")
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
    documents = documents_in(options.folders)
    if options.output is None:
        print(markdown(documents), end="")
        return 0
    options.output.mkdir(parents=True, exist_ok=True)
    for name in formats:
        ending, write = WRITERS[name]
        path = options.output / f"report{ending}"
        path.write_text(write(documents), encoding="utf-8")
        print(path)
    return 0


def _readme(root: Path) -> int:
    for name in documents():
        path = root / name
        before = path.read_text(encoding="utf-8")
        after = rewritten(before, document=name)
        path.write_text(after, encoding="utf-8")
        print(f"{name} says what the records say." if after == before else f"{name} was changed.")
    for name, figure in figures().items():
        (ASSETS / "figures" / name).write_text(figure, encoding="utf-8")
    return 0
