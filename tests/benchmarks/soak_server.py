"""The app as ``python app/main.py`` starts it, with a clock that can be set back from outside and what it says of its backups noted.

In the working folder: ``clock-NAME`` holds the seconds that the store's clock is off, ``state-NAME.jsonl`` gets a line every half
second. NAME comes from the environment, ``SOAK_NAME``.
"""

import contextlib
import json
import os
import sys
import threading
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import app.services
from annotation.backup.backed_up_store import BackedUpStore, open_with_backups
from annotation.database.transactions import utc_now
from app.main import main

NAME = os.environ["SOAK_NAME"]
EVERY_S = 0.5


def clock() -> datetime:
    off = 0.0
    with contextlib.suppress(OSError, ValueError):
        off = float(Path(f"clock-{NAME}").read_text())
    return utc_now() + timedelta(seconds=off)


def watched(*args: Any, **options: Any) -> BackedUpStore:
    opened = open_with_backups(*args, **(options | {"clock": clock}))
    threading.Thread(target=partial(note, opened), daemon=True).start()
    return opened


def note(opened: BackedUpStore) -> None:
    assert opened.backups is not None
    with Path(f"state-{NAME}.jsonl").open("a", encoding="utf-8") as file:
        while True:
            state = opened.backups.state()
            said = {"at": time.time(), "healthy": state.healthy, "failures": state.failures, "notes": state.notes}
            file.write(json.dumps(said) + "\n")
            file.flush()
            time.sleep(EVERY_S)


if __name__ == "__main__":
    app.services.open_with_backups = watched  # type: ignore[attr-defined]
    sys.exit(main())
