"""Names of models: what each stands for, and what older names keep meaning."""

import json
from pathlib import Path

import pytest

from core.errors import ModelUnavailable
from core.models import catalogue
from core.models.catalogue import GEMMA, RECORD, cards, default_model, models_cache, resolve, settled_name
from core.models.loading import ModelConfig, load_model


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of models, and nobody who says what the default is."""
    monkeypatch.setenv("AGL_CACHE", str(tmp_path))
    monkeypatch.delenv("AGL_MODEL", raising=False)
    return models_cache()


def set_up(cache: Path, name: str = GEMMA) -> Path:
    folder = cache / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "gemma3_text"}))
    (folder / RECORD).write_text("{}")
    return folder


def test_default_is_the_large_model_where_it_is_set_up_and_else_the_tiny_one(cached: Path) -> None:
    assert (default_model(), resolve("default").name, ModelConfig("default").name) == ("tiny", "tiny", "tiny")
    folder = set_up(cached)
    source = resolve("default")
    assert (source.name, source.location, source.kind) == (GEMMA, str(folder), "known")
    assert ModelConfig("default", "fp32") == ModelConfig(GEMMA, "fp32")


def test_the_environment_says_what_default_means(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(cached)
    monkeypatch.setenv("AGL_MODEL", "tiny")
    assert settled_name("default") == "tiny"
    assert settled_name(GEMMA) == GEMMA  # a name is a name


def test_embedded_in_older_records_and_links_is_the_tiny_model(cached: Path) -> None:
    set_up(cached)
    assert ModelConfig("embedded") == ModelConfig("tiny") == ModelConfig()
    assert resolve("embedded").location == str(catalogue.TINY_FOLDER)


def test_a_folder_half_converted_is_not_set_up(cached: Path) -> None:
    (set_up(cached) / RECORD).unlink()
    assert default_model() == "tiny"
    with pytest.raises(
        ModelUnavailable, match=r"^The model 'gemma-3-270m' is not set up.*models --set-up.*choose tiny"
    ):
        resolve(GEMMA)


def test_a_missing_tiny_model_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalogue, "TINY_FOLDER", tmp_path / "lm")
    with pytest.raises(ModelUnavailable, match=r"'tiny' is not set up: it is missing from .*restore assets/models"):
        load_model(ModelConfig())


def test_the_licence_of_gemma_is_seen_in_any_folder_of_it(tmp_path: Path) -> None:
    for kind, licence in (("gemma3_text", "Gemma Terms of Use"), ("llama", "")):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
        source = resolve(str(tmp_path))
        assert (source.kind, source.licence, source.is_gemma) == ("folder", licence, bool(licence))
        assert source.offline


def test_a_gguf_file_is_a_model_and_another_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(bytes(2_000_000))
    (tmp_path / "a.bin").write_bytes(b"x")
    source = resolve(str(tmp_path / "a.gguf"))
    assert (source.kind, source.megabytes, source.title) == ("gguf", 2.0, str(tmp_path / "a.gguf"))
    with pytest.raises(ModelUnavailable, match=r"is a file and not a GGUF"):
        resolve(str(tmp_path / "a.bin"))
    with pytest.raises(ModelUnavailable, match=r"^No model was found at 'models/other\.gguf'"):
        resolve("models/other.gguf")  # and not a Hub id


def test_the_addresses_of_every_card_and_the_tiny_models_size_are_true() -> None:
    assert set(cards()) == {GEMMA, "tiny"}
    assert all(card.terms.startswith("https://") and card.licence and card.source for card in cards().values())
    size = sum(path.stat().st_size for path in catalogue.TINY_FOLDER.iterdir()) / 1e6
    if (catalogue.TINY_FOLDER / "model.safetensors").is_file():
        assert cards()["tiny"].megabytes == pytest.approx(size, abs=0.1)
