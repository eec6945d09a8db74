"""From lines of a log to what the Train tab shows.

Tests of `app.train.tiles`.
"""

import re
from html import escape

import pytest

from app.texts import available, catalogue
from app.train.runs import Run
from app.train.service import Progress
from app.train.tiles import (
    HEALTH,
    LOSSES,
    MOST_COLUMNS,
    accuracy_tiles,
    choice_strip,
    meaning,
    measure_tiles,
    pool_changes,
    small_line,
    time_bars,
)
from app.train.view import (
    REWARDS,
    development_chart,
    learning,
    render_run,
    reward_chart,
    run_head,
    run_progress,
    verdict,
)
from core.data.tasks import load_tasks
from core.models.loading import ASSETS
from core.training.config import FitConfig, WatchConfig
from core.training.run import verdict as core_verdict
from core.training.run_log import KEYS, RECENT

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
TEXTS = catalogue("en")
TASK = load_tasks(ASSETS)["topic"]
ENTRY = {
    "before": {"zero-shot": 0.4, "knn": 0.5, "agl": 0.52, "random labels": 0.3},
    "after": {"zero-shot": 0.41, "knn": 0.5, "agl": 0.475, "random labels": 0.3},
    "fallback": "untrained",
}


def shown(identity: str, text: str = "The team won.", language: str = "eng_Latn") -> dict:
    return {
        "id": identity, "language": language, "text": text, "label": "sports", "origin": "pool", "log_prob": -0.6931,
    }  # fmt: skip


def line(iteration: int, ids: str = "", **more: object) -> dict:
    """A line of a log, with a measurement when ``ids`` of demonstrations are given."""
    plain: dict = {"iteration": iteration, "alarms": []}
    if iteration:
        plain |= {"reward": 0.1 * iteration, "acc": 0.5, "div": 0.9, "loss_total": -0.5, "zero_spread": 0.25}
        plain |= {"seconds": {"write": 1.0, "answer": 3.0}, "written": 1, "rejected": {"copy": 2}}
    if ids:
        query = {"id": "q", "language": "arb_Arab", "text": "فاز الفريق", "label": "sports", "right": iteration > 0}
        plain["choices"] = [{"query": query, "shown": [shown(identity) for identity in ids]}]
        plain["development"] = {"zero-shot": 0.4, "knn": 0.5, "agl": 0.5 + iteration / 100, "random labels": 0.3}
        plain["accuracy"] = {"arb_Arab": 0.5, "eng_Latn": 0.5 + iteration / 10}
    return plain | more


LINES = (line(0, "ab"), line(1), line(2, "bc"), line(3), line(4, "cd"))


def seen(lines: tuple[dict, ...] = LINES, **more: object) -> Run:
    values: dict = {"changes": (), "entry": None, "config": FitConfig(), "state": "running"} | more
    return Run("made", lines=lines, **values)


def test_english_meanings_are_those_that_the_log_declares() -> None:
    for key in (*REWARDS, *LOSSES, *HEALTH, "development", "accuracy"):
        assert TEXTS(f"measures.{key}_meaning") == KEYS[key].meaning


@pytest.mark.parametrize("tag", [entry.tag for entry in available()])
def test_every_hover_names_unit_and_direction_in_every_language(tag: str) -> None:
    texts = catalogue(tag)
    for key in (*REWARDS, *LOSSES, *HEALTH, "development", "accuracy"):
        better = KEYS[key].better
        assert meaning(key, texts).endswith(f"{texts(f'measures.better_{better}')})" if better else ")")
        assert texts(f"measures.{key}_meaning") in meaning(key, texts)
    assert texts("measures.in_share") in meaning("zero_spread", texts)


def test_the_strip_has_a_column_for_every_measurement_and_marks_what_is_new() -> None:
    html = choice_strip(LINES, TASK, TEXTS)
    columns = html.split('<li class="column">')[1:]
    assert len(columns) == 3
    new = [re.findall(r'class="chip( new)?"', column) for column in columns]
    # ab, then bc: c is new; then cd: d is new. Nothing is new before there is something to compare with.
    assert new == [["", ""], ["", " new"], ["", " new"]]
    assert [TEXTS("train.before") in column for column in columns] == [True, False, False]
    assert [TEXTS("train.right") in column for column in columns] == [False, True, True]
    assert html.count("p 0.50") == 6  # exp(-0.6931)


def test_many_measurements_are_thinned_to_the_first_and_the_last_among_others() -> None:
    html = choice_strip([line(iteration, "ab") for iteration in range(0, 90, 3)], TASK, TEXTS)
    moments = re.findall(r"<b>(.*?)</b>", html)
    assert len(moments) == MOST_COLUMNS
    assert (moments[0], moments[-1]) == (TEXTS("train.before"), "after 87")


