"""Practice and test as a table that an organiser writes or uploads."""

from dataclasses import replace
from pathlib import Path

import pytest
from exercise_examples import MADE
from scale_examples import scaled_study

from annotation.errors import InvalidRecord
from annotation.qualification_checks import check_qualification
from annotation.store import RatingStore
from app.study.exercises import as_fields, qualification_of, table_of

HEAD = "kind,language,source_text,answer,why,fluency,quality\n"
ROW = 'practice,sw,"Habari, yako.",Jibu zuri.,Ni sawa.,4-5,\n'


def test_a_table_is_read_with_points_and_ranges() -> None:
    made = qualification_of(HEAD + ROW + "test,sw,Habari.,,Tupu.,1,0 – 20\n", 0.8, 3)
    assert made is not None
    first, second = made.exercises
    assert (first.key, first.kind, first.source_text, first.text) == (
        "exercise_1",
        "practice",
        "Habari, yako.",
        "Jibu zuri.",
    )
    assert (first.expected, second.expected) == ({"fluency": (4, 5)}, {"fluency": (1, 1), "quality": (0, 20)})
    assert (second.text, made.pass_share, made.tries) == ("", 0.8, 3)
    check_qualification(made, {one.key: one.scale for one in scaled_study().criteria})
    assert qualification_of(" \n", 0.7, 2) is None
    assert (
        qualification_of(HEAD.replace(",", "\t") + ROW.replace('"Habari, yako."', "Habari").replace(",", "\t"), 0.7, 2)
        is not None
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kind,language\npractice,sw\n", "lacks the columns source_text, answer, why"),
        (HEAD + "practice,sw,Habari.,Jibu.,Ni sawa.,high,\n", "Row 1 of the exercises expects 'high' of fluency"),
        (HEAD + "practice,sw,Habari.\n", "Row 1 of the exercises has another number of cells"),
        (HEAD + ROW.rstrip() + ",more\n", "another number of cells"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row(text: str, complaint: str) -> None:
    with pytest.raises(InvalidRecord, match=complaint):
        qualification_of(text, 0.7, 2)


def test_the_form_shows_what_was_saved_and_reads_it_again() -> None:
    with RatingStore.open("sqlite://") as store:
        study = store.create_study(scaled_study("taught", qualification=MADE))
        fields = as_fields(study)
        assert qualification_of(*fields.values()) == MADE == study.qualification
        empty = as_fields(replace(study, qualification=None))
        assert empty == {"exercises": "", "pass_share": 0.7, "tries": 2}


def test_an_uploaded_table_is_utf8_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(HEAD + ROW, encoding="utf-8-sig")
    assert qualification_of(table_of(path), 0.7, 2) is not None
    path.write_bytes("café".encode("latin-1"))
    with pytest.raises(InvalidRecord, match="not UTF-8"):
        table_of(path)
    path.write_text("x" * 400_001, encoding="utf-8")
    with pytest.raises(InvalidRecord, match="100 exercises are enough"):
        table_of(path)
