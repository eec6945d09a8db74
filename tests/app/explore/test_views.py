"""Texts of people and models are shown as text, in their own direction.

Tests of `app.explore.context_html`, `app.explore.panels`, `app.html`.
"""

from dataclasses import replace
from html import escape

import pytest

from app.explore.context_html import context_view
from app.explore.form import Form
from app.explore.panels import details_view, prompt_view, result_panels
from app.explore.service import ExploreService
from app.html import spoken
from app.texts import catalogue
from core.data.tasks import Task, load_tasks
from core.inference.context_use import AnswerToken, ContextUse, Source
from core.inference.explanation_records import Unmeasured
from core.models.loading import ASSETS
from core.records import Prediction

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
TEXTS = catalogue("en")


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    return load_tasks(ASSETS)


@pytest.fixture(scope="module")
def prediction(explore: ExploreService) -> Prediction:
    *_, last = explore.ask(Form("The team won the cup.", "eng_Latn", "topic", ("eng_Latn", "arb_Arab"), ("agl",), 2))
    return last.predictions[0]


def poisoned(prediction: Prediction) -> Prediction:
    """The prediction as it would be if a pool, a person and a model had written markup."""
    first, *rest = prediction.selection.demonstrations
    first = replace(first, example=replace(first.example, text=EVIL))
    answers = tuple(
        replace(answer, text=EVIL, zero_shot_text=EVIL, prompt=replace(answer.prompt, text=EVIL))
        for answer in prediction.answers
    )
    return replace(
        prediction,
        query=replace(prediction.query, text=EVIL),
        selection=replace(prediction.selection, demonstrations=(first, *rest)),
        answers=answers,
        provenance={**prediction.provenance, "model": EVIL},
    )


def test_markup_in_any_text_of_explore_stays_text(prediction: Prediction, tasks: dict[str, Task]) -> None:
    bad = poisoned(prediction)
    for html in (result_panels((bad,), tasks, TEXTS), prompt_view(bad, 0), details_view((bad,), TEXTS)):
        assert "&lt;script&gt;" in html
        assert "<script" not in html
        assert "<img" not in html


def test_a_text_carries_its_language_and_direction() -> None:
    assert spoken("مرحبا", "arb_Arab") == '<span lang="ar" dir="rtl">مرحبا</span>'
    assert spoken("你好", "zho_Hans", "x", "p") == '<p class="x" lang="zh" dir="ltr">你好</p>'


def test_a_copied_repeated_or_foreign_text_is_flagged_in_verdict_and_row(
    prediction: Prediction, tasks: dict[str, Task]
) -> None:
    """A translation copied from a demonstration had confidence 0.70 and no warning."""
    written = replace(prediction.answers[0], label=None, with_context=None, without_context=None, kl=None)
    for changes, key in (
        ({"copied": "demonstration"}, "explore.copied_demonstration"),
        ({"copied": "source"}, "explore.copied_source"),
        ({"repeated": True}, "explore.repeated"),
        ({"adherence": 0.1}, "explore.other_language"),
    ):
        answer = replace(written, **{"adherence": 0.9} | changes)  # type: ignore[arg-type]
        html = result_panels((replace(prediction, answers=(answer,), effects=()),), tasks, TEXTS)
        assert html.count(f"⚠ {escape(TEXTS(key, language='English'))}") == 2
    fine = replace(written, adherence=0.9)
    assert "⚠" not in result_panels((replace(prediction, answers=(fine,), effects=()),), tasks, TEXTS)
    assert "⚠" not in result_panels((prediction,), tasks, TEXTS)  # labels are words of the language by construction


def test_cards_show_what_the_policy_and_leaving_out_say(prediction: Prediction, tasks: dict[str, Task]) -> None:
    html = result_panels((prediction,), tasks, TEXTS)
    assert html.count('class="card"') == 2
    assert html.count(escape(TEXTS("explore.probability_hint"))) == 2
    assert html.count(escape(TEXTS("explore.without_hint"))) + html.count(escape(TEXTS("explore.effect_none"))) == 2


def test_what_demonstrations_add_is_said_in_words_and_shown_as_text(
    prediction: Prediction, tasks: dict[str, Task]
) -> None:
    first, second = poisoned(prediction).selection.demonstrations
    sources = (Source(first, 1.25, same_label=True), Source(second, -0.5))
    result = ContextUse(0.75, sources, (AnswerToken("<b>sp", 0.4, 0.9), AnswerToken("orts", 0.0, -0.15)))
    html = context_view(result, poisoned(prediction), 0, tasks["topic"], TEXTS)
    assert "<script>" not in html and "<b>sp" not in html and "&lt;b&gt;sp" in html
    assert escape(TEXTS("context.raise", value="0.75")) in html and TEXTS("context.copied_label", numbers="1") in html
    assert "+1.25" in html and "-0.50" in html and "+0.90" in html
    alone = replace(result, pvi=-0.75, sources=(Source(second, -0.5),), tokens=())
    html = context_view(alone, prediction, 0, tasks["topic"], TEXTS)
    assert escape(TEXTS("context.lower", value="0.75")) in html and TEXTS("context.copied_none_label") in html
    assert TEXTS("context.other_tokens") in html
    written = replace(result, sources=(Source(first, 0.1, span="the sugar tax"),))
    html = context_view(written, prediction, 0, tasks["translation"], TEXTS)
    assert "the sugar tax" in html and TEXTS("context.copied_text", numbers="1") in html
    assert context_view(Unmeasured("no_weights"), prediction, 0, tasks["topic"], TEXTS) == ""
    assert TEXTS("why.reason_none_shown") in context_view(
        Unmeasured("none_shown"), prediction, 0, tasks["topic"], TEXTS
    )
