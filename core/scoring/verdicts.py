"""Checks that a converted model has passed, remembered beside it.

A scorer holds its fast methods to the slow one on the model itself (``core.scoring.scorer``), which takes Gemma 3 270M longer
than the first answer. A check that was passed is of this model (its fingerprint), this processor, number of threads,
torch, transformers and source of ``core.scoring``, and is not made again while all of them are the same. One that failed is made, and
says so in the log, each time. Models that the project did not convert are checked each time: their folders are not ours to write to.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import torch

from core.errors import OutputUnwritable
from core.models.catalogue import RECORD
from core.models.cpu_speed import cpu_name
from core.models.loading import LanguageModel
from core.run_record import write_whole

FILE = "scoring_checks.json"
MOST = 20  # entries of a file; the oldest are dropped


@cache
def source_digest() -> str:
    """Twelve hex digits that change with the code of scoring."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class Verdicts:
    """What one model has passed."""

    def __init__(self, model: LanguageModel) -> None:
        """Nothing is read before it is asked for."""
        self._model = model

    def passes(self, name: str, check: Callable[[], bool]) -> bool:
        """Whether the model passes ``check``, or passed the check of this ``name`` in the same circumstances."""
        folder = Path(self._model.source.location)
        if not folder.is_absolute() or not (folder / RECORD).is_file():
            return check()
        entry, path = self._entry(name), folder / FILE
        passed = _read(path)
        if entry in passed:
            return True
        if not check():
            return False
        text = json.dumps([*passed, entry][-MOST:], indent=1) + "\n"
        with suppress(OutputUnwritable):  # a cache that is not ours to write: checked at every start
            write_whole(path, partial(Path.write_text, data=text, encoding="utf-8"))
        return True

    def _entry(self, name: str) -> dict[str, str | int]:
        from transformers import __version__

        return {
            "check": name,
            "model": self._model.fingerprint,
            "device": str(self._model.device),
            "cpu": cpu_name(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "transformers": __version__,
            "source": source_digest(),
        }


def _read(path: Path) -> list[dict[str, str | int]]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
