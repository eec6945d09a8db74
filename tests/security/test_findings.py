"""The table of findings names every attack, and no other."""

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent


def test_every_attack_has_its_row_and_every_row_its_attack() -> None:
    attacks = [
        name
        for path in sorted(HERE.glob("test_attack_*.py"))
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    rows = re.findall(
        r"^\| .+ \| .+ \| `(test_\w+)` \|$", (HERE / "FINDINGS.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(attacks) > 30
    assert sorted(rows) == sorted(attacks)
