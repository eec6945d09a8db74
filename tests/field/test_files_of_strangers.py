"""Files as strangers bring them: read as they mean them, or refused with the line and what to do.

Tests of `core.data.csv_reader`, `core.data.row_reader`.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.data.csv_reader import separator_of
from core.data.examples import identifier, read_examples
from core.data.row_reader import distinct_values
from core.data.tasks import Task
from core.errors import InvalidData
from core.records import Example

HEADER = "text,language,label\n"


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def refused(path: Path, task: Task | None = None) -> str:
    with pytest.raises(InvalidData) as caught:
        read_examples(path, task)
    return str(caught.value).removeprefix(f"{path}, ")


# Ids


IDS = [1, 1.0, "1", "1.0", " 1 "]


@pytest.mark.parametrize("value", IDS)
def test_one_id_is_the_same_text_whatever_its_type(value: object) -> None:
    assert identifier(value, "field 'index_id'") == "1"


@pytest.mark.parametrize("value", [None, float("nan"), "", "NaN", "nan", "None", "<NA>"])
def test_a_missing_id_is_none(value: object) -> None:
    assert identifier(value, "field 'index_id'") is None


def test_ids_that_are_texts_stay_as_they_are() -> None:
    assert [identifier(text, "") for text in ("1.5", "v1.0", "007", "a.0")] == ["1.5", "v1.0", "007", "a.0"]


def items(path: Path) -> list[str]:
    return [example.item for example in read_examples(path)]


def test_one_missing_item_in_parquet_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    """pandas makes 1 into 1.0 beside a gap, which matched no "1" of the queries: the translation guard was off without a word."""
    texts = {"text": ["One.", "Un.", "Two."], "language": ["eng_Latn", "fra_Latn", "eng_Latn"], "id": ["a", "b", "c"]}
    frame = pd.DataFrame({**texts, "index_id": [1, 1, None]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "a.jsonl").write_text(frame.to_json(orient="records", lines=True), encoding="utf-8")
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        assert items(tmp_path / name) == ["1", "1", "c"], name


def test_rows_whose_item_is_nan_are_not_one_item(tmp_path: Path) -> None:
    rows = [{"text": f"Row {n}.", "language": "eng_Latn", "index_id": float("nan")} for n in range(3)]
    path = written(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))  # writes NaN
    assert "NaN" in path.read_text()
    assert len(set(items(path))) == 3


def test_large_numbers_beside_a_gap_lose_no_digit(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    column = pd.array([2**53 + 1, None], dtype="Int64")
    pd.DataFrame({"text": ["a", "b"], "language": ["eng_Latn"] * 2, "index_id": column}).to_parquet(path)
    assert items(path)[0] == str(2**53 + 1)


def test_an_id_that_is_a_list_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": "a", "language": "eng_Latn", "index_id": [1]}\n')
    assert refused(path) == "line 1: field 'index_id' is a list, [1]; give a text or a number."


# Delimited text


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_the_separator_is_detected_whatever_the_ending(separator: str, ending: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"a{ending}", f'text{separator}language\n"One, two; three."{separator}eng_Latn\n')
    assert [example.text for example in read_examples(path)] == ["One, two; three."]


def test_a_separator_inside_quoted_column_names_does_not_count() -> None:
    assert separator_of('"a;b;c;d",text,language\n') == ","


def test_an_unclosed_quote_does_not_join_two_rows(tmp_path: Path) -> None:
    """Two rows became one text, which then ran through everything as an example."""
    path = written(
        tmp_path / "a.csv", HEADER + 'Fine.,eng_Latn,travel\n"Open.,eng_Latn,travel\nNext.",fra_Latn,sports\n'
    )
    assert refused(path).startswith(
        "line 3: a quoted cell runs over 2 lines and holds whole rows; close its double quote"
    )


def test_a_quote_that_never_closes_is_refused_with_the_line_that_opens_it(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv", HEADER + 'Fine.,eng_Latn,travel\n"Open.,eng_Latn,travel\nNext.,fra_Latn,sports\n'
    )
    message = refused(path)
    assert message.startswith("line 3: the quoting is broken")
    assert "goes on in line 4" in message


def test_text_after_a_closing_quote_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", HEADER + '"He said "no".",eng_Latn,travel\n')
    assert refused(path).startswith("line 2: the quoting is broken")


def test_a_quoted_cell_may_run_over_lines_and_later_lines_keep_their_numbers(tmp_path: Path) -> None:
    content = HEADER + '"One, two,\nthree.",eng_Latn,travel\n\n7,klingon,travel\n'
    path = written(tmp_path / "a.csv", content)
    assert refused(path).startswith("line 5, field 'language': 'klingon'")  # the third row, the fifth line
    assert read_examples(written(path, content.replace("klingon", "eng_Latn")))[0].text == "One, two, three."


@pytest.mark.parametrize(
    ("row", "count"), [("Hello, you.,eng_Latn,travel", "4 cells"), ("Hello.,eng_Latn", "2 cells"), ("Hello.", "1 cell")]
)
def test_too_many_and_too_few_cells_are_named(row: str, count: str, tmp_path: Path) -> None:
    message = refused(written(tmp_path / "a.csv", HEADER + row + "\n"))
    assert message.startswith(f"line 2: {count} where the first line names 3 columns (comma between them)")


def test_a_column_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    message = refused(written(tmp_path / "a.csv", "text,language,text\na,eng_Latn,b\n"))
    assert message == "line 1: the column 'text' is named twice; rename one."


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    message = refused(written(tmp_path / "a.csv", "sentence,language\na,eng_Latn\n"))
    assert message.endswith("every row needs a text there; the columns are sentence, language.")


# Values


@pytest.mark.parametrize(
    ("value", "kind"),
    [(7, "a number, 7"), (True, "true or false, true"), (["a"], 'a list, ["a"]'), ({"a": 1}, 'an object, {"a": 1}')],
)
def test_a_value_that_is_no_text_is_named(value: Any, kind: str, tmp_path: Path) -> None:
    """A number was called "missing or empty"."""
    row = json.dumps({"text": value, "language": "eng_Latn"})
    path = written(tmp_path / "a.jsonl", '{"text": "a", "language": "eng_Latn"}\n\n' + row + "\n")
    assert refused(path) == f"line 3: field 'text' is {kind}; every row needs a text there."


def test_several_labels_are_refused_with_what_to_do(tmp_path: Path, tasks: dict[str, Task]) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": "a", "language": "eng_Latn", "label": ["travel", "sports"]}\n')
    assert "a row has one label, so keep the rows that have exactly one" in refused(path, tasks["topic"])


# Data sets of the datasets library


def saved(folder: Path, split: bool = False, label: str = "class") -> Path:
    datasets = pytest.importorskip("datasets")
    features = {
        "class": datasets.ClassLabel(names=["travel", "sports"]),
        "list": datasets.Sequence(datasets.Value("string")),
    }
    table = datasets.Dataset.from_dict(
        {
            "text": ["One.", "Two."],
            "language": ["eng_Latn"] * 2,
            "label": [1, 0] if label == "class" else [["travel"], ["sports"]],
        },
        features=datasets.Features(
            {"text": datasets.Value("string"), "language": datasets.Value("string"), "label": features[label]}
        ),
    )
    (datasets.DatasetDict({"train": table, "test": table}) if split else table).save_to_disk(str(folder))
    return folder


def test_a_folder_of_save_to_disk_is_read_with_its_class_names(tmp_path: Path, tasks: dict[str, Task]) -> None:
    examples = read_examples(saved(tmp_path / "one"), tasks["topic"])
    assert [(example.text, example.label) for example in examples] == [("One.", "sports"), ("Two.", "travel")]


def test_the_splits_of_a_saved_data_set_are_a_column(tmp_path: Path) -> None:
    folder = saved(tmp_path / "two", split=True)
    assert distinct_values(folder, ["split", "label"]) == {"split": ["test", "train"], "label": ["sports", "travel"]}
    assert [e.id for e in read_examples(folder, where={"split": ["test"]})] == [
        f"{folder}/test, row {n}" for n in (1, 2)
    ]


def test_list_labels_of_a_saved_data_set_are_refused(tmp_path: Path) -> None:
    assert "field 'label' is a list" in refused(saved(tmp_path / "three", label="list"))


def test_a_parquet_file_of_the_library_has_its_class_names(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    folder, path = saved(tmp_path / "four"), tmp_path / "a.parquet"
    datasets.load_from_disk(str(folder)).to_parquet(str(path))
    assert [example.label for example in read_examples(path)] == ["sports", "travel"]


def test_a_damaged_saved_folder_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "dataset_info.json").write_text("{}", encoding="utf-8")
    assert "looks like a data set written by save_to_disk, but cannot be read" in refused(tmp_path)


def test_every_format_gives_the_same_examples(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"id": ["a"], "index_id": [3], "text": ["Eins."], "language": ["deu_Latn"], "label": ["travel"]}
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text(frame.to_json(orient="records", lines=True), encoding="utf-8")
    expected = [Example("a", "3", "deu_Latn", "Eins.", "travel")]
    for ending in ("csv", "tsv", "parquet", "jsonl"):
        assert read_examples(tmp_path / f"a.{ending}") == expected
