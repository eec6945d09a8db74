"""Reading examples: every format gives the same, every fault is named with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from toys import toy_examples

from core.data.examples import LONGEST_TEXT, read_examples, with_references
from core.errors import InvalidData
from core.records import Example
from core.data.tasks import Task

GOOD = {"id": "1", "index_id": "i", "language": "eng_Latn", "label": "travel", "text": "The bus left."}


def rows_of(examples: tuple[Example, ...]) -> list[dict[str, str]]:
    return [
        {"id": e.id, "index_id": e.item, "language": e.language, "label": e.label, "text": e.text} for e in examples
    ]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
    ".jsonl": write_jsonl,
    ".csv": lambda path, rows: pd.DataFrame(rows).to_csv(path, index=False),
    ".tsv": lambda path, rows: pd.DataFrame(rows).to_csv(path, index=False, sep="\t"),
    ".parquet": lambda path, rows: pd.DataFrame(rows).to_parquet(path),
}


@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_reads_back_what_was_written(ending: str, tmp_path: Path, tasks: dict[str, Task]) -> None:
    examples = toy_examples()
    awkward = Example("q", "q", "arb_Arab", 'قال: "نعم", ثم ذهب', "politics")  # quotes, a comma, right to left
    path = tmp_path / f"examples{ending}"
    WRITERS[ending](path, rows_of((*examples, awkward)))
    assert read_examples(path, tasks["topic"]) == [*examples, awkward]
    assert read_examples(str(tmp_path)) == [*examples, awkward]  # the folder, too


def test_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    for ending in (".jsonl", ".csv"):
        path = tmp_path / f"bom{ending}"
        WRITERS[ending](path, [GOOD])
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        assert read_examples(path)[0].id == "1"


def test_missing_ids_are_made_from_the_place_and_items_from_ids(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    write_jsonl(path, [{"text": "One.", "language": "eng_Latn"}, {"text": "Two.", "language": "eng_Latn", "id": "b"}])
    first, second = read_examples(path)
    assert first.id == first.item == f"{path}, line 1"
    assert second.id == second.item == "b"


def test_item_number_zero_is_an_item(tmp_path: Path) -> None:
    """SIB-200 counts items from 0; read as "missing", its translations were shown to each other's queries."""
    path = tmp_path / "zero.parquet"
    pd.DataFrame(
        {"text": ["One.", "Un."], "language": ["eng_Latn", "fra_Latn"], "index_id": [0, 0], "id": [0, 1]}
    ).to_parquet(path)
    assert [(example.id, example.item) for example in read_examples(path)] == [("0", "0"), ("1", "0")]


def test_text_is_folded_to_one_line_and_variety_to_its_language(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [GOOD | {"text": "Two\n lines", "language": "por_Latn-BR"}])
    example = read_examples(path)[0]
    assert (example.text, example.language) == ("Two lines", "por_Latn")


