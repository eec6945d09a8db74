"""README and docs say what is true: their commands, options, links, and the tree."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import train

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = {
    str(p.relative_to(ROOT)): p.read_text(encoding="utf-8")
    for p in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
ALL = "\n".join(DOCUMENTS.values())
MOST_LINES = 200  # of README: a few screens


def test_documents_fits_on_a_few_screens() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_the_two_commands_come_first() -> None:
    body = README.split("---\n", 2)[2]
    first = re.search(r"```\w*\n(.*?)```", body, re.DOTALL)
    assert first
    assert "make demo" in first.group(1)
    assert "make test" in first.group(1)


def test_every_path_in_the_tree_exists() -> None:
    tree = re.search(r"## Where things are\n.*?```\n(.*?)```", README, re.DOTALL)
    assert tree
    paths = [line.split()[0] for line in tree.group(1).splitlines() if line.strip() and not line.startswith(" ")]
    assert len(paths) > 15
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("document", sorted(DOCUMENTS))
def test_every_picture_and_linked_file_exists(document: str) -> None:
    folder = (ROOT / document).parent
    targets = re.findall(r"\]\(([^)#]+)[)#]", DOCUMENTS[document])
    assert [target for target in targets if not target.startswith("http") and not (folder / target).exists()] == []


def test_documents_leads_to_every_document() -> None:
    assert [name for name in DOCUMENTS if name.startswith("docs/") and f"]({name})" not in README] == []


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python train\.py (\w+)", ALL))))
def test_every_command_in_the_documents_has_help_and_its_options(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        train.main([command, "--help"])
    said = capsys.readouterr().out
    used = re.findall(rf"python train\.py {command}[^\n`]*(?:\\\n[^\n`]*)*", ALL)
    for option in {name for line in used for name in re.findall(r"--[a-z-]+", line)}:
        assert option in said, option


def test_help_is_there_for_who_types_it() -> None:
    done = subprocess.run([sys.executable, "train.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(command in done.stdout for command in train.COMMANDS)


def test_make_targets_in_the_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in {name for names in re.findall(r"`make ([\w-]+)|\$ make ([\w-]+)", ALL) for name in names if name}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
