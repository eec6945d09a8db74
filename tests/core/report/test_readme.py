"""README's results are those of the records, and a changed record would show.

Tests of `core.cli.report`, `core.report.writers`.
"""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import core.cli.report as command
from core.errors import InvalidData
from core.report.readme import RESULTS, documents, figures, growth_figure, rewritten
from train import main

ROOT = Path(__file__).resolve().parents[3]
TEXT = "before\n<!-- results: one -->\nold\n<!-- end -->\nbetween\n<!-- results: two -->\n<!-- end -->\nafter\n"
SPECIFICATION = """
[one]
record = "run"
table = "scores"
columns = ["system", "accuracy"]
rows = ["b"]
findings = true

[two]
text = "Reached {n} %."
values.n = ["run/record.json", "results", { system = "b" }, "accuracy", "%"]
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "readme.toml").write_text(SPECIFICATION)
    save(tmp_path, 0.5)
    return tmp_path


def save(results: Path, accuracy: float) -> None:
    rows = [{"system": "a", "accuracy": 0.1, "k": 1}, {"system": "b", "accuracy": accuracy, "k": 1}]
    entry = {
        "kind": "sweep",
        "command": "python train.py sweep",
        "findings": ["b is better."],
        "units": {"accuracy": "%"},
    }
    entry |= {"tables": {"scores": rows}, "results": rows}
    (results / "run" / "record.json").write_text(json.dumps(entry))


def test_documents_say_what_the_records_say() -> None:
    """When this fails after a new record: python train.py report --readme."""
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in documents()}
    assert sum(text.count("<!-- results: ") for text in texts.values()) >= 5
    assert {name: rewritten(text, document=name) for name, text in texts.items()} == texts


def test_no_block_stands_in_a_document_that_no_specification_names() -> None:
    holders = {
        str(p.relative_to(ROOT))
        for p in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        if "<!-- results: " in p.read_text()
    }
    assert holders == set(documents())


def test_a_block_of_a_document_in_a_folder_links_from_there(results: Path) -> None:
    specification = (results / "readme.toml").read_text().replace("[one]", '[one]\ndocument = "docs/results.md"')
    (results / "readme.toml").write_text(specification)
    one, two = TEXT.split("between")
    assert "([record](../assets/results/run/record.json))" in rewritten(one, results, "docs/results.md")
    assert rewritten("between" + two, results).endswith("Reached 50.0 %.\n<!-- end -->\nafter\n")


def test_the_drawn_figures_are_those_of_the_records() -> None:
    """When this fails after a new record: python train.py report --readme."""
    made = figures()
    assert made
    for name, drawn in made.items():
        assert (ROOT / "assets" / "figures" / name).read_text(encoding="utf-8") == drawn


def test_a_figure_has_a_point_for_every_row_and_is_well_formed(tmp_path: Path) -> None:
    rows = [{"n": n, "ms": 2.0 * n, "way": way} for way in ("a", "b") for n in (1, 10, 100)]
    (tmp_path / "times.json").write_text(json.dumps({"times": rows}))
    panel = {"title": "<growth>", "record": "times.json", "rows": "times", "x": "n", "unit": "ms"}
    panel |= {"lines": [{"name": way, "y": "ms", "where": {"way": way}} for way in ("a", "b")]}
    drawn = growth_figure([panel], tmp_path)
    ElementTree.fromstring(drawn)
    # Ticks at 1, 10, 100 and 1,000; points of 2, 20 and 200 are as far apart as ticks are, a third of 158 pixels.
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert len(heights) == 6
    assert heights[0] - heights[1] == pytest.approx(158 / 3, abs=0.11)
    with pytest.raises(InvalidData, match="no rows to draw 'a' of '<growth>'"):
        growth_figure([panel | {"where": {"n": 5}}], tmp_path)


def test_blocks_are_made_from_records_and_the_rest_is_left_alone(results: Path) -> None:
    made = rewritten(TEXT, results)
    assert made == (
        "before\n<!-- results: one -->\n| system | accuracy, % |\n| --- | --- |\n| b | 50.0 |\n\n- b is better.\n\n"
        "Made by `python train.py sweep` ([record](assets/results/run/record.json)).\n<!-- end -->\nbetween\n"
        "<!-- results: two -->\nReached 50.0 %.\n<!-- end -->\nafter\n"
    )
    assert rewritten(made, results) == made


def test_another_number_in_a_record_is_another_readme(results: Path) -> None:
    made = rewritten(TEXT, results)
    save(results, 0.501)
    assert rewritten(made, results) != made


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[two]", "[three]", "Block 'three': the text has no such block"),
        ('"scores"', '"score"', "shows table 'score'; run has scores"),
        ('"accuracy"]', '"f1"]', "shows column 'f1'; the table has system, accuracy, k"),
        ('system = "b"', 'system = "c"', "which a block of README shows"),
        ("[one]", "[one", "cannot be read"),
    ],
)
def test_blocks_that_cannot_be_made_end_in_a_sentence(results: Path, old: str, new: str, said: str) -> None:
    (results / "readme.toml").write_text(SPECIFICATION.replace(old, new))
    with pytest.raises(InvalidData, match=said):
        rewritten(TEXT, results)


def test_the_command_writes_every_format_or_prints_markdown(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(results / "run")]) == 0
    assert "| b | 50.0 | 1 |" in capsys.readouterr().out
    assert main(["report", str(results), "--output", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.md", "report.tex"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "or give --readme alone"),
        (["FOLDER", "--readme"], "or give --readme alone"),
        (["FOLDER", "--format", "pdf"], "There is no format 'pdf'; choose from markdown, latex, html"),
        (["FOLDER", "--format", "html"], "name one with --output"),
        (["nowhere"], "There is no record in nowhere"),
    ],
)
def test_bad_input_is_one_sentence(
    results: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    assert main(["report", *(str(results / "run") if part == "FOLDER" else part for part in given)]) == 2
    assert said in capsys.readouterr().err


def test_the_readme_option_tells_whether_anything_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("as it was", encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "rewritten", lambda text, document: "made anew")
    monkeypatch.setattr(command, "documents", lambda: ["README.md"])
    monkeypatch.setattr(command, "figures", dict)
    assert main(["report", "--readme"]) == 0
    assert "was changed" in capsys.readouterr().out
    assert main(["report", "--readme"]) == 0
    assert "says what the records say" in capsys.readouterr().out
    assert RESULTS.is_dir()
