"""The bundled encoder against sentence-transformers, and what a missing one says.

Tests of `core.models.sentence_encoder`.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import core.models.sentence_encoder as module
from core.errors import ModelUnavailable
from core.models.catalogue import ENCODER_FOLDER
from core.models.sentence_encoder import SentenceEncoder
from core.workbench import bundled_examples

ROOT = Path(__file__).resolve().parents[3]


def test_the_bundled_encoder_has_the_vectors_of_sentence_transformers() -> None:
    from sentence_transformers import SentenceTransformer

    texts = [*(example.text for example in bundled_examples("topic")[::7]), "", "x", "\n", "a word " * 700]
    theirs = SentenceTransformer(str(ENCODER_FOLDER), device="cpu").float()
    expected = theirs.encode([f" {text}" for text in texts], normalize_embeddings=True, show_progress_bar=False)
    got = SentenceEncoder().vectors(texts)
    assert got.dtype == np.float32 and got.shape == expected.shape
    assert np.abs(got - expected).max() <= 1e-6
    assert SentenceEncoder().vectors([]).shape == (0, got.shape[1])
    assert SentenceEncoder(str(ENCODER_FOLDER)).vectors(texts) == pytest.approx(got, abs=1e-6)


@pytest.mark.slow
def test_the_bundled_encoder_waits_for_no_large_package() -> None:
    code = (
        "import sys; from core.models.sentence_encoder import SentenceEncoder; SentenceEncoder().vectors(['x']);"
        "print({'sentence_transformers', 'transformers', 'sklearn', 'peft'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "set()"


def test_a_missing_encoder_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "ENCODER_FOLDER", tmp_path)
    with pytest.raises(ModelUnavailable, match="bundled encoder is missing"):
        SentenceEncoder().vectors(["x"])
