"""Sentence vectors against means taken by hand, and the files that keep them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import LetterEncoder, byte_tokenizer, tiny_model
from transformers import BloomConfig, Gemma2Config, GPT2Config, MambaConfig, OPTConfig, PretrainedConfig, Qwen3Config

from core.data.pool import Pool
from core.models import embeddings
from core.models.embeddings import LONGEST, Projection, SentenceVectors
from core.models.loading import LanguageModel
from core.records import Query
from core.selection.pool_index import PoolIndex

TEXTS = ["A river.", "Un fleuve traverse le désert.", "x", "مرحبا", "The very same words, said again and again. " * 3]


def by_hand(model: LanguageModel, text: str, layer: int) -> np.ndarray:
    """Mean over the text's own tokens of ``hidden_states[layer]``, one text at a time, without padding."""
    ids = [*model.start, *model.encode([" " + text])[0][:LONGEST]]
    with torch.inference_mode():
        states = model.network(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[layer]
    return np.asarray(states[0, len(model.start) :].double().mean(0))


@pytest.mark.parametrize("layer", [0, 1, 2, None])
def test_vectors_are_the_mean_of_the_layer_without_special_tokens(model: LanguageModel, layer: int | None) -> None:
    vectors = SentenceVectors(model, layer).raw(TEXTS)
    expected = [by_hand(model, text, 1 if layer is None else layer) for text in TEXTS]  # half of two layers
    assert vectors == pytest.approx(np.stack(expected), abs=1e-5)
    assert vectors.dtype == np.float32


SMALL: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 4}
OTHERS: dict[str, Callable[..., PretrainedConfig]] = {
    "gpt2": lambda **ids: GPT2Config(n_embd=32, n_layer=4, n_head=4, **ids),
    "qwen3": lambda **ids: Qwen3Config(
        intermediate_size=64, num_attention_heads=4, num_key_value_heads=2, head_dim=8, **SMALL, **ids
    ),
    "opt": lambda **ids: OPTConfig(word_embed_proj_dim=32, ffn_dim=64, num_attention_heads=4, **SMALL, **ids),
    "gemma2": lambda **ids: Gemma2Config(
        intermediate_size=64, num_attention_heads=4, num_key_value_heads=2, head_dim=8, sliding_window=8, **SMALL, **ids
    ),
    "bloom": lambda **ids: BloomConfig(hidden_size=32, n_layer=4, n_head=4, **ids),
    "mamba": lambda **ids: MambaConfig(state_size=4, **SMALL, **ids),
}


@pytest.mark.parametrize("architecture", OTHERS)
def test_every_architecture_gives_the_states_of_its_middle_layer(architecture: str) -> None:
    tokenizer = byte_tokenizer()
    ids = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    model = tiny_model(tokenizer, OTHERS[architecture](**ids), spread=2.0)
    vectors = SentenceVectors(model).raw(TEXTS)
    place = 1 if architecture == "mamba" else 2  # Mamba's hidden_states begin after the first layer, not before it
    assert vectors == pytest.approx(np.stack([by_hand(model, text, place) for text in TEXTS]), abs=1e-4)


def test_vectors_do_not_depend_on_batch_padding_or_order(model: LanguageModel) -> None:
    together = SentenceVectors(model).raw(TEXTS)
    for batch_tokens in (1, 60, 100_000):
        assert SentenceVectors(model).raw(TEXTS, batch_tokens) == pytest.approx(together, abs=1e-5)
    assert SentenceVectors(model).raw(TEXTS[::-1])[::-1] == pytest.approx(together, abs=1e-5)


