"""Queries for evaluations at toy size, and the command that evaluates them."""

from pathlib import Path

from core.records import Example

QUERIES = [
    Example(f"q{number}", f"query-{number}", code, text, label)
    for number, (code, text, label) in enumerate(
        [
            ("eng_Latn", "A doctor heals the cold.", "health"),
            ("fra_Latn", "Le train part demain.", "travel"),
            ("eng_Latn", "The runner won.", "sports"),
        ]
    )
]


def evaluation(files: dict[str, str], output: Path, **changes: str) -> list[str]:
    options = {
        "queries": files["queries"],
        "pool": files["pool"],
        "languages": "en,fra_Latn",
        "strategies": "zero-shot,knn",
        "k": "2",
        "output": str(output),
    } | changes
    return ["evaluate", *(word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value))]


def said(stderr: str) -> str:
    """The one line on stderr that is not the progress bar."""
    lines = [line for line in stderr.replace("\r", "\n").split("\n") if line.strip() and "%|" not in line]
    assert len(lines) == 1, lines
    return lines[0]
