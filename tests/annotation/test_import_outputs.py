"""Rows of outputs: taken whole, or refused whole with line and field."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from annotation import import_outputs as tables
from annotation.errors import InvalidTable
from annotation.import_outputs import EXAMPLE, outputs_of_rows, refuse_large
from annotation.records import NewOutput

ROW = {"item": "q1", "language": "sw", "source_text": "Habari?", "system": "agl", "output": '=Nzuri, "sana"\nkabisa'}


def taken(*rows: Mapping) -> list[NewOutput]:
    return outputs_of_rows(enumerate(rows, start=1), "Reply.", "up.jsonl")


def test_a_row_becomes_an_output_with_its_origin() -> None:
    more = {"system": "knn", "output": "", "output_language": "zh-hans", "reference": "r", "provenance": '{"seed": 3}'}
    first, second = taken(ROW, {**ROW, **more})
    assert (first.system, first.language, first.text, first.reference) == ("agl", "sw", ROW["output"], None)
    assert (second.system, second.language, second.text, second.reference) == ("knn", "zh-Hans", "", "r")
    assert second.provenance == {"seed": 3, "imported_from": "up.jsonl", "line": 2}
    assert {(one.task, one.item_key, one.source_text) for one in (first, second)} == {("Reply.", "q1", "Habari?")}


def test_a_group_is_one_of_the_item_and_an_empty_cell_is_none() -> None:
    rows = [{**ROW, "system": system, "group": " news "} for system in ("agl", "knn")]
    assert {one.group for one in taken(*rows, {**ROW, "item": "q2", "group": " "}) if one.item_key == "q1"} == {"news"}
    assert taken({**ROW, "group": ""}, {**ROW, "system": "knn"})[0].group is None
    with pytest.raises(InvalidTable, match="line 2, group: item 'q1' has 'news' on line 1 and '' here"):
        taken({**ROW, "group": "news"}, {**ROW, "system": "knn"})


def test_the_example_shown_to_organisers_is_taken() -> None:
    (output,) = taken(json.loads(EXAMPLE))
    assert output.language == "en"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"language": "swh_Latn"}, "line 2, language: 'swh_Latn' is no BCP-47 tag"),
        ({"output_language": "xx-yy-zz-"}, "line 2, output_language"),
        ({"system": " "}, "line 2, system: it is empty"),
        ({"output": None}, "line 2, output: there is no value"),
        ({"output": 5}, "line 2, output: 5 is a int; give a text"),
        ({"output": "a\x00b"}, "line 2, output: .*NUL"),
        ({"provenance": "{"}, "line 2, provenance: it is not JSON"),
        ({"provenance": "[1]"}, "line 2, provenance: it is list"),
        ({"source_text": "other"}, "line 2, source_text: item 'q1' has 'Habari\\?' on line 1 and 'other' here"),
        ({"system": "agl"}, "line 2, system: 'agl' has an output for item 'q1' on line 1"),
    ],
)
def test_one_wrong_line_refuses_the_whole_file_by_line_and_field(changes: dict, match: str) -> None:
    with pytest.raises(InvalidTable, match=f"^'up.jsonl', {match}.*Nothing was taken"):
        taken(ROW, {**ROW, "system": "knn", **changes}, {**ROW, "system": "mmr"})


def test_the_number_of_faulty_lines_is_told() -> None:
    with pytest.raises(InvalidTable, match=r"line 2, language.*2 more lines have faults"):
        taken(ROW, *[{**ROW, "system": f"s{n}", "language": "?"} for n in range(3)])


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ({"item": "q", "language": "sw", "source_text": "t", "system": "s"}, "lacks the column 'output'"),
        ({**ROW, "colour": "red"}, "'colour' that is not known"),
        ({**ROW, None: ["more"]}, "more cells than the header|not known"),
    ],
)
def test_wrong_columns_are_named(row: dict, match: str) -> None:
    with pytest.raises(InvalidTable, match=match):
        taken(row)


def test_no_row_is_refused() -> None:
    with pytest.raises(InvalidTable, match="holds no output"):
        taken()


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text(json.dumps(ROW))
    monkeypatch.setattr(tables, "MOST_BYTES", 10)
    with pytest.raises(InvalidTable, match="allowed are"):
        refuse_large(path, "o.jsonl")
    with pytest.raises(InvalidTable, match="cannot be read"):
        refuse_large(tmp_path / "gone.jsonl", "gone.jsonl")
