"""Links to a question, presses on cards, and what the Why section says of order and labels.

Tests of `app.explore.cards`, `app.explore.controls`, `app.explore.editing`, `app.explore.explanation_html`,
`app.explore.form`, `app.explore.link`, `app.explore.replacing`.
"""

import random
from dataclasses import fields, replace
from html import escape
from typing import Any
from urllib.parse import parse_qsl

import pytest

from app.explore.answer import Response, Thread
from app.explore.cards import Replacing
from app.explore.controls import form_of, values_of
from app.explore.editing import pressed
from app.explore.explanation_html import why_view
from app.explore.form import Edit, Form
from app.explore.link import NAMES, form_of_link, query_string
from app.explore.panels import result_panels
from app.explore.replacing import OFFERED
from app.explore.sending import outputs_of
from app.explore.service import ExploreService
from app.explore.view import measure_why
from app.services import Services
from app.texts import catalogue
from core.data.tasks import load_tasks
from core.errors import InvalidQuery
from core.inference.explanation_records import Order, OrderSensitivity, Unmeasured, Why
from core.inference.predictor import Question
from core.models.loading import ASSETS
from core.records import Prediction

LANGUAGES, TASKS = ("eng_Latn", "arb_Arab", "fra_Latn"), ("topic", "sentiment", "translation")
FORM = Form(
    "ما الخبر؟ & more=1",
    "arb_Arab",
    "sentiment",
    ("eng_Latn", "fra_Latn"),
    ("mmr", "untrained"),
    0,
    ("fra_Latn",),
    "some/model",
    "bf16",
    "run-1",
    0.07,
    "english",
    "contextual",
    7,
    ("a", "b"),
    ("b",),
    (Edit("a", "new text, with a comma", None), Edit("b", None, "sports")),
)


@pytest.fixture(scope="module")
def response(explore: ExploreService) -> Response:
    *_, last = explore.ask(Form("The team won the cup.", "eng_Latn", "topic", ("eng_Latn",), ("agl", "knn"), 3))
    assert last.response is not None
    return last.response


@pytest.fixture
def predictions(response: Response) -> tuple[Prediction, ...]:
    return response.predictions


def read(query: str) -> Form | None:
    return form_of_link(dict(parse_qsl(query)), LANGUAGES, TASKS)


def test_another_candidate_takes_the_place_of_a_demonstration(explore: ExploreService, response: Response) -> None:
    first = response.predictions[0]
    ids = [entry.example.id for entry in first.selection.demonstrations]
    items = {entry.example.item for entry in first.selection.demonstrations}
    candidates = explore.alternatives(first)
    assert len(candidates) == OFFERED and not {entry.example.item for entry in candidates} & items
    # The first of them is what the strategy would choose next.
    longer = explore.predictor(Form("x")).select(Question(first.query, "agl", len(ids) + 1)).demonstrations
    assert candidates[0].example.id == longer[-1].example.id
    html = result_panels(
        response.predictions, load_tasks(ASSETS), catalogue("en"), replacing=Replacing(ids[1], candidates)
    )
    assert html.count("<option value=") >= OFFERED and html.count('data-act="replace"') == 1
    outcome = pressed("replace", ids[1], response, (), candidates[0].example.id)
    assert outcome is not None and outcome.form is not None
    *_, last = explore.ask(outcome.form)
    assert last.response is not None
    now = [entry.example.id for entry in last.response.predictions[0].selection.demonstrations]
    assert now == [ids[0], candidates[0].example.id, ids[2]]
    thread = Thread().begin(response).add(outcome.change, outcome.values, last.response)
    assert [variant.change for variant in thread.variants] == ["variant.chosen", "variant.replaced"]
    assert thread.undo().response == response
    assert read(query_string(outcome.form)) is not None


