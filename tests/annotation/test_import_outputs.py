"""Tables of outputs: taken whole, or refused whole with line and field."""

import json
from pathlib import Path

import pandas as pd
import pytest

from annotation import import_outputs as tables
from annotation.errors import InvalidTable
from annotation.import_outputs import EXAMPLE, read_outputs
from annotation.records import NewOutput

ROW = {"item": "q1", "language": "sw", "source_text": "Habari?", "system": "agl", "output": '=Nzuri, "sana"\nkabisa'}


def jsonl(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_gives_the_same_outputs(tmp_path: Path, suffix: str) -> None:
    rows = [
        ROW,
        {
            **ROW,
            "system": "knn",
            "output": "",
            "output_language": "zh-hans",
            "reference": "r",
            "provenance": '{"seed": 3}',
        },
    ]
    path = tmp_path / f"outputs.{suffix}"
    frame = pd.DataFrame(rows)
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "jsonl":
        jsonl(path, *rows)
    else:
        frame.to_csv(path, index=False, sep="," if suffix == "csv" else "\t", encoding="utf-8-sig")
    found = read_outputs(path, "Reply.")
    assert [(one.system, one.language, one.text, one.reference) for one in found] == [
        ("agl", "sw", ROW["output"], None),
        ("knn", "zh-Hans", "", "r"),
    ]
    assert found[1].provenance["seed"] == 3
    assert found[0].provenance["imported_from"] == path.name
    assert {(one.task, one.item_key, one.source_text) for one in found} == {("Reply.", "q1", "Habari?")}


def test_a_table_that_a_german_spreadsheet_wrote_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "outputs.csv"
    pd.DataFrame([ROW]).to_csv(path, index=False, sep=";", encoding="utf-8-sig")
    assert read_outputs(path, "Reply.")[0].text == ROW["output"]


def test_the_example_shown_to_organisers_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "example.jsonl"
    path.write_text(EXAMPLE)
    (found,) = read_outputs(path, "Translate.")
    assert isinstance(found, NewOutput)
    assert found.language == "en"


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
def test_one_wrong_line_refuses_the_whole_file_by_line_and_field(tmp_path: Path, changes: dict, match: str) -> None:
    path = jsonl(tmp_path / "o.jsonl", ROW, {**ROW, "system": "knn", **changes}, {**ROW, "system": "mmr"})
    with pytest.raises(InvalidTable, match=f"^'up.jsonl', {match}.*Nothing was taken"):
        read_outputs(path, "Reply.", "up.jsonl")


def test_the_number_of_faulty_lines_is_told(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "o.jsonl", ROW, *[{**ROW, "system": f"s{n}", "language": "?"} for n in range(3)])
    with pytest.raises(InvalidTable, match=r"line 2, language.*2 more lines have faults"):
        read_outputs(path, "Reply.")


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    head = "item,language,source_text,system,output\n"
    path.write_text(head + 'q1,sw,"two\nlines",agl,x\nq1,??,two,knn,y\n')
    with pytest.raises(InvalidTable, match="line 4, language"):
        read_outputs(path, "Reply.")


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("o.xlsx", b"PK", "ends in '.xlsx'"),
        ("o.csv", b"", "holds no output"),
        ("o.csv", b"item,language,source_text,system\nq,sw,t,s\n", "lacks the column 'output'"),
        ("o.csv", b"item,language,source_text,system,output,colour\nq,sw,t,s,o,red\n", "'colour' that is not known"),
        (
            "o.csv",
            b"item,language,source_text,system,output\nq,sw,t,s,o,more\n",
            "more cells than the header|not known",
        ),
        ("o.csv", b'item,language,source_text,system,output\nq,sw,t,s,"o\n', "quoting is broken"),
        ("o.csv", "item,ä\n".encode("latin-1"), "not UTF-8"),
        ("o.jsonl", b"[1]\n", "line 1 is list"),
        ("o.jsonl", b"{\n", "line 1 is not JSON"),
        ("o.parquet", b"nothing", "no Parquet"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_one_sentence(
    tmp_path: Path, name: str, content: bytes, match: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidTable, match=match):
        read_outputs(path, "Reply.")


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_BYTES", 10)
    with pytest.raises(InvalidTable, match="allowed are"):
        read_outputs(jsonl(tmp_path / "o.jsonl", ROW), "Reply.")
    with pytest.raises(InvalidTable, match="cannot be read"):
        read_outputs(tmp_path / "gone.jsonl", "Reply.")
