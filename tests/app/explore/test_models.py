"""Explore asks the model server that the host named, and no other: nobody's word makes this machine call an address.

Tests of `app.explore.figures`, `app.explore.measures_html`, `app.explore.view`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from model_server import Manners, serving

from app.explore.answer import Thread
from app.explore.form import Form
from app.explore.link import form_of_link
from app.explore.models import ModelCache, served_of
from app.explore.sending import outputs_of
from app.explore.service import ExploreService
from app.explore.view import draw_map, render
from app.services import Services
from app.texts import ENGLISH, catalogue
from core.errors import CoreError, InvalidConfig
from core.models.loading import ModelConfig
from core.served import ServedConfig

CACHE = Path(__file__).resolve().parents[3] / "data" / "cache"
TEXT = "Timu ilishinda mchezo."
FORM = Form(TEXT, "swh_Latn", "topic", ("swh_Latn", "eng_Latn"), ("knn",), 2, model="served")


@pytest.fixture(scope="module")
def manners() -> Manners:
    return Manners(name="org/embedded", key="sk-very-secret")


@pytest.fixture(scope="module")
def asking(explore: ExploreService, manners: Manners) -> Iterator[ExploreService]:
    """An explore whose host serves the embedded model, so that both engines must say the same."""
    model = explore.models.workbench(ModelConfig()).model
    with serving(model, manners) as url:  # type: ignore[arg-type]
        yield ExploreService(CACHE, served=ServedConfig(url, key=manners.key))


def test_the_served_model_answers_as_the_same_model_here(explore: ExploreService, asking: ExploreService) -> None:
    found = []
    for one, model in ((explore, "embedded"), (asking, "served")):
        *_, last = one.ask(Form(TEXT, "swh_Latn", "topic", ("swh_Latn", "eng_Latn"), ("knn",), 2, model=model))
        found.append(last.predictions[0].answers)
    for here, there in zip(*found, strict=True):
        assert (there.label, there.prompt.text) == (here.label, here.prompt.text)
        assert there.with_context is not None
        assert here.with_context is not None
        assert there.with_context.log_probs == pytest.approx(here.with_context.log_probs, abs=1e-4)


def test_its_answers_are_shown_and_sent_with_their_engine_and_without_the_key(
    asking: ExploreService, services: Services, manners: Manners
) -> None:
    *_, last = asking.ask(FORM)
    assert last.response is not None
    view = render(asking, services.tasks, Thread().begin(last.response), catalogue(ENGLISH))
    assert draw_map(asking, services.tasks, last.response, catalogue(ENGLISH), "0") is None
    assert view.reasons.coherence == ""
    assert "<table" in view.reasons.labels
    (output, *_) = outputs_of(last.predictions[0])
    assert output.provenance["model"] == f"openai:{asking.models.served.url}#org/embedded"  # type: ignore[union-attr]
    assert output.provenance["precision"] == "served"
    everything = f"{view}{output}{asking.models.served!r}"
    assert manners.key not in everything


def test_self_selection_by_a_served_model_says_why_it_cannot_be(asking: ExploreService) -> None:
    with pytest.raises(CoreError, match="hidden states needs its weights"):
        list(asking.ask(Form(TEXT, "swh_Latn", strategies=("agl",), model="served")))


@pytest.mark.parametrize(
    "model",
    [
        "openai:http://169.254.169.254/v1#m", "http://127.0.0.1:1/v1", "openai:https://evil.example/v1", "https://x/y#z",
        "openai:http://user:pw@host/v1",
    ],
)  # fmt: skip
def test_no_other_address_is_asked_whoever_names_it(asking: ExploreService, model: str, manners: Manners) -> None:
    before = len(manners.seen)
    with pytest.raises(InvalidConfig, match="Addresses cannot be asked from here"):
        list(asking.ask(Form(TEXT, "swh_Latn", strategies=("knn",), model=model)))
    linked = form_of_link({"q": TEXT, "model": model, "from": "swh_Latn", "how": "knn"}, ["swh_Latn"], ["topic"])
    assert linked is not None
    with pytest.raises(InvalidConfig):
        list(asking.ask(linked))
    assert len(manners.seen) == before


def test_without_a_server_the_name_is_refused_and_so_is_a_run_on_one(asking: ExploreService) -> None:
    with pytest.raises(InvalidConfig, match="No model server is set up here"):
        ModelCache(None, "embedded", None).open("served", "fp32")
    with pytest.raises(InvalidConfig, match="choose no run"):
        asking.models.open("served", "fp32", "mine")


def test_the_environment_names_the_server() -> None:
    assert served_of({}) is None
    said = {
        "AGL_MODEL_SERVER": "http://host:8000/v1#name",
        "AGL_MODEL_SERVER_VECTORS": "embedded",
        "AGL_MODEL_SERVER_TOKENIZER": "org/name",
        "AGL_MODEL_SERVER_KEY": "k",
    }
    assert served_of(said) == ServedConfig("http://host:8000/v1", "name", "org/name", "embedded", key="k")
    with pytest.raises(InvalidConfig, match="AGL_MODEL_SERVER_KEY"):
        served_of({"AGL_MODEL_SERVER": "http://k:secret@host/v1"})
