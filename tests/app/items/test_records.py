"""The items of records on disk: shipped ones and people's own, and the question that a row becomes.

Tests of `app.items.records` and `app.results.items_tab`.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from app.explore.form import bounded
from app.items.records import RecordTables
from app.items.rows import Choice
from app.results.items_tab import Askable, ItemsHandlers
from app.texts import catalogue
from core.data.tasks import load_tasks
from core.errors import InvalidData
from core.evaluation.record import save, save_queries, saved_queries
from core.models.loading import ASSETS
from core.records import Example
from core.report.reading import record_folders
from core.report.readme import RESULTS
from core.workbench import bundled_examples

CODES = ["eng_Latn", "swh_Latn"]
MODELS = ["default", "tiny"]
OWN = Example("own/1", "own/1", "swh_Latn", "Timu ilishinda\u2028kombe.", "sports")


@pytest.fixture
def tables(tmp_path: Path) -> RecordTables:
    bundled = next(e for e in bundled_examples("topic") if e.language == "eng_Latn")
    rows = [
        {"item": query.item, "id": query.id, "language": query.language, "strategy": strategy, "k": k, "seed": 3,
         "gold": query.label, "prediction": answer}
        for query in (OWN, bundled)
        for strategy, k, answer in (("agl", 4, query.label), ("zero-shot", 0, "travel"))
    ]  # fmt: skip
    entry = {"command": "python train.py evaluate", "task": "topic", "model": {"name": "embedded"}, "results": []}
    save(tmp_path / "own", pd.DataFrame(rows), entry, [OWN])
    (tmp_path / "ablation").mkdir()
    (tmp_path / "ablation" / "record.json").write_text(json.dumps({"kind": "sweep", "command": "x", "tables": {}}))
    return RecordTables(lambda: dict(record_folders([tmp_path])))


def test_texts_lie_beside_a_record_and_come_back_whole(tables: RecordTables, tmp_path: Path) -> None:
    assert saved_queries(tmp_path / "own") == [OWN]
    assert saved_queries(tmp_path) == []
    (tmp_path / "own" / "queries.jsonl").write_text("{")
    with pytest.raises(InvalidData, match="cannot be read as queries"):
        saved_queries(tmp_path / "own")
    save_queries(tmp_path, [OWN, OWN])
    assert len(saved_queries(tmp_path)) == 2


def test_texts_come_from_the_record_and_from_the_bundled_sentences(tables: RecordTables) -> None:
    record = tables.read("own")
    assert record is not None
    assert record.table.rows[0].query.text == OWN.text and record.table.rows[1].query.text
    assert tables.read("own") is record  # read once
    assert tables.read("ablation") is None
    with pytest.raises(InvalidData, match="no record 'other'"):
        tables.read("other")


def test_a_row_becomes_the_question_of_the_pair_that_is_compared(tables: RecordTables) -> None:
    record = tables.read("own")
    assert record is not None
    form = record.question(OWN.id, Choice(), CODES, MODELS)
    assert (form.text, form.language, form.strategies) == (OWN.text, "swh_Latn", ("agl", "zero-shot"))
    assert (form.k, form.seed, form.model) == (4, 3, "tiny")
    assert bounded(form) == form
    assert record.question(OWN.id, Choice(first="1", second="1"), CODES, MODELS).strategies == ("zero-shot",)
    for identity, codes in (("nothing", CODES), (OWN.id, ["eng_Latn"])):
        with pytest.raises(InvalidData, match="no such row"):
            record.question(identity, Choice(), codes, MODELS)


def test_every_shipped_evaluation_opens_item_by_item() -> None:
    shipped = RecordTables(lambda: dict(record_folders([RESULTS])))
    with_items = [name for name, path in shipped.folders().items() if (path / "items.parquet").is_file()]
    assert len(with_items) > 10
    for name in with_items:
        record = shipped.read(name)
        assert record is not None and record.table.rows and record.table.labelled, name
        assert 0 < max(record.table.share(system) for system in record.table.systems) <= 1, name


def test_the_view_follows_the_record_and_refuses_in_a_sentence(tables: RecordTables) -> None:
    tag: Any
    record: Any
    items: Any
    tag, record, items = "tag", "record", "items"  # stand for components, by which values go
    handlers = ItemsHandlers(tables, Askable(load_tasks(ASSETS), CODES, lambda: MODELS), tag, record, items)
    html = handlers.show({tag: "en", record: "own"})[items]
    assert html.count('class="open"') == 2
    assert catalogue("en")("items.no_items") in handlers.show({tag: "en", record: "ablation"})[items]
    assert "There is no record" in handlers.show({tag: "en", record: "gone"})[items]
    assert handlers.show({tag: "en", record: None})[items] == ""
    assert handlers.question("own", {"id": OWN.id, "first": "0", "second": "0"}).strategies == ("agl",)
