"""Headless Chromium of the system, and how long a page may take to show what a test waits for."""

from pathlib import Path

# The shell draws no window of a browser around the page, which halves the processor time of a test.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next((path for name in NAMES if Path(path := f"/usr/bin/{name}").exists()), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
ANSWERED = '#explore-results [data-answer]:not([data-answer=""]) .card'  # of an answer that grows no more
PATIENCE_MS = 120_000  # on a machine that does other things too, a model takes its time
