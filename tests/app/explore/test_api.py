"""What programs may call: three typed endpoints, described on a page, and nothing else.

Tests of `app.explore.api_routes`.
"""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.explore.api import Public
from app.explore.api_routes import NAMES, mcp_available
from app.explore.service import ExploreService
from app.options import parse
from core.errors import InvalidConfig, InvalidQuery, UnknownLanguage

ROOT = Path(__file__).resolve().parents[3]
TEXT = "Timu ilishinda mchezo."
CODES = ["ara", "eng_Latn", "fra_Latn", "swh_Latn"]


class Silent(ExploreService):
    """Refuses to be asked: what is wrong is found before a model is."""

    def ask(self, form: Any) -> Any:
        raise AssertionError(f"was asked {form}")


@pytest.fixture(scope="module")
def silent() -> Public:
    return Public(Silent(), CODES)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"text": 5}, "text is int; give a string"),
        ({"text": None}, "give a string"),
        ({"language": "xx"}, "language is 'xx'; choose one of"),
        ({"language": ["swh_Latn"]}, "language is"),
        ({"answer_languages": "eng_Latn"}, "must be a list of language codes"),
        ({"answer_languages": [1]}, "must be a list of language codes"),
        ({"answer_languages": ["eng_Latn,fra_Latn", "zz"]}, "answer_languages is 'zz'"),
        ({"answer_languages": [f"{n}" for n in range(400)]}, "has 400 entries; at most 12"),
        ({"pool_languages": {"a": 1}}, "must be a list of language codes"),
        ({"task": "mgsm"}, "task is 'mgsm'"),
        ({"strategy": "untrained"}, "strategy is 'untrained'"),
        ({"strategy": "agl,knn"}, "strategy is 'agl,knn'"),
        ({"strategy": ""}, "strategy is ''"),
        ({"k": 9}, "k is '9'"),
        ({"k": -1}, "k is '-1'"),
        ({"k": True}, "k is 'True'"),
        ({"k": [4]}, "must be a number"),
        ({"seed": "nan"}, "seed is 'nan'"),
        ({"model": "org/name"}, "model is 'org/name'; choose one of default, tiny"),
        ({"model": "../../etc"}, "choose one of default, tiny"),
        ({"model": "openai:http://127.0.0.1/v1"}, "choose one of default, tiny"),
    ],
)
def test_whatever_is_sent_is_checked_before_a_model_is_asked(silent: Public, sent: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidQuery) as refusal:
        silent.ask(**{"text": TEXT, "language": "swh_Latn", **sent})
    assert says in str(refusal.value)


def test_a_question_is_answered_as_explore_answers_it(explore: ExploreService) -> None:
    public = Public(explore, ["swh_Latn", "eng_Latn", "fra_Latn"])
    reply = public.ask(TEXT, "swh_Latn", ["swh_Latn", "eng_Latn"], k=2)
    assert reply["language"] == "swh_Latn"
    assert len(reply["demonstrations"]) == 2
    for shown in reply["demonstrations"]:
        assert shown["language"] != "swh_Latn"
        assert shown["effect"] is not None
        assert shown["probability"] is not None
        assert 0 < shown["probability"] <= 1
    assert [answer["language"] for answer in reply["answers"]] == ["swh_Latn", "eng_Latn"]
    for answer in reply["answers"]:
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert answer["confidence"] == max(answer["probabilities"].values())
    assert json.loads(json.dumps(reply)) == reply
    assert reply["provenance"]["strategy"] == "agl"
    assert {one["name"] for one in public.strategies()} >= {"agl", "knn", "zero-shot"}
    assert [one["tag"] for one in public.languages()] == ["sw", "en", "fr"]


