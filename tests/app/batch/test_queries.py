"""Pasted queries: lines, tables and JSON; languages and labels; every refusal names its line."""

import json

import pytest

from app.batch.queries import MOST_CHARACTERS, read_queries, text_of_file
from app.explore.form import DETECT
from core.data.tasks import load_tasks
from core.errors import CoreError, InvalidData
from core.models.loading import ASSETS

TASK = load_tasks(ASSETS)["topic"]


def test_a_line_is_a_query_in_the_language_chosen_or_detected() -> None:
    queries = read_queries("The team won the cup.\n\n Der Minister trat gestern zurück. \n", TASK, DETECT)
    assert [(query.text, query.language, query.label) for query in queries] == [
        ("The team won the cup.", "eng_Latn", ""),
        ("Der Minister trat gestern zurück.", "deu_Latn", ""),
    ]
    assert len({query.item for query in queries}) == 2
    assert {query.language for query in read_queries("one two\nthree four", TASK, "swh_Latn")} == {"swh_Latn"}


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_names_languages_and_labels_also_by_their_words(mark: str) -> None:
    rows = [
        ["text", "language", "label"],
        ["Timu ilishinda.", "swh_Latn", "michezo"],
        ["She won.", "eng_Latn", "sports"],
    ]
    queries = read_queries("\r\n".join(mark.join(row) for row in rows), TASK, DETECT)
    assert [query.label for query in queries] == ["sports", "sports"]
    assert [query.language for query in queries] == ["swh_Latn", "eng_Latn"]


def test_json_lines_are_read() -> None:
    lines = [
        {"text": "She won.", "language": "eng_Latn", "label": "sports"},
        {"text": "Il perd.", "language": "fra_Latn", "label": "sports"},
    ]
    queries = read_queries("\n".join(map(json.dumps, lines)), TASK, DETECT)
    assert [query.text for query in queries] == ["She won.", "Il perd."]


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "0 queries were given"),
        ("only one", "1 queries were given"),
        ("a b c\n" * 501, "501 queries were given; a batch has 2 to 500"),
        ("text,label\nShe won.,sports\nHe lost.,", "Line 3 has no label and others have one"),
        ("text,label\nShe won.,sports\nHe lost.,football", "Line 3: the label is 'football'; allowed are"),
        ("text,language\nShe won.,eng_Latn\nHe lost.,klingon", "Line 3: the language is 'klingon'"),
        ("She won the race.\n!!!", "Line 2 has 3 characters"),
        ("She won the race.\n" + "word " * 500, "Line 2 has 2499 characters"),
        ('{"text": "She won."}\n{"query": "x"}', "Line 2 is no JSON object with a text"),
        ("x" * (MOST_CHARACTERS + 1), "characters were given"),
        ("text,label\nShe, won,sports\nHe lost.,sports", "line 2: 3 cells"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_line(pasted: str, words: str) -> None:
    with pytest.raises(CoreError, match=words):
        read_queries(pasted, TASK, "eng_Latn")


def test_an_uncertain_language_is_refused_by_its_line() -> None:
    with pytest.raises(CoreError, match="Line 2: its language is not certain"):
        read_queries("The team won the cup.\nok", TASK, DETECT)


def test_a_column_may_be_named_in_capitals_and_a_json_list_is_read() -> None:
    queries = read_queries("Label;Text\nsports;She won.\nsports;He, too, won.", TASK, "eng_Latn")
    assert [query.text for query in queries] == ["She won.", "He, too, won."]
    listed = json.dumps(
        [{"text": "فاز الفريق بالمباراة.", "label": "sports"}, {"text": "خسر الفريق.", "label": "الرياضة"}]
    )
    assert [query.label for query in read_queries(listed, TASK, "arb_Arab")] == ["sports", "sports"]
    lines = read_queries("[Applause] She won.\nHe lost.", TASK, "eng_Latn")
    assert lines[0].text == "[Applause] She won."
    with pytest.raises(InvalidData, match="Entry 2 is no JSON object"):
        read_queries('[{"text": "She won."}, "He lost."]', TASK, "eng_Latn")


TABLE = "text\tlabel\n球队赢得了决赛。\t体育\n议会通过了预算。\t政治\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_as_spreadsheets_save_it_is_read(encoding: str) -> None:
    """Excel writes UTF-8 with a mark at the beginning, and "Unicode text" as UTF-16."""
    queries = read_queries(text_of_file("queries.tsv", TABLE.encode(encoding)), TASK, "zho_Hans")
    assert [(query.text, query.label) for query in queries] == [
        ("球队赢得了决赛。", "sports"),
        ("议会通过了预算。", "politics"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"sentence,label\nShe won.,sports\n", "names the columns sentence, label; call the one"),
        ("a.jsonl", b"text,label\nShe won.,sports\n", "JSONL has one object with a text a line"),
        ("a.csv", "فاز الفريق".encode("cp1256"), "no text in UTF-8"),
        ("a.txt", b"PK\x03\x04\x00\x00", "no text in UTF-8"),
        ("a.txt", "球".encode() * (2 * MOST_CHARACTERS), "The file has 1.5 MB"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(name: str, content: bytes, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        text_of_file(name, content)
