"""A model that grades beside people: stored once, in tables of its own, in no statistic of people; its agreement against independent code.

Tests of `annotation.judge_records`, `annotation.database.judge_tables`, `annotation.statistics.judged`, `annotation.report.judges`.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
import pytest
from rating_examples import outputs_of, submission

from annotation.errors import InvalidRecord, StudyClosed
from annotation.export.files import export_study
from annotation.judge_records import Judge, NewJudge, NewScore
from annotation.records import Study
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.statistics.agreement import alpha, value_counts
from annotation.statistics.judged import judged
from annotation.statistics.values import Interval, Undefined
from annotation.store import RatingStore
from core.report.markup import markdown

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GEMMA = NewJudge("models/gemma-3-270m", "0123456789ab", "grade-1", {"precision": "bf16"})
KEYS = ("fluency", "relevance", "correctness")


def score(output: int, key: str, value: int | None, expected: float | None = None) -> NewScore:
    if value is None:
        return NewScore(output, key, None, None, (), "a" * 64)
    given = tuple(1.0 if point == value else 0.0 for point in range(1, 6))
    return NewScore(output, key, value, float(value) if expected is None else expected, given, "a" * 64)


@pytest.fixture
def judge(store: RatingStore, study: Study) -> Judge:
    return store.ensure_judge(study.id, GEMMA)


def test_a_score_is_stored_once_and_the_same_model_goes_on(store: RatingStore, study: Study, judge: Judge) -> None:
    assert (judge.name, judge.scored, judge.total) == ("gemma-3-270m (012345)", 0, 27)
    pairs = store.unscored(judge.id)
    assert len(pairs) == 27 and [key for _, key in pairs[:3]] == list(KEYS)
    assert store.store_scores(judge.id, [score(*one, 4) for one in pairs[:5]]) == 5
    assert (
        store.store_scores(judge.id, [score(*one, 1) for one in pairs[:6]]) == 1
    )  # five were there: nothing is replaced
    again = store.ensure_judge(study.id, GEMMA)
    assert (again.id, again.scored, store.unscored(judge.id)) == (judge.id, 6, pairs[6:])
    assert [one.judged_value for one in store.judge_scores(study.id)].count(4) == 5
    other = store.ensure_judge(study.id, replace(GEMMA, fingerprint="ba9876543210"))
    assert other.id != judge.id and len(store.unscored(other.id)) == 27
    assert store.remove_judge(study.id, judge.id) == 6
    assert [one.id for one in store.judges(study.id)] == [other.id] and store.judge_scores(study.id) == []


def test_a_text_too_long_for_the_model_has_no_value_and_is_counted(
    store: RatingStore, study: Study, judge: Judge
) -> None:
    store.store_scores(judge.id, [score(*store.unscored(judge.id)[0], None)])
    assert store.judges(study.id)[0].too_long == 1
    assert judged(store.judge_scores(study.id), store.ratings(study.id), KEYS) == []


def test_a_score_off_its_scale_or_of_another_study_is_refused_whole(
    store: RatingStore, study: Study, judge: Judge
) -> None:
    (output, key), *_ = store.unscored(judge.id)
    fine = score(output, "relevance", 3)
    for wrong in (
        score(output, key, 6),
        score(output, key, 3, 7.0),
        replace(score(output, key, 3), probabilities=(1.0,)),
        score(output + 999, key, 3),
        score(output, "beauty", 3),
    ):
        with pytest.raises(InvalidRecord):
            store.store_scores(judge.id, [fine, wrong])
    assert store.judge_scores(study.id) == []
    draft = store.create_study(replace(_like(study), slug="draft"))
    with pytest.raises(StudyClosed):
        store.ensure_judge(draft.id, GEMMA)
    with pytest.raises(InvalidRecord):
        store.remove_judge(draft.id, judge.id)


def _like(study: Study):  # type: ignore[no-untyped-def]
    from rating_examples import new_study

    return new_study(study.slug)


def test_outputs_that_are_taken_back_take_their_scores_along(store: RatingStore, study: Study, judge: Judge) -> None:
    report = store.add_outputs(study.id, outputs_of("i9"))
    store.store_scores(judge.id, [score(one, "fluency", 3) for one in report.output_ids])
    assert store.take_back_outputs(study.id, report.output_ids) == 3
    assert store.judge_scores(study.id) == [] and len(store.unscored(judge.id)) == 27


@pytest.fixture
def both(store: RatingStore, study: Study, judge: Judge) -> Judge:
    """Two raters, and a model whose grades follow them with noise; drawn with a seed."""
    draw = Random(7)
    truth: dict[tuple[int, str], int] = {}
    for _ in range(2):
        rater, _ = store.new_rater(study.id, "sw")
        while (view := store.next_assignment(rater.id)) is not None:
            for one in view.outputs:
                for key in KEYS:
                    truth.setdefault((one.output_id, key), draw.randint(1, 5))
            value = lambda output, key: min(5, max(1, truth[output, key] + draw.choice((-1, 0, 0, 1))))  # noqa: E731
            store.submit(submission(rater.id, view, value))
    grades = [(pair, min(5, max(1, truth[pair] + draw.choice((-1, 0, 1))))) for pair in store.unscored(judge.id)]
    store.store_scores(judge.id, [score(*pair, value, value - 0.25 if value > 1 else 1.0) for pair, value in grades])
    return judge


def test_kappa_equals_scikit_learn_and_alpha_adds_the_model_as_a_coder(
    store: RatingStore, study: Study, both: Judge
) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, ratings = store.judge_scores(study.id), store.ratings(study.id)
    for one in judged(scores, ratings, KEYS):
        mine = {row.output_id: row.judged_value for row in scores if row.criterion == one.criterion}
        pairs = [(row.value, mine[row.output_id]) for row in ratings if row.criterion == one.criterion]
        people, model = zip(*pairs, strict=True)
        assert one.pairs == len(pairs) == 18 and one.texts == 9
        expected = metrics.cohen_kappa_score(people, model, labels=range(1, 6), weights="quadratic")
        assert one.kappa == pytest.approx(expected, abs=1e-12)
        assert np.array_equal(one.confusion, metrics.confusion_matrix(people, model, labels=range(1, 6)))
        units = [[v for v, row in ((r.value, r) for r in ratings) if v and row.output_id == output and
                  row.criterion == one.criterion] for output in mine]  # fmt: skip
        assert one.alpha_people == alpha(value_counts(units))
        assert one.alpha_with == alpha(value_counts([[*u, mine[o] or 0] for o, u in zip(mine, units, strict=True)]))
        assert isinstance(one.interval, Interval) and one.interval.low <= one.interval.value <= one.interval.high
        expected_shift = np.mean([row.expected_value - np.mean([r.value for r in ratings if r.output_id == row.output_id
                                  and r.criterion == one.criterion]) for row in scores if row.criterion == one.criterion])  # fmt: skip
        assert one.shift == pytest.approx(expected_shift)


def test_a_model_that_always_gives_the_same_has_a_kappa_of_zero_and_says_why_where_there_is_none(
    store: RatingStore, study: Study, judge: Judge
) -> None:
    for value in (2, 4):
        rater, _ = store.new_rater(study.id, "sw")
        while (view := store.next_assignment(rater.id)) is not None:
            store.submit(submission(rater.id, view, value))
    store.store_scores(judge.id, [score(*one, 3) for one in store.unscored(judge.id)])
    # people vary, the model does not: distances are as by chance
    assert {one.kappa for one in judged(store.judge_scores(study.id), store.ratings(study.id), KEYS)} == {0.0}
    same = [one for one in store.ratings(study.id) if one.value == 2]
    alike = judged([replace(one, judged_value=2) for one in store.judge_scores(study.id)], same, KEYS)
    assert all(isinstance(one.kappa, Undefined) and one.kappa.code == "all_equal" for one in alike)


def test_the_model_is_named_in_report_sheet_and_exports_and_moves_no_statistic_of_people(
    store: RatingStore, study: Study, both: Judge, tmp_path: Path
) -> None:
    data = store.data(study.id, checks=True)
    report, without = (make_report(study, one, NOW) for one in (data, replace(data, judge_scores=())))
    assert (report.everyone, report.verdicts) == (without.everyone, without.verdicts)
    text = markdown([document(report)])
    assert "Models that grade, beside people" in text and "gemma-3-270m (012345)" in text and "no rater" in text
    assert "Models that grade" not in markdown([document(without)])
    assert "gemma-3-270m" in to_heds(report, data) and "No model graded" in to_heds(without, data)
    export_study(store, study, tmp_path)
    book = json.loads((tmp_path / "codebook.json").read_text())
    assert book["tables"]["judge_scores"]["rows"] == 27 and book["tables"]["ratings"]["rows"] == 54
    first = json.loads((tmp_path / "judge_scores.jsonl").read_text().splitlines()[0])
    assert len(first["probabilities"]) == 5 and first["model"] == GEMMA.model and first["prompt_sha256"] == "a" * 64
    assert "gemma" not in (tmp_path / "ratings.csv").read_text()
