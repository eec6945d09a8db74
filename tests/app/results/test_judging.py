"""A model that grades, from Results: who may start it, that it stops and goes on, what Results then shows.

Tests of `app.results.judge_tab`, `app.results.judge_html`, `app.results.organising`.
"""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scale_examples import scaled_study
from toys import byte_tokenizer, tiny_model

from annotation.backup.rounds import Backups
from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import AnnotationError, InvalidRecord
from annotation.records import NewOutput, NewStudy, Study, Submission
from annotation.store import RatingStore
from app.explore.models import ModelCache
from app.results import judge_tab
from app.results.judge_html import judges as judges_section
from app.results.judging import AT_ONCE, JudgeService, Judging, scale_of, text_of
from app.results.organising import organising_of
from app.results.ratings import ResultsService
from app.texts import catalogue
from core.errors import InvalidConfig
from core.inference.grading import grading_prompt
from core.models.engine import Engine
from core.models.loading import LanguageModel
from core.scoring import Request, Scorer, Scores


class Gate:
    def require(self, session: object) -> None:
        if session != "organiser":
            raise AnnotationError("This is for organisers.", "enter_first")


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return tiny_model(byte_tokenizer(), seed=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RatingStore]:
    with RatingStore.open(tmp_path / "ratings.db") as opened:
        yield opened


@pytest.fixture
def study(store: RatingStore) -> Study:
    """Ten short outputs in Arabic, each rated by two people on three criteria: 30 grades, more than are stored at once."""
    study = store.ensure_study(NewStudy("s", "S", "Reply.", {"en": "Rate."}, DEFAULT_CRITERIA))
    store.add_outputs(
        study.id, [NewOutput(f"i{n}", "en", "Hello.", "", s, "ar", f"نص {n}") for n in range(5) for s in ("agl", "knn")]
    )
    for number in (1, 2):
        rater, _ = store.new_rater(study.id, "ar")
        while (view := store.next_assignment(rater.id)) is not None:
            values: dict[tuple[int, str], Any] = {
                (one.output_id, key.key): 1 + (one.output_id * number + len(key.key)) % 5
                for one in view.outputs
                for key in DEFAULT_CRITERIA
            }
            sent = f"{number}{view.position:07d}-0000-4000-8000-000000000000"
            store.submit(Submission(sent, rater.id, view.assignment_id, values, None, 3.0))
    return study


