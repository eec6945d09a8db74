"""Files of outputs: every format gives the same outputs, and what is no table is refused with one sentence."""

import json
from pathlib import Path

import pandas as pd
import pytest

from annotation.errors import InvalidTable
from app.study.sources import NotPlain, from_table

ROW = {"item": "q1", "language": "sw", "source_text": "Habari?", "system": "agl", "output": '=Nzuri, "sana"\nkabisa'}
OTHER = {"system": "knn", "output": "Sawa", "output_language": "zh-hans", "reference": "r", "provenance": '{"seed": 3}'}


@pytest.mark.parametrize(
    ("suffix", "separator"), [("csv", ","), ("csv", ";"), ("tsv", "\t"), ("jsonl", ""), ("parquet", "")]
)
def test_every_format_gives_the_same_outputs(tmp_path: Path, suffix: str, separator: str) -> None:
    chinese = {**ROW, "output": "好", "output_language": "zh-Hans"}
    rows = [ROW, {**ROW, **OTHER}, {**chinese}, {**ROW, "system": "knn", "output": "Njema"}]
    path = tmp_path / f"outputs.{suffix}"
    frame = pd.DataFrame(rows)
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    else:
        frame.to_csv(path, index=False, sep=separator, encoding="utf-8-sig")
    outputs = from_table(path, "Reply.", None, 0).outputs
    assert [(one.system, one.language, one.text, one.reference) for one in outputs] == [
        ("agl", "sw", ROW["output"], None),
        ("knn", "zh-Hans", "Sawa", "r"),
        ("agl", "zh-Hans", "好", None),
        ("knn", "sw", "Njema", None),
    ]
    assert outputs[1].provenance["seed"] == 3
    assert outputs[0].provenance["imported_from"] == path.name


def test_what_is_uneven_empty_or_unknown_is_counted_and_taken_after_a_yes(tmp_path: Path) -> None:
    """3 of 180 rows missing, an empty output and a column of one's own were taken or refused in silence."""
    rows = [
        {**ROW, "item": f"q{n}", "system": system, "output_language": tag, "output": f"{n} {system} {tag}", "score": str(n)}
        for n in range(10) for system in ("agl", "knn") for tag in ("sw", "ar")
    ]  # fmt: skip
    rows = [one for one in rows if (one["item"], one["system"], one["output_language"]) != ("q7", "knn", "ar")]
    rows[0]["output"] = " "
    path = tmp_path / "o.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(NotPlain) as caught:
        from_table(path, "Reply.", None, 0)
    facts = caught.value.facts
    assert facts.counts == {("agl", "ar"): 10, ("agl", "sw"): 10, ("knn", "ar"): 9, ("knn", "sw"): 10}
    assert (facts.uneven, facts.empty, facts.unknown) == (1, 1, ("score",))
    taken = from_table(path, "Reply.", None, 0, accept=True)
    assert (len(taken.outputs), taken.uneven) == (38, 1)
    assert {(one.item_key, one.language) for one in taken.outputs} == {
        (f"q{n}", tag) for n in range(10) for tag in ("sw", "ar")
    } - {("q7", "ar")}
    assert taken.outputs[4].provenance["score"] == "1"
    assert sum(not one.text.strip() for one in taken.outputs) == 1  # a system that says nothing is rated too


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    head = "item,language,source_text,system,output\n"
    path.write_text(head + 'q1,sw,"two\nlines",agl,x\nq1,??,two,knn,y\n')
    with pytest.raises(InvalidTable, match="line 4, language"):
        from_table(path, "Reply.", None, 0)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("o.xlsx", b"PK", "ends in '.xlsx'"),
        ("o.csv", b"", "no row|no header|empty"),
        ("o.csv", b"item,language,source_text,system\nq,sw,t,s\n", "lacks the column 'output'"),
        ("o.csv", b'item,language,source_text,system,output\nq,sw,t,s,"o\n', "quot"),
        ("o.csv", "item,\u00e4\n".encode("latin-1"), "not UTF-8"),
        ("o.jsonl", b"[1]\n", "line 1"),
        ("o.jsonl", b"{\n", "line 1"),
        ("o.parquet", b"nothing", "Parquet"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_one_sentence(
    tmp_path: Path, name: str, content: bytes, match: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidTable, match=match):
        from_table(path, "Reply.", None, 0)
