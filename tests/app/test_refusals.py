"""Refusals in the words of the interface: every fact has its sentence in every language, and nested ones are told too."""

import re
from pathlib import Path

import pytest

from annotation.errors import DatabaseUnavailable, InvalidRecord, InvalidTable
from app.refusals import in_words
from app.study.sources import from_table
from app.texts import FOLDER, available, catalogue

ROOT = Path(__file__).resolve().parents[2]
HOLES = re.compile(r"{(\w+)}")


def facts(tag: str) -> dict[str, str]:
    return {key: text for key, text in catalogue(tag).entries.items() if key.startswith("refusal.")}


def test_every_sentence_belongs_to_a_fact_of_the_program() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for name in ("annotation", "app") for path in (ROOT / name).rglob("*.py")
    )
    named = {key for key in facts("en") if f'"{key.removeprefix("refusal.")}"' in sources}
    drawn = {"refusal.lacks_task", "refusal.lacks_instructions"}  # by the name of what is not written
    assert set(facts("en")) == named | drawn


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_language_tells_every_fact_with_its_values(path: Path) -> None:
    english, own = facts("en"), facts(path.stem)
    assert {key: sorted(HOLES.findall(text)) for key, text in own.items()} == {
        key: sorted(HOLES.findall(text)) for key, text in english.items()
    }


def test_a_line_of_a_table_and_what_is_wrong_there_are_told_in_one_language(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text("item,language,source_text,system,output\nq1,sw,,agl,x\nq2,??,t,agl,x\n")
    with pytest.raises(InvalidTable, match="line 2, source_text: it is empty") as caught:
        from_table(path, "Reply.", None, 0)
    for texts in available():
        told = in_words(caught.value, texts)
        assert "o.csv" in told and "source_text" in told
        assert (texts.tag == "en") == ("is empty" in told)
    assert in_words(caught.value, catalogue("fr")).startswith(
        "« o.csv », ligne 2 : source_text est vide ; remplissez-le. 1 autres"
    )


def test_what_no_catalogue_knows_keeps_its_own_sentence() -> None:
    assert in_words(InvalidRecord("as it is"), catalogue("ar")) == "as it is"
    assert in_words(ValueError("as it is"), catalogue("ar")) == "as it is"
    assert "la base de données" in in_words(DatabaseUnavailable("disk I/O error"), catalogue("fr")).lower()