def test_a_link_brings_back_every_field_of_a_form() -> None:
    assert read(query_string(FORM)) == FORM
    assert {field.name for field in fields(Form)} == {"text", *NAMES}
    assert dict(parse_qsl(query_string(Form("hello")))) == {
        "q": "hello",
        "how": "agl,knn",
        "k": "4",
        "model": "default",
        "calibration": "auto",
        "seed": "0",
    }
    assert read("q=hello") == Form("hello", model="embedded", calibration="none")
    assert read("__theme=dark") is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("task=rhyme", "The link's task is 'rhyme'; choose one of topic"),
        ("how=agl,best", "The link's how is 'best'; choose one of agl"),
        ("from=xx", "The link's from is 'xx'; choose one of eng_Latn"),
        ("k=9", "The link's k is '9'; it must be a number from 0 to 8"),
        ("k=four", "The link's k is 'four'; it must be a number"),
        ("t=nan", "The link's t is 'nan'; it must be a number"),
        ("model=" + "x" * 201, "has 201 characters; at most 200"),
    ],
)
def test_a_wrong_link_is_one_sentence(said: str, words: str) -> None:
    with pytest.raises(InvalidQuery, match=words) as caught:
        read(f"q=hello&{said}")
    assert "\n" not in str(caught.value)


def test_the_controls_show_what_a_form_says() -> None:
    assert form_of(values_of(FORM)) == replace(FORM, kept=None, pinned=(), edits=())
    alone = replace(FORM, strategies=("knn",), kept=None, pinned=(), edits=())
    assert form_of(values_of(alone)) == alone


def test_presses_pin_drop_move_and_edit(response: Response) -> None:
    a, b, c = (entry.example.id for entry in response.predictions[0].selection.demonstrations)

    def kept(*press: Any) -> Any:
        outcome = pressed(*press)
        return outcome and (outcome.pinned, outcome.form and outcome.form.kept)

    assert kept("pin", b, response, ()) == ((b,), None)
    assert kept("pin", b, response, (a, b)) == ((a,), None)
    assert kept("drop", b, response, (a, b)) == ((a,), (a, c))
    assert kept("replace", b, response, (a, b), "other") == ((a,), (a, "other", c))
    assert kept("replace", b, response, (), c) is None and kept("replace", b, response, ()) is None
    assert kept("earlier", b, response, ()) == ((), (b, a, c))
    assert kept("later", b, response, (b,)) == ((b,), (a, c, b))
    assert kept("reverse", "", response, ()) == ((), (c, b, a))
    for nothing in (("earlier", a), ("later", c), ("drop", "elsewhere"), ("burn", a)):
        assert pressed(*nothing, response, ()) is None
    text = response.predictions[0].selection.demonstrations[1].example.text
    assert pressed("edit", b, response, (), f" {text} ", "") is None  # nothing was changed
    edited = pressed("edit", b, response, (), "Another   text.", "politics")
    assert edited is not None
    assert edited.form is not None
    assert edited.form.edits == (Edit(b, "Another text.", "politics"),)
    assert edited.form.text == response.form.text


def test_an_edited_demonstration_is_read_as_edited_and_its_outputs_say_so(
    explore: ExploreService, response: Response
) -> None:
    first = response.predictions[0].selection.demonstrations[0].example
    outcome = pressed("edit", first.id, response, (), "A text of my own.", "travel")
    assert outcome is not None
    assert outcome.form is not None
    *_, last = explore.ask(outcome.form, {"knn": response.predictions[1]})
    assert last.response is not None
    new, other = last.response.predictions
    assert "A text of my own." in new.answers[0].prompt.text
    assert "A text of my own." in new.provenance["edited"]
    assert other is response.predictions[1]  # the second strategy is not asked again
    assert last.response.id != response.id
    assert outputs_of(new)[0].system != outputs_of(response.predictions[0])[0].system