def test_right_to_left_text_stands_in_its_own_cell() -> None:
    html = choice_strip(LINES, TASK, TEXTS)
    assert '<span class="text" lang="ar" dir="rtl">فاز الفريق</span>' in html
    assert 'lang="en" dir="ltr"' in html


def test_markup_in_any_text_of_a_run_stays_text() -> None:
    poisoned = line(0, "a", alarms=[EVIL])
    poisoned["choices"][0]["query"] |= {"text": EVIL, "label": EVIL}
    poisoned["choices"][0]["shown"] = [shown("a", EVIL) | {"label": EVIL}]
    change = {
        "version": 1, "iteration": 1, "action": "retired", "example": EVIL, "reason": f"harmful {EVIL}", "text": EVIL,
    }  # fmt: skip
    run = seen((poisoned,), changes=(change, change | {"reason": EVIL, "text": ""}))
    rendered = render_run(run, {"topic": TASK}, TEXTS)
    for html in (rendered.head, rendered.strip, rendered.pool):
        assert "&lt;script&gt;" in html
        assert "<script" not in html
        assert "<img" not in html


def test_the_verdict_has_the_numbers_of_the_loop_and_says_what_inference_falls_back_to() -> None:
    told = verdict(ENTRY, TEXTS)
    assert set(re.findall(r"[-+]?\d+\.\d%", core_verdict(ENTRY))) == set(re.findall(r"[-+]?\d+\.\d%", told))
    assert TEXTS("train.fallback_untrained") in told
    assert TEXTS("train.verdict_kept") in verdict(ENTRY | {"fallback": ""}, TEXTS)


GAIN = {"value": 0.033, "low": -0.02, "high": 0.08, "p": 0.2, "items": 60}


@pytest.mark.parametrize(
    ("low", "high", "outcome"), [(0.01, 0.08, "better"), (-0.02, 0.08, "nothing"), (-0.1, -0.02, "worse")]
)
def test_whether_anything_was_learnt_is_said_first_with_its_interval(low: float, high: float, outcome: str) -> None:
    """The head said "+3.3 %", without an interval, of a run that had learnt nothing."""
    lines = (line(0, "ab"), line(2, "bc", gain=GAIN | {"low": low, "high": high}))
    figures = {"value": "+3.3", "low": f"{100 * low:+.1f}", "high": f"{100 * high:+.1f}", "items": 60}
    sentence = TEXTS(f"train.learnt_{outcome}", **figures)
    assert f'<p class="verdict">{sentence}' in run_head(seen(lines), TEXTS)  # while it still runs
    finished = run_head(seen(lines, entry=ENTRY, state="finished"), TEXTS)
    assert finished.index(sentence) < finished.index(TEXTS("train.fallback_untrained"))


def test_a_run_of_before_has_its_gain_from_its_tests_and_few_items_say_nothing() -> None:
    test = {"rival": "untrained", "difference": -0.05, "low": -0.09, "high": -0.01, "p_holm": 0.02, "items": 80}
    told = learning(LINES, {"fallback_tests": [test]}, TEXTS)
    assert told == TEXTS("train.learnt_better", value="+5.0", low="+1.0", high="+9.0", items=80)
    assert learning(LINES, {"fallback_tests": []}, TEXTS) == TEXTS("train.learnt_unknown")
    assert learning((*LINES, line(6, "ab", gain=None)), None, TEXTS) == TEXTS("train.learnt_unknown")
    assert learning(LINES, None, TEXTS) == ""  # a log of before


def test_alarms_are_sentences_and_their_absence_is_said() -> None:
    early = TEXTS("train.alarms_early", count=RECENT, done=4)
    assert early in run_head(seen(), TEXTS)
    assert escape(TEXTS("train.no_alarms")) in run_head(seen((*LINES, line(5))), TEXTS)
    html = run_head(seen((line(1, alarms=["The policy hardly draws any more."]),)), TEXTS)
    assert '<li lang="en" dir="ltr">The policy hardly draws any more.</li>' in html


def test_charts_hold_every_iteration_and_every_measurement() -> None:
    reward = reward_chart(LINES, 8, TEXTS)
    assert [trace.name for trace in reward.data] == [TEXTS(f"measures.{key}") for key in REWARDS]
    assert list(reward.data[0].x) == [1, 2, 3, 4]
    assert list(reward.data[0].y) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert TEXTS("measures.better_up") in reward.data[0].hovertemplate.replace("<br>", " ")
    development = development_chart(LINES, 8, TEXTS)
    own = next(trace for trace in development.data if trace.name == TEXTS("train.system_agl"))
    assert (list(own.x), list(own.y)) == ([0, 2, 4], pytest.approx([0.5, 0.52, 0.54]))
    assert len({trace.marker.symbol for trace in development.data}) == 4  # colour is never alone
    assert reward.layout.xaxis.range[1] > 8  # room for what is still to come
    assert list(reward_chart(LINES[:1], 8, TEXTS).data[0].x) == []