def test_a_detected_language_comes_with_its_certainty(explore: ExploreService) -> None:
    public = Public(explore, ["eng_Latn", "fra_Latn", "swh_Latn"])
    detection = public.ask("Le maire a perdu le vote de samedi.", k=0, strategy="zero-shot")["detection"]
    assert (detection["language"], detection["reason"]) == ("fra_Latn", "")
    assert detection["certainty"] > 0.8
    assert public.ask("Le maire a perdu.", "fra_Latn", k=0, strategy="zero-shot")["detection"] is None
    with pytest.raises(UnknownLanguage, match="it seems to be Catalan, which is close to Spanish but not offered"):
        public.ask("El meu germà viu a Barcelona i treballa de metge.")


def test_mcp_without_its_package_is_one_sentence_and_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InvalidConfig, match="pip install 'gradio\\[mcp\\]'"):
        mcp_available(True)
    assert mcp_available(False) is False
    monkeypatch.delenv("AGL_MCP", raising=False)
    assert parse([]).mcp is False
    assert parse(["--mcp"]).mcp is True
    monkeypatch.setenv("AGL_MCP", "1")
    assert parse([]).mcp is True


def called(url: str, name: str, sent: dict[str, Any]) -> tuple[str, Any]:
    """Kind and data of the event that a call ends with, over plain HTTP."""
    event = httpx.post(f"{url}/gradio_api/call/v2/{name}", json=sent, timeout=60).json()["event_id"]
    told = httpx.get(f"{url}/gradio_api/call/{name}/{event}", timeout=120).text
    kind, data = re.findall(r"event: (\w+)\ndata: (.*)\n", told)[-1]
    return kind, json.loads(data)


@pytest.mark.slow
def test_these_endpoints_are_public_and_no_other_is(server: Any) -> None:
    info = httpx.get(f"{server.url}/gradio_api/info", timeout=60).json()
    assert sorted(info["named_endpoints"]) == sorted(f"/{name}" for name in NAMES)
    assert info["unnamed_endpoints"] == {}
    described = httpx.get(f"{server.url}/gradio_api/openapi.json", timeout=60).json()["paths"]
    own = {path.split("/")[-1] for path in described if path.startswith("/gradio_api/call/v2/")}
    assert own == set(NAMES)
    config = httpx.get(f"{server.url}/config", timeout=60).json()
    open_ones = [one["api_name"] for one in config["dependencies"] if one["api_visibility"] != "private"]
    assert sorted(open_ones) == sorted(NAMES)
    assert httpx.get(f"{server.url}/gradio_api/mcp/", timeout=60).status_code == 404


@pytest.mark.slow
def test_a_call_over_http_is_answered_and_a_wrong_one_is_told_why(server: Any) -> None:
    kind, data = called(server.url, "ask", {"text": TEXT, "language": "swh_Latn", "k": 1})
    assert kind == "complete"
    assert data[0]["answers"][0]["language"] == "swh_Latn"
    kind, data = called(server.url, "ask", {"text": "<b>x</b>", "language": "<script>"})
    assert kind == "error"
    assert "choose one of" in json.dumps(data)
    assert "<script>" not in json.dumps(data)


@pytest.mark.slow
def test_the_page_for_programs_describes_them_as_seen_from_outside(server: Any) -> None:
    behind = {"x-forwarded-host": "space.example", "x-forwarded-proto": "https"}
    page = httpx.get(f"{server.url}/api", headers=behind, timeout=60)
    assert page.status_code == 200
    for name in NAMES:
        assert f"https://space.example/gradio_api/call/v2/{name}" in page.text
    assert "answer_languages: list[str] | None = None" in page.text
    assert not re.search(r"<(script|link|img)", page.text)
    odd = httpx.get(f"{server.url}/api", headers={"x-forwarded-host": '"><script>'}, timeout=60)
    assert "<script>" not in odd.text


@pytest.mark.slow
def test_the_example_in_the_readme_runs(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    readme = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(from gradio_client.*?)```", readme, re.DOTALL)
    shown = re.search(r"```python\nfrom gradio_client.*?```\s*```\n(.*?)```", readme, re.DOTALL)
    assert shown
    exec(example.replace("http://127.0.0.1:7860", server.url), {})
    assert capsys.readouterr().out == shown.group(1)