def test_a_thread_keeps_variants_shows_them_and_undoes(response: Response) -> None:
    thread = Thread().begin(response)
    other = Response(replace(response.form, kept=()), response.predictions)
    third = Response(replace(response.form, k=2), response.predictions)
    changed = thread.add("variant.dropped", {"number": 1}, other).add("variant.reversed", {}, third)
    assert [(v.name, v.origin) for v in changed.variants] == [("A", ""), ("B", "A"), ("C", "B")]
    assert changed.response is third
    assert changed.undo().response is other
    assert changed.show("A").response is response
    assert changed.show("A").add("variant.dropped", {}, other).position == 1  # the same question is one variant
    assert changed.show("nowhere") == changed
    long = thread
    for number in range(40):
        long = long.add("variant.edited", {}, Response(replace(response.form, seed=number + 1), response.predictions))
    assert len({variant.name for variant in long.variants}) == len(long.variants) == 12
    assert long.variants[0].name == "A"


def test_a_pinned_demonstration_stays_while_the_first_strategy_chooses_the_rest_anew(
    explore: ExploreService, predictions: tuple[Prediction, ...]
) -> None:
    last = predictions[0].selection.demonstrations[-1].example.id
    form = Form("The team won the cup.", "eng_Latn", "topic", ("eng_Latn",), ("random", "knn"), 3, pinned=(last,))
    *_, step = explore.ask(form)
    shown = [entry.example.id for entry in step.predictions[0].selection.demonstrations]
    assert (shown[0], len(set(shown))) == (last, 3)
    assert step.predictions[1].selection == predictions[1].selection


def test_only_the_first_strategy_has_buttons_and_they_wait_for_the_answer(
    predictions: tuple[Prediction, ...],
) -> None:
    tasks, texts = load_tasks(ASSETS), catalogue("en")
    pinned = (predictions[0].selection.demonstrations[1].example.id,)
    done = result_panels(predictions, tasks, texts, pinned=pinned)
    assert done.count("data-act=") == 3 * 6 + 2  # pin, drop, replace, two moves, an edit; order and labels of all
    assert done.count('class="card pinned"') == 1
    assert done.count('aria-pressed="true"') == 1
    assert done.count(" disabled") == 2  # the first cannot move earlier, the last not later
    assert result_panels(predictions, tasks, texts, 2).count(" disabled") == 3 * 5


@pytest.mark.parametrize("tag", ["en", "ar"])
def test_why_says_in_sentences_what_was_measured(services: Services, response: Response, tag: str) -> None:
    texts = catalogue(tag)
    html = measure_why(services.explore, services.tasks, response, texts, "0", "eng_Latn")
    assert html.count("<circle") == 6  # all orders of three
    assert escape(texts("why.every", total=6)) in html
    assert any(escape(texts(f"why.verdict_{name}")) in html for name in ("labels", "inputs", "both", "neither"))
    for how in ("permuted", "random", "swapped", "other_inputs", "fitting_inputs"):
        assert escape(texts(f"why.how_{how}")) in html
    assert f'dir="{texts.direction}"' in html


def test_a_flip_names_the_order_by_the_numbers_of_the_cards(predictions: tuple[Prediction, ...]) -> None:
    task, first = load_tasks(ASSETS)["topic"], predictions[0]
    shown = first.selection.demonstrations
    turned = tuple(random.Random(2).sample(shown, 3))
    found = OrderSensitivity("sports", (Order(shown, "sports", 0.9), Order(turned, "travel", 0.2)), False)
    why = Why(found, Unmeasured("free_text"), Unmeasured("none_shown"))
    html = why_view(why, first, 0, task, catalogue("en"))
    places = " · ".join(str(shown.index(entry) + 1) for entry in turned)
    assert f"In the order {places} the answer becomes" in html
    assert html.count('class="turned"') == 1
    assert escape(catalogue("en")("why.reason_free_text")) in html


def test_a_prediction_finds_the_predictor_that_gave_it(explore: ExploreService) -> None:
    form = Form(
        "The team won the cup.", "eng_Latn", "topic", (), ("knn",), 2, temperature=0.2, calibration="contextual"
    )
    *_, last = explore.ask(form)
    settings = explore.predictor_of(last.predictions[0]).settings
    assert settings == explore.predictor(form).settings
    assert (settings.policy.temperature, settings.calibration) == (0.2, "contextual")
