"""Tables of outputs as organisers bring them: the same strict reader as pools and queries.

Tests of `app.study.sources`.
"""

from pathlib import Path

import pytest

from annotation.errors import InvalidTable
from app.study.sources import from_table

HEADER = "item,language,source_text,system,output\n"


def refused(path: Path, content: str) -> str:
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidTable) as caught:
        from_table(path, "Reply.", None, 0)
    return str(caught.value)


def test_a_first_row_with_a_cell_too_many_is_named_by_its_line(tmp_path: Path) -> None:
    """It was told that a column 'None' is not known."""
    message = refused(tmp_path / "o.csv", HEADER + "q1,sw,Habari, leo?,a,Nzuri\n")
    assert message.startswith("'o.csv', line 2: 6 cells where the first line names 5 columns (comma between them)")
    assert message.endswith("Nothing was taken.")


def test_an_unclosed_quote_is_refused_with_the_line_that_opens_it(tmp_path: Path) -> None:
    message = refused(tmp_path / "o.csv", HEADER + 'q1,sw,Habari?,a,Nzuri\nq2,sw,"Jina?,a,Neema\nq3,sw,Wapi?",a,Hapa\n')
    assert message.startswith("'o.csv', line 3: a quoted cell runs over 2 lines and holds whole rows")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_are_detected(separator: str, tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    row = separator.join(["q1", "sw", '"Habari, leo; sasa?"', "a", "Nzuri"])
    path.write_text(HEADER.replace(",", separator) + row + "\n", encoding="utf-8")
    (output,) = from_table(path, "Reply.", None, 0).outputs
    assert output.source_text == "Habari, leo; sasa?"


def test_a_number_is_no_output_and_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    row = '{"item": "q1", "language": "sw", "source_text": "?", "system": "a", "output": 7}\n'
    assert "line 3, output: 7" in refused(tmp_path / "o.jsonl", "\n\n" + row)
