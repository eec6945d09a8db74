"""A batch: the numbers of an ordinary evaluation, stopped and gone on with, bounded for strangers, its rows as questions of Explore.

Tests of `app.batch.view`.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.batch.service import MOST_OF_STRANGERS, BatchForm, BatchService
from app.batch.view import batch_view, table_of_batch
from app.explore.form import Form
from app.explore.service import ExploreService
from app.items.rows import filters
from app.texts import catalogue
from core.data.tasks import load_tasks
from core.errors import InvalidConfig, InvalidData
from core.evaluation import EvaluationConfig, evaluate
from core.models.loading import ASSETS
from core.report.reading import read_record

TASKS = load_tasks(ASSETS)
TEXTS = catalogue("en")
FORM = BatchForm("topic", ("zero-shot", "agl"), 2)
SENTENCES = {
    "eng_Latn": (
        "The striker scored <b>twice</b> in the final.",
        "The senate passed the budget.",
        "The river floods the plain.",
    ),
    "fra_Latn": ("Le vaccin protège les enfants.", "Le train part à midi.", "Le chanteur a donné un concert."),
}
LABELS = ("sports", "politics", "geography", "health", "travel", "entertainment")
ROWS = [(text, code) for code, texts in SENTENCES.items() for text in texts]
UNLABELLED = "text,language\n" + "\n".join(f"{text},{code}" for text, code in ROWS * 2)
LABELLED = "text,language,label\n" + "\n".join(
    f"{text},{code},{label}" for (text, code), label in zip(ROWS * 2, LABELS * 2, strict=True)
)


@pytest.fixture
def batches(explore: ExploreService, tmp_path: Path) -> BatchService:
    return BatchService(explore, TASKS, tmp_path / "evaluations")


def finished(batches: BatchService, pasted: str = LABELLED) -> str:
    name = batches.start(FORM, pasted, "eng_Latn")
    batches.wait(300)
    assert batches.state is not None and not batches.state.going and batches.state.error == ""
    return name


def test_a_labelled_batch_is_an_ordinary_record_with_the_numbers_of_an_undivided_evaluation(
    batches: BatchService, explore: ExploreService
) -> None:
    name = finished(batches)
    record = read_record(batches.folder / name)
    assert record.kind == "evaluation" and record.items is not None and len(record.items) == 24
    predictor = explore.predictor(Form("x", task="topic"))
    batch = batches.read(name)
    whole = evaluate(predictor, batch.queries, EvaluationConfig(("zero-shot", "agl"), (2,), (0,), None))
    columns = ["id", "strategy", "gold", "prediction", "prediction_batch"]
    pd.testing.assert_frame_equal(record.items[columns], whole[columns])
    scores, expected = (np.array([json.loads(text) for text in table["log_probs"]]) for table in (record.items, whole))
    assert np.abs(scores - expected).max() <= 1e-4
    assert (batches.folder / name / "queries.jsonl").read_text().count("\n") == 12


def test_the_table_has_intervals_filters_and_rows_that_open_in_explore(batches: BatchService) -> None:
    batch = batches.read(finished(batches))
    html = batch_view(batch, TASKS["topic"], TEXTS)
    assert "<b>twice</b>" not in html and "&lt;b&gt;twice&lt;/b&gt;" in html
    assert html.count('class="open"') == 12
    table = table_of_batch(batch)
    first, second = table.pair()
    for name, test in filters(table, first, second).items():
        assert f"{TEXTS(f'items.filter_{name}')} ({sum(map(test, table.rows))})" in html
    own = next(system for system in table.systems if system.strategy == "agl")
    share = np.mean([row.right(own) for row in table.rows])
    assert f"<b>{100 * share:.1f} [" in html
    assert (
        html.count("(n = 6)") == 4
    )  # six queries of a language are too few for an interval: two strategies, two languages
    form = batch.form.explore(batch.queries[3])
    assert (form.text, form.language, form.strategies, form.k) == (
        "Le vaccin protège les enfants.", "fra_Latn", ("agl", "zero-shot"), 2,
    )  # fmt: skip


def test_without_labels_nothing_is_scored(batches: BatchService) -> None:
    name = finished(batches, UNLABELLED)
    record = read_record(batches.folder / name)
    assert record.kind == "batch" and record.entry["results"] == []
    html = batch_view(batches.read(name), TASKS["topic"], TEXTS)
    assert TEXTS("batch.no_gold") in html
    assert "✗" not in html and TEXTS("items.filter_won") not in html


def test_a_stopped_batch_keeps_its_answers_and_goes_on(batches: BatchService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.batch.service.TOGETHER", 5)
    asked: list[int] = []

    def counted(predictor, queries, config):  # type: ignore[no-untyped-def]
        asked.append(len(queries))
        if len(asked) == 2:
            batches.stop()
        return evaluate(predictor, queries, config)

    monkeypatch.setattr("app.batch.service.evaluate", counted)
    name = batches.start(FORM, LABELLED, "eng_Latn")
    batches.wait(300)
    assert asked == [5, 5] and batches.read(name).items is None
    assert len(list((batches.folder / name / "parts").glob("*.parquet"))) == 2
    batches.go_on(name)
    batches.wait(300)
    assert asked == [5, 5, 2, 5, 5, 2]  # what was answered is not asked again
    assert batches.read(name).items is not None
    with pytest.raises(InvalidConfig, match="is finished"):
        batches.go_on(name)


def test_strangers_are_bounded_and_their_batches_are_in_no_list(explore: ExploreService, tmp_path: Path) -> None:
    batches = BatchService(explore, TASKS, tmp_path / "batches", strangers=True)
    with pytest.raises(InvalidData, match=f"has 2 to {MOST_OF_STRANGERS}"):
        batches.start(FORM, "one two three\n" * (MOST_OF_STRANGERS + 1), "eng_Latn")
    name = finished(batches)
    assert len(name) == 24 and not name.startswith("batch")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (BatchForm("translation"), "a batch asks tasks with labels"),
        (BatchForm(strategies=()), "0 strategies are chosen"),
        (BatchForm(strategies=("agl", "knn", "bm25", "mmr", "dpp")), "5 strategies are chosen"),
        (BatchForm(strategies=("no such",)), "There is no strategy 'no such'"),
        (BatchForm(k=99), "99 demonstrations were asked for"),
    ],
)
def test_what_cannot_be_asked_starts_nothing(batches: BatchService, form: BatchForm, words: str) -> None:
    with pytest.raises(Exception, match=words):
        batches.start(form, LABELLED, "eng_Latn")
    assert batches.state is None and not batches.folder.exists()


@pytest.mark.parametrize("name", ["", "../up", "a/b", "nothing"])
def test_a_name_that_is_no_batch_is_refused(batches: BatchService, name: str) -> None:
    with pytest.raises(InvalidData, match="There is no batch"):
        batches.read(name)


def test_what_goes_wrong_in_the_background_is_one_sentence(batches: BatchService) -> None:
    batches.start(BatchForm(model="/no/such/model"), LABELLED, "eng_Latn")
    batches.wait(60)
    assert batches.state is not None
    assert batches.state.error.startswith("No model was found at '/no/such/model'")
