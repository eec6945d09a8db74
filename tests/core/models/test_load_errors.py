"""Whatever a loader raises is one clear sentence."""

import json
from pathlib import Path

import pytest
from toys import byte_tokenizer

from core.errors import ModelUnavailable
from core.models.loading import ModelConfig, load_model


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "names no kind of model that transformers"),
        ({"model_type": "no-such-kind"}, "names no kind of model that transformers"),
        ({"model_type": "t5"}, "is not a causal language model"),
    ],
)
def test_a_config_of_no_causal_model_is_one_sentence(settings: dict, words: str, tmp_path: Path) -> None:
    """A `ValueError: Unrecognized model` and its list of every known kind reached the page."""
    byte_tokenizer().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelUnavailable, match=words) as raised:
        load_model(ModelConfig(str(tmp_path)))
    assert "ValueError" not in str(raised.value) and len(str(raised.value)) < 300


def test_an_id_that_is_not_here_says_that_downloads_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """It had the sentence of a typing error."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelUnavailable, match=r"'owner/name' is not on this machine.*HF_HUB_OFFLINE=1"):
        load_model(ModelConfig("owner/name"))
