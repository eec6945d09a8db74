"""The layer is chosen by translations, without a label, and is saved with the model it belongs to."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import SENTENCES

from core.errors import InvalidData
from core.models.embeddings import SentenceVectors
from core.training.representation import Representation, choose_representation, layer_means, retrieval

PARALLEL = {
    "eng_Latn": [row[1] for row in SENTENCES],
    "fra_Latn": [row[2] for row in SENTENCES],
    "swh_Latn": [row[3] for row in SENTENCES],
}


def test_layers_are_those_of_the_sentence_vectors(model: Any) -> None:
    means = layer_means(model, PARALLEL["eng_Latn"])
    assert means.shape[:2] == (model.layers + 1, 10)
    for layer in (0, 1):
        np.testing.assert_allclose(means[layer], SentenceVectors(model, layer).raw(PARALLEL["eng_Latn"]), atol=1e-5)


def test_retrieval_counts_nearest_neighbours_that_are_translations() -> None:
    first = np.eye(3)
    assert retrieval({"a": first, "b": first}) == 1.0
    assert retrieval({"a": first, "b": first[[1, 0, 2]]}) == pytest.approx(1 / 3)


def test_taking_language_means_off_finds_translations_that_a_language_offset_hides(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layer 1 carries meaning and a large language offset, layer 0 noise: the centred choice is layer 1."""
    rng = np.random.default_rng(0)
    meaning, offsets = rng.normal(size=(10, 8)), {c: 9 * rng.normal(size=8) for c in PARALLEL}
    states = {tuple(t): np.stack([rng.normal(size=(10, 8)), meaning + offsets[c]]) for c, t in PARALLEL.items()}
    monkeypatch.setattr("core.training.representation.layer_means", lambda _, texts: states[tuple(texts)])
    chosen = choose_representation(model, PARALLEL)
    assert chosen.layer == 1
    assert chosen.centred[1] > 0.9 > chosen.centred[0]
    assert set(chosen.centre.means) == set(PARALLEL)


def test_it_is_saved_with_its_model_and_refused_for_another(model: Any, tmp_path: Path) -> None:
    chosen = choose_representation(model, PARALLEL)
    assert Representation.read(tmp_path, model.fingerprint) is None
    chosen.save(tmp_path, model.fingerprint)
    stored = Representation.read(tmp_path, model.fingerprint)
    assert stored is not None and (stored.layer, stored.centred) == (chosen.layer, chosen.centred)
    np.testing.assert_allclose(stored.centre.means["fra_Latn"], chosen.centre.means["fra_Latn"], atol=1e-6)
    with pytest.raises(InvalidData, match="belongs to the model"):
        Representation.read(tmp_path, "another")


def test_one_language_has_no_translations(model: Any) -> None:
    with pytest.raises(InvalidData, match="two languages or more"):
        choose_representation(model, {"eng_Latn": ["a", "b"]})
