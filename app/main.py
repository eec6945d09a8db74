"""Starts the app: ``python -m app.main``, ``python app/main.py`` from anywhere, or as a Space's app file.

As a script this module is ``__main__``; nothing imports it.
"""

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    # Python puts a script's own folder first, where html.py would stand before the standard library's.
    sys.path[:] = [str(ROOT), *(path for path in sys.path if Path(path or ".").resolve() != ROOT / "app")]

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

from app.options import parse
from app.server import serve  # light: it says "waking up" before anything heavy is imported


def main() -> int:
    """Open the app. Returns 2 with one sentence when something given cannot be used."""
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # how a container is stopped: the last backup is still made
    return serve(options)


if __name__ == "__main__":
    sys.exit(main())