def test_fold_keeps_its_rows_and_rows_without_a_fold(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    folds = [{"devfold": "demo"}, {"devfold": "dev_query"}, {}]
    write_jsonl(path, [GOOD | {"id": str(n)} | fold for n, fold in enumerate(folds)])
    assert [example.id for example in read_examples(path, fold="demo")] == ["0", "2"]
    assert len(read_examples(path)) == 3


def test_where_keeps_rows_whose_column_has_one_of_the_values(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [GOOD | {"id": code, "language": code} for code in ("eng_Latn", "fra_Latn", "swh_Latn")])
    kept = read_examples(path, where={"language": ["fra_Latn", "swh_Latn"]})
    assert [example.id for example in kept] == ["fra_Latn", "swh_Latn"]
    assert read_examples(path, where={"language": ["deu_Latn"]}) == []


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "missing text": ({"text": None}, r"line 2.*field 'text' is missing"),
    "blank text": ({"text": "  "}, r"line 2.*field 'text' is missing or empty"),
    "missing language": ({"language": None}, r"line 2.*field 'language' is missing"),
    "control characters only": ({"text": "\x01\u202e"}, r"line 2.*field 'text' has 0 characters"),
    "too long": ({"text": "a" * (LONGEST_TEXT + 1)}, rf"line 2.*field 'text' has {LONGEST_TEXT + 1} characters"),
    "wrong label": ({"label": "cooking"}, r"line 2, field 'label': label 'cooking'.*'travel'"),
    "no label": ({"label": None}, r"line 2, field 'label': label ''"),
    "malformed language": ({"language": "english"}, r"line 2, field 'language': 'english' is not a language code"),
    "unassigned language": ({"language": "qqq_Zzzx"}, r"line 2, field 'language': 'qqq_Zzzx' names no language"),
    "duplicate id": ({"id": "1"}, r"line 2, field 'id': '1' is also the id of .*line 1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_row_is_named_by_file_line_and_field(fault: str, tmp_path: Path, tasks: dict[str, Task]) -> None:
    change, message = FAULTS[fault]
    path = tmp_path / "faulty.jsonl"
    write_jsonl(path, [GOOD, GOOD | {"id": "2"} | change])
    with pytest.raises(InvalidData, match=message) as caught:
        read_examples(path, tasks["topic"])
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_a_faulty_row_of_a_table_is_named_by_its_line(ending: str, tmp_path: Path, tasks: dict[str, Task]) -> None:
    path = tmp_path / f"faulty{ending}"
    WRITERS[ending](path, [GOOD, GOOD | {"id": "2", "label": "cooking"}])
    with pytest.raises(InvalidData, match=r"line 3, field 'label'"):  # line 1 has the column names
        read_examples(path, tasks["topic"])


CONTENTS: dict[str, tuple[str, bytes, str]] = {
    "not JSON": ("a.jsonl", json.dumps(GOOD).encode() + b"\n{text: 1}\n", r"a\.jsonl, line 2: not JSON .* column 2"),
    "not an object": ("a.jsonl", b'["text"]\n', r"line 1: expected an object.*saw a list"),
    "not UTF-8": ("a.jsonl", b'{"text": "caf\xe9"}', r"a\.jsonl is not UTF-8 \(byte 13\)"),
    "CSV not UTF-8": ("a.csv", b"text,language\ncaf\xe9,eng_Latn\n", r"a\.csv is not UTF-8 \(byte 17\)"),
    "empty JSONL": ("a.jsonl", b"", r"a\.jsonl holds no row"),
    "blank JSONL": ("a.jsonl", b"\n \n", r"a\.jsonl holds no row"),
    "empty CSV": ("a.csv", b"", r"a\.csv holds no row"),
    "CSV with column names only": ("a.csv", b"text,language\n", r"a\.csv holds no row"),
    "CSV with a longer row": ("a.csv", b"text,language\na,eng_Latn\nb,c,eng_Latn\n", r"a\.csv, line 3: 3 cells where .* 2 columns"),
    "not Parquet": ("a.parquet", b"PAR1 no more", r"a\.parquet cannot be read as PARQUET"),
    "unknown ending": ("a.txt", b"text", r"a\.txt ends in '\.txt'; readable endings are \.jsonl, \.csv"),
}


@pytest.mark.parametrize("fault", CONTENTS)
def test_an_unreadable_file_is_refused_with_its_name(fault: str, tmp_path: Path) -> None:
    name, content, message = CONTENTS[fault]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidData, match=message):
        read_examples(tmp_path / name)


def test_a_table_whose_rows_are_longer_than_its_head_is_refused(tmp_path: Path) -> None:
    """pandas would silently take the first column for row names and shift the rest."""
    path = tmp_path / "a.csv"
    path.write_text("text,language\nGone.,Hello.,eng_Latn\n", encoding="utf-8")
    with pytest.raises(InvalidData, match=r"a\.csv"):
        read_examples(path)


def test_a_folder_without_examples_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing")
    with pytest.raises(InvalidData, match=r"holds no file that ends in \.jsonl"):
        read_examples(tmp_path)


@pytest.mark.parametrize("name", ["no/file.jsonl", "./nowhere", "/no/such/folder", "nowhere", "assets/nowhere"])
def test_a_missing_path_is_never_taken_for_a_data_set_to_download(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.row_reader._from_hub", lambda *rest: pytest.fail("asked the Hub"))
    with pytest.raises(InvalidData, match="does not exist"):
        read_examples(name)


def test_queries_get_their_items_text_in_the_target_language_and_those_without_are_named() -> None:
    def side(item: str, code: str, text: str, label: str = "") -> Example:
        return Example(f"{item}-{code}", item, code, text, label)

    rows = [side("1", "fra_Latn", "un"), side("1", "eng_Latn", "one"), side("2", "fra_Latn", "deux")]
    rows.append(side("3", "fra_Latn", "trois", "three"))
    referenced, without = with_references(rows, "eng_Latn")
    assert [(e.text, e.label) for e in referenced] == [("un", "one"), ("trois", "three")]
    assert [e.text for e in without] == ["deux"]