def test_accuracy_tiles_show_the_first_measurement_against_the_later_ones() -> None:
    config = FitConfig(watch=WatchConfig(queries=5))
    html = accuracy_tiles(LINES, config, TEXTS)
    assert html.count('class="baseline"') == 2
    assert "50% → 90%" in html  # English: 0.5 + 4 / 10
    assert "50% → 50%" in html
    assert "before training: 0.5 · after 2: 0.7 · after 4: 0.9" in html
    # 5 queries in 2 languages: at most 3 in one, each worth 33 points.
    assert TEXTS("train.accuracy_note", count=3, points="33") in html


def test_a_small_line_runs_from_edge_to_edge_and_up_is_more() -> None:
    html = small_line([(0, 1.0), (5, 3.0), (10, 2.0)], TEXTS)
    # 120 by 34 with an edge of 3: x from 3 to 117, y from 31 (least) to 3 (most), 2.0 halfway.
    assert 'points="3.0,31.0 60.0,3.0 117.0,17.0"' in html
    assert "17.0" in small_line([(0, 4.0)], TEXTS)  # one value, or equal ones: in the middle


def test_measure_tiles_leave_out_what_the_log_does_not_hold() -> None:
    html = measure_tiles(LINES, TEXTS)
    assert html.count('class="tile"') == 2  # loss_total and zero_spread
    assert "25%" in html
    assert measure_tiles(LINES[:1], TEXTS) == ""


def test_times_are_sums_over_iterations_longest_first() -> None:
    html = time_bars(LINES, TEXTS)  # four iterations of 1 and 3 seconds
    assert re.findall(r"(\d+\.\d) s", html) == ["12.0", "4.0"]
    assert re.findall(r">(\d+%)<", html) == ["75%", "25%"]


def test_pool_changes_come_latest_first_with_their_reasons() -> None:
    harm = "harmful: mean advantage -0.41 over 6 uses"
    base = {"version": 1, "iteration": 1, "example": "w"}
    changes = [
        base | {"action": "admitted", "reason": "passed every filter", "text": "Ein Satz."},
        base | {"action": "retired", "reason": harm, "text": "Mbaya."},
    ]
    html = pool_changes(changes, LINES, TEXTS)
    assert html.index("Mbaya.") < html.index("Ein Satz.")
    assert f'title="{harm}"' in html
    assert TEXTS("train.reason_harmful") in html
    # Four iterations, each one kept and two copies.
    assert TEXTS("train.rejected", admitted=4, tried=12, reasons=f"{TEXTS('train.rejected_copy')} 8") in html
    assert TEXTS("train.pool_none") in pool_changes([], LINES, TEXTS)


def test_every_reason_and_phase_that_the_loop_can_log_has_words() -> None:
    """Read from the sources, so that a new reason without words is seen here."""
    loop = ASSETS.parent / "core" / "training"
    writing = (loop / "writing.py").read_text()
    reasons = set(re.findall(r'(?:reason = |return text, )"(\w+)"', writing))
    assert len(reasons) > 8
    phases = set(
        re.findall(
            r'(?:\.end\(|seconds\[)"(\w+)"', (loop / "learner.py").read_text() + (loop / "trainer.py").read_text()
        )
    )
    assert len(phases) > 4
    assert {f"train.rejected_{reason}" for reason in reasons} <= TEXTS.entries.keys()
    assert {f"train.phase_{phase}" for phase in phases} <= TEXTS.entries.keys()


def test_a_run_without_lines_says_what_comes() -> None:
    assert TEXTS("train.waiting") in render_run(seen(()), {}, TEXTS).head
    assert TEXTS("train.nothing_logged") in render_run(seen((), state="unfinished"), {}, TEXTS).head
    assert TEXTS("train.empty") in render_run(None, {}, TEXTS).head


def test_progress_names_the_iteration_that_is_being_done() -> None:
    html = run_progress(Progress("made", "train.step_iteration", done=4, total=24, share=0.5), False, TEXTS)
    assert "made: iteration 5 of 24" in html
    assert "width:50%" in html
    for left, words in ((42.0, "about 40 s left"), (190.0, "about 3 min left")):
        html = run_progress(Progress("made", "train.step_iteration", 4, 24, 0.5, seconds_left=left), False, TEXTS)
        assert f"iteration 5 of 24, {words}" in html
    assert TEXTS("train.stopping") in run_progress(Progress("made", total=24), True, TEXTS)


@pytest.mark.parametrize(
    ("tuned", "words"),
    [({"steps": 4}, "the choice and an adapter"), ({"method": "prompt"}, "the choice and a soft prompt")],
)
def test_what_learnt_the_answers_of_a_tuned_run_is_told(tuned: dict, words: str) -> None:
    entry = ENTRY | {"tuned": {"steps": 4} | tuned, "tuned_tests": {}}
    assert words in run_head(seen(entry=entry, state="finished"), TEXTS)
