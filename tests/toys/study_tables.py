"""Tables of outputs for studies, as files."""

import json
from pathlib import Path

LONG = "moja mbili tatu nne tano sita"


def table(folder: Path, items: int, **changes: str) -> Path:
    """Items in Swahili with an output of each of two systems."""
    path = folder / "outputs.jsonl"
    rows = [
        {"item": f"i{n}", "language": "sw", "source_text": f"t{n}", "system": s, "output": f"{LONG} {n} {s}", **changes}
        for n in range(items)
        for s in ("agl", "knn")
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path