def test_batches_are_of_like_numbers_of_tokens_whatever_the_script(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By characters, Cyrillic and Latin texts of one length shared a batch, and nearly half of it was padding."""
    computed: list[int] = []
    real = embeddings.mean_states

    def counted(model: LanguageModel, layer: int, encoded: list[list[int]]) -> torch.Tensor:
        computed.append(len(encoded) * max(map(len, encoded)))
        return real(model, layer, encoded)

    monkeypatch.setattr(embeddings, "mean_states", counted)
    texts = [letter * (10 + n) for n in range(16) for letter in ("a", "ж")]  # one and two bytes a letter
    SentenceVectors(model).raw(texts, batch_tokens=120)
    tokens = sum(map(len, embeddings.encoded_texts(model, texts)))
    assert tokens <= sum(computed) < 1.1 * tokens
    assert embeddings.by_tokens(model, ["жж", "aaa", "a"]) == ["a", "aaa", "жж"]


def test_texts_are_read_once_and_forgotten_oldest_first(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = SentenceVectors(model, remember=2)
    first = vectors.raw(["a", "b", "c", "b"])
    assert len(first) == 4  # all are given though only two are kept
    assert vectors.knows(["b", "c"])
    assert not vectors.knows(["a"])
    monkeypatch.setattr(vectors, "_means", lambda encoded: pytest.fail("read again"))
    assert np.array_equal(vectors.raw(["c", "b"]), first[[2, 1]])


def test_a_very_long_text_is_read_up_to_its_limit(model: LanguageModel) -> None:
    long = "word " * 400
    assert SentenceVectors(model).raw([long])[0] == pytest.approx(by_hand(model, long, 1), abs=1e-5)


def test_progress_rises_to_one(model: LanguageModel) -> None:
    shares: list[float] = []
    SentenceVectors(model).raw(TEXTS, batch_tokens=1, progress=lambda share, stage: shares.append(share))
    assert shares == sorted(shares)
    assert len(shares) == len(TEXTS)
    assert shares[-1] == 1.0


def index_of(model: LanguageModel, pool: Pool, cache: Path) -> PoolIndex:
    return PoolIndex(pool, SentenceVectors(model), LetterEncoder(), cache)  # type: ignore[arg-type]


@pytest.fixture
def cache(model: LanguageModel, pool: Pool, tmp_path: Path) -> Path:
    """A file of the toy pool's vectors."""
    path = tmp_path / "cache" / "pool.npz"
    index_of(model, pool, path).prepare()
    assert [file.name for file in path.parent.iterdir()] == ["pool.npz"]  # no partial file is left
    return path


def test_a_cache_file_saves_the_reading(
    model: LanguageModel, pool: Pool, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = index_of(model, pool, cache)
    monkeypatch.setattr(again.vectors, "_means", lambda encoded: pytest.fail("read again"))
    again.prepare()
    fresh = SentenceVectors(model).raw([example.text for example in pool.examples])
    assert again.vectors.raw([example.text for example in pool.examples]) == pytest.approx(fresh, abs=1e-5)


def test_a_cache_file_of_another_model_or_layer_is_ignored(model: LanguageModel, pool: Pool, cache: Path) -> None:
    other = tiny_model(byte_tokenizer(), seed=1)
    for vectors in (SentenceVectors(other), SentenceVectors(model, layer=2)):
        vectors.load(cache)
        assert not vectors.knows([pool.examples[0].text])


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "flipped"])
def test_a_damaged_cache_file_is_ignored_and_replaced(
    model: LanguageModel, pool: Pool, cache: Path, damage: str
) -> None:
    """A truncated zip once ended the program: BadZipFile is neither an OSError nor a ValueError."""
    content = cache.read_bytes()
    middle = len(content) // 2
    cache.write_bytes(
        {
            "truncated": content[:middle],
            "garbage": b"not a zip",
            "empty": b"",
            "flipped": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
        }[damage]
    )
    index = index_of(model, pool, cache)
    index.prepare()
    truth = SentenceVectors(model).raw([example.text for example in pool.examples])
    assert index.vectors.raw([example.text for example in pool.examples]) == pytest.approx(truth, abs=1e-5)
    healed = SentenceVectors(model)
    healed.load(cache)
    assert healed.knows([pool.examples[0].text])


def test_projection_worked_example() -> None:
    """Unit vectors (1, 0), (0, 1) in one language have the mean (1/2, 1/2), so they become (1, -1) and (-1, 1) / sqrt 2."""
    projection = Projection.fit(np.array([[2.0, 0.0], [0.0, 3.0], [0.6, 0.8]]), ["a", "a", "b"])
    half = np.sqrt(0.5)
    assert projection(np.array([[5.0, 0.0]]), ["a"]) == pytest.approx(np.array([[half, -half]]))
    assert projection(np.array([[0.0, 5.0]]), ["a"]) == pytest.approx(np.array([[-half, half]]))
    # A language without a mean of its own gets the overall mean (1.6 / 3, 1.8 / 3) of all unit vectors:
    # (1, 0) - that = (1.4, -1.8) / 3, of length sqrt(1.4^2 + 1.8^2) / 3.
    assert projection(np.array([[1.0, 0.0]]), ["c"]) == pytest.approx(np.array([[1.4, -1.8]]) / np.hypot(1.4, 1.8))


def test_projection_applies_its_weight_after_centring() -> None:
    # (1, 0) - (1/2, 1/2) = (1/2, -1/2); W = [[2, 0]] keeps twice the first: 1, of unit length 1.
    weight = np.array([[2.0, 0.0], [0.0, 1.0]])
    projection = Projection({"a": np.array([0.5, 0.5])}, np.zeros(2), weight)
    assert projection(np.array([[1.0, 0.0]]), ["a"]) == pytest.approx(np.array([[1.0, -0.5]]) / np.hypot(1.0, 0.5))


def test_own_vectors_have_unit_norm_and_no_language_mean(index: PoolIndex, pool: Pool) -> None:
    vectors = index.own_vectors().double()
    assert vectors.norm(dim=1).tolist() == pytest.approx([1.0] * len(pool), abs=1e-5)
    raw = index.vectors.raw([example.text for example in pool.examples]).astype(np.float64)
    raw /= np.linalg.norm(raw, axis=1, keepdims=True)
    code = np.array([example.language for example in pool.examples])
    centred = raw - np.stack([raw[code == own].mean(0) for own in code])
    expected = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    assert vectors.numpy() == pytest.approx(expected, abs=1e-4)
    first = pool.examples[0]
    assert index.own_vector(Query(first.text, first.language)).tolist() == pytest.approx(vectors[0].tolist(), abs=1e-5)


def test_the_cache_keeps_the_pool_and_no_query_of_a_visitor(model: LanguageModel, tmp_path: Path) -> None:
    vectors = SentenceVectors(model)
    vectors.raw(["a private question", "a pool sentence"])
    vectors.save(tmp_path / "cache.npz", ["a pool sentence"])
    again = SentenceVectors(model)
    again.load(tmp_path / "cache.npz")
    assert again.knows(["a pool sentence"])
    assert not again.knows(["a private question"])
