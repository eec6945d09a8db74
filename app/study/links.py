"""Links that make raters: what they end in, how long they are good, and many of them as a file to send them from.

Nothing but that file ever holds the tokens: the store keeps hashes.
"""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from annotation.study_records import Invitation

LONGEST_DAYS = 3650.0
COLUMNS = ("number", "language", "link", "valid_until")


def write_links(path: Path, links: Sequence[tuple[Invitation, str]]) -> Path:
    """A CSV file with a row for each link; ``number`` is the one that Study shows beside the rater who used it."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for one, link in links:
            ends = "" if one.expires_at is None else one.expires_at.isoformat(timespec="minutes")
            rows.writerow([one.id, one.language, link, ends])
    return path


def ends_after(days: float | None) -> datetime | None:
    """When a link ends that is good for ``days`` from now; None: never."""
    return None if not days else datetime.now(UTC) + timedelta(days=min(float(days), LONGEST_DAYS))


def path_of(slug: str, token: str) -> str:
    """What the link ends in; the token stands in the fragment, which no server and no log sees."""
    return f"rate?study={slug}#invite={token}"