class Stepping:
    """A scorer that waits before every batch until it is let through."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer, self.model, self.method = scorer, scorer.model, "packed"
        self.reached, self.let = threading.Semaphore(0), threading.Semaphore(0)

    def score(self, requests: Any, progress: Any = None) -> Any:
        self.reached.release()
        assert self.let.acquire(timeout=60)
        return self.scorer.score(requests, progress)


def tab_of(service: JudgeService) -> Any:
    names: Any = SimpleNamespace(
        fold="fold", model="model", state="state", listed="listed", which="which", timer="timer"
    )
    return judge_tab.JudgeTab(service, lambda _: [("tiny", "tiny")], **vars(names))


def test_nobody_but_an_organiser_starts_stops_or_deletes(store: RatingStore, study: Study) -> None:
    def opened(_: str) -> tuple[Engine, Scores]:
        raise AssertionError("no model is loaded for a stranger")

    tab = tab_of(JudgeService(store, Gate(), opened))
    for update in (
        judge_tab.show(tab, "s", "ar", ""),
        judge_tab.begin(tab, "s", "ar", "", "tiny"),
        judge_tab.end(tab, "s", "ar", ""),
        judge_tab.take_away(tab, "s", "ar", "", "tiny"),
    ):
        assert update["fold"]["visible"] is False and update["listed"] == ""
    assert catalogue("ar")("refusal.enter_first") in judge_tab.begin(tab, "s", "ar", "", "tiny")["state"]
    with pytest.raises(AnnotationError):
        JudgeService(store, None, opened).start("organiser", "s", "tiny")
    assert store.judges(study.id) == []


def test_it_stops_keeps_what_it_gave_and_goes_on_to_the_same_end(
    store: RatingStore, study: Study, model: LanguageModel
) -> None:
    stepping: Any = Stepping(Scorer(model))
    service = JudgeService(store, Gate(), lambda _: (model, stepping))
    tab = tab_of(service)
    started = judge_tab.begin(tab, "s", "en", "organiser", "tiny")
    assert started["timer"].active is True
    assert stepping.reached.acquire(timeout=60)
    refused = judge_tab.begin(tab, "s", "ru", "organiser", "tiny")["state"]
    assert catalogue("ru")("refusal.judge_going", model="tiny") in refused
    with pytest.raises(InvalidRecord):
        service.remove("organiser", "s", "tiny")
    judge_tab.end(tab, "s", "en", "organiser")
    stepping.let.release()
    service.wait(60)
    stopped = judge_tab.show(tab, "s", "en", "organiser")
    assert f"was stopped at {AT_ONCE} of 30" in stopped["state"] and stopped["timer"].active is False
    before = store.judge_scores(study.id)
    assert len(before) == AT_ONCE
    for _ in range(2):
        stepping.let.release()
    judge_tab.begin(tab, "s", "en", "organiser", "tiny")
    service.wait(60)
    after = store.judge_scores(study.id)
    assert len(after) == 30 and [one for one in after if one in before] == before
    assert "graded 30 of 30" in judge_tab.show(tab, "s", "en", "organiser")["state"]
    (judge,) = store.judges(study.id)
    assert (judge.model, judge.fingerprint, judge.scored) == ("tiny", model.fingerprint, 30)
    assert judge.name in judge_tab.show(tab, "s", "en", "organiser")["listed"]
    judge_tab.take_away(tab, "s", "en", "organiser", judge.name)
    assert store.judges(study.id) == []


def test_the_stored_scores_are_those_of_the_plain_scorer(
    store: RatingStore, study: Study, model: LanguageModel
) -> None:
    service = JudgeService(store, Gate(), lambda _: (model, Scorer(model)))
    service.start("organiser", "s", "tiny")
    service.wait(120)
    outputs = {one.output_id: one for one in store.outputs(study.id)}
    fluency = next(one for one in study.criteria if one.key == "fluency")
    scorer = Scorer(model, method="padded")
    for one in [row for row in store.judge_scores(study.id) if row.criterion == "fluency"][:3]:
        output = outputs[one.output_id]
        text, scale = text_of(output, study), scale_of(fluency, output)
        assert "5 = تُقرأ" in grading_prompt(text, scale)  # the words that raters of the language read
        (logs,) = scorer.score([Request(grading_prompt(text, scale) + "\n\nGrade:", scale.labels)])
        weights = [float(value) for value in np.exp(logs - logs.max())]
        expected = sum(point * weight for point, weight in enumerate(weights, start=1)) / sum(weights)
        assert one.expected_value == pytest.approx(expected, abs=1e-3)
        assert one.judged_value == 1 + weights.index(max(weights))


def test_a_model_that_cannot_be_had_is_a_sentence_and_no_judge(store: RatingStore, study: Study) -> None:
    def opened(name: str) -> tuple[Engine, Scores]:
        raise InvalidConfig(f"There is no model {name}.")

    service = JudgeService(store, Gate(), opened)
    service.start("organiser", "s", "nothing")
    service.wait(60)
    tab = tab_of(service)
    assert "There is no model nothing." in judge_tab.show(tab, "s", "en", "organiser")["state"]
    assert store.judges(study.id) == []
    draft = store.create_study(scaled_study("draft"))
    with pytest.raises(AnnotationError):
        service.start("organiser", draft.slug, "tiny")


def test_reference_and_context_go_to_the_model_only_where_raters_see_them(store: RatingStore) -> None:
    for slug, materials in (("without", ()), ("with", ("reference", "context"))):
        made = NewStudy(slug, slug, "T", {"en": "Rate."}, DEFAULT_CRITERIA, materials=materials)  # type: ignore[arg-type]
        study = store.ensure_study(made)
        store.add_outputs(study.id, [NewOutput("i", "en", "s", "", "a", "sw", "x", {}, "REF", "CON")])
        text = text_of(store.outputs(study.id)[0], study)
        assert (text.reference, text.context) == (("REF", "CON") if materials else ("", ""))
        assert (text.source_language, text.output_language) == ("English", "Swahili")


def test_results_show_kappa_alphas_and_confusions_and_say_what_a_model_is(
    store: RatingStore, study: Study, model: LanguageModel, tmp_path: Path
) -> None:
    service = JudgeService(store, Gate(), lambda _: (model, Scorer(model)))
    results = ResultsService(store, "s", tmp_path, Gate())
    texts = catalogue("ar")
    bare = results.report("organiser", "s", texts)
    assert judges_section(bare, bare.everyone, None, texts) == ""
    service.start("organiser", "s", "tiny")
    service.wait(120)
    report = results.report("organiser", "s", texts)
    assert report.everyone == bare.everyone and report.verdicts == bare.verdicts
    html = judges_section(report, report.everyone, "ar", texts)
    assert html.count('class="confusion"') == 3 and 'id="judges"' in html
    assert texts("results.judge_note") in html and 'dir="rtl"' in html
    first = html.split('class="confusion"')[1]
    counts = [int(count) for count in re.findall(r'<td class="\w*">(\d+)</td>', first)]
    assert sum(counts) == report.judged[0].pairs == 20  # ten texts, two raters


def test_a_model_of_a_lent_gpu_does_not_grade(
    store: RatingStore, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = ModelCache(None, "bundled", None, offered=("big",))
    models.zero = True
    backups: Backups | None = None
    organising = organising_of(store, Gate(), backups, models)  # type: ignore[arg-type]
    organising.judges.start("organiser", "s", "big")
    organising.judges.wait(60)
    progress = organising.judges.progress("organiser", "s")
    assert isinstance(progress, Judging) and "lent GPU" in progress.error
