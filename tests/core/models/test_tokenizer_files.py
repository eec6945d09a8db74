"""A tokenizer that is read once is the one that transformers loads by its class, to the last token, offset and setting."""

import json
import random
import shutil
import string
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, Gemma3TextConfig, GemmaTokenizer

from core.models.catalogue import GEMMA, RECORD, is_set_up, models_cache
from core.models.tokenizer_files import ADDED, CONFIG, PLAIN, TOKENIZER, read_once, reads_once, same_tokenizer
from core.workbench import bundled_examples

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
ODD = [
    "",
    " ",
    "  \n\t ",
    "<bos> x <eos>",
    "<mask><pad>",
    "a\u0301 \ufb01 \u200d\ufeff",
    "\U0001f468\u200d\U0001f469 \U0001f1f0\U0001f1ea",
    "ي‌ک\u200f(1)",
    "\u2581\u2581x",
    "\x00\x07",
]


def texts() -> list[str]:
    """Bundled sentences of all languages, odd ones, and characters drawn from all over Unicode."""
    rng, drawn = random.Random(0), []
    for _ in range(100):
        codes = [rng.choice([rng.randrange(0x20, 0xD800), rng.randrange(0xE000, 0x11_0000)]) for _ in range(30)]
        drawn.append("".join(map(chr, codes)) + rng.choice(string.ascii_letters))
    sentences = [example.text for name in ("topic", "sentiment") for example in bundled_examples(name)]
    return [*ODD, *drawn, *sentences[:: max(1, len(sentences) // 1500)]]


@pytest.fixture(scope="module")
def learnt() -> dict[str, Any]:
    """Vocabulary and merges of a small byte-pair encoding of the bundled sentences."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    added = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    sentences = (example.text for example in bundled_examples("topic")[::7])
    tokenizer.train_from_iterator(sentences, trainers.BpeTrainer(vocab_size=1500, special_tokens=added))
    state: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return state


@pytest.fixture
def folder(learnt: dict[str, Any], tmp_path: Path) -> Path:
    """A folder as a conversion leaves it: Gemma's class, some words of its own and a chat template."""
    tokenizer = GemmaTokenizer(
        vocab=learnt["vocab"], merges=[tuple(pair) for pair in learnt["merges"]], add_bos_token=True
    )
    tokenizer.add_tokens(["<start_of_turn>", " spaced "])
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m.role }} {{ m.content }}{% endfor %}"
    )
    tokenizer.save_pretrained(tmp_path / "model")
    Gemma3TextConfig(vocab_size=len(tokenizer)).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def the_same_in_use(usual: Any, ours: Any) -> None:
    for text in texts():
        for settings in ({}, {"add_special_tokens": False, "split_special_tokens": True}):
            one, other = (tokenizer(text, return_offsets_mapping=True, **settings) for tokenizer in (usual, ours))
            assert one.input_ids == other.input_ids, text
            assert one.offset_mapping == other.offset_mapping, text
        assert usual.decode(one.input_ids) == ours.decode(other.input_ids)
    assert len(usual) == len(ours)
    assert usual.special_tokens_map == ours.special_tokens_map
    assert usual.all_special_ids == ours.all_special_ids
    assert usual.get_vocab() == ours.get_vocab()
    assert (usual.padding_side, usual.model_max_length) == (ours.padding_side, ours.model_max_length)
    rows = [tokenizer(["one", "one two three"], padding=True).input_ids for tokenizer in (usual, ours)]
    assert rows[0] == rows[1]


def test_a_tokenizer_that_is_read_once_is_that_of_its_class(folder: Path, tmp_path: Path) -> None:
    usual = AutoTokenizer.from_pretrained(folder)
    assert isinstance(usual, GemmaTokenizer)
    assert not reads_once(folder)
    assert read_once(folder)
    assert reads_once(folder)
    ours = AutoTokenizer.from_pretrained(folder)
    assert type(ours) is not type(usual)
    the_same_in_use(usual, ours)
    turns = [{"role": "user", "content": "Hi"}]
    assert usual.apply_chat_template(turns, tokenize=False) == ours.apply_chat_template(turns, tokenize=False) != ""
    ours.save_pretrained(tmp_path / "again")
    shutil.copy(folder / "config.json", tmp_path / "again")
    assert same_tokenizer(usual, AutoTokenizer.from_pretrained(tmp_path / "again"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "model"]  # nothing is left behind
    written = (folder / CONFIG).read_bytes()
    assert read_once(folder)
    assert (folder / CONFIG).read_bytes() == written  # once


def test_a_file_that_its_class_reads_otherwise_stays_with_the_class(folder: Path) -> None:
    """GemmaTokenizer has a normaliser of its own, whatever the file says; read as it stands, the file gives other tokens."""
    content = json.loads((folder / TOKENIZER).read_text())
    content["normalizer"] = {"type": "Lowercase"}
    (folder / TOKENIZER).write_text(json.dumps(content))
    usual, before = AutoTokenizer.from_pretrained(folder), (folder / CONFIG).read_bytes()
    assert not read_once(folder)
    assert (folder / CONFIG).read_bytes() == before
    assert same_tokenizer(usual, AutoTokenizer.from_pretrained(folder))


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.add_tokens(["another"]),
        lambda one: setattr(one, "padding_side", "right"),
        lambda one: setattr(one, "pad_token", "<eos>"),
        lambda one: setattr(one, "chat_template", "x"),
        lambda one: setattr(one.backend_tokenizer, "normalizer", normalizers.Lowercase()),
    ],
)  # fmt: skip
def test_whatever_differs_makes_another_tokenizer(folder: Path, change: Any) -> None:
    one, other = AutoTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert same_tokenizer(one, other)
    change(other)
    assert not same_tokenizer(one, other)


@pytest.mark.slow
def test_the_large_models_tokenizer_is_that_of_its_class(tmp_path: Path) -> None:
    if not is_set_up(GEMMA):
        pytest.skip("gemma-3-270m is not set up; run `python train.py models --set-up`")
    for path in (models_cache() / GEMMA).iterdir():
        if path.name in (CONFIG, TOKENIZER, "config.json", RECORD):
            shutil.copy(path, tmp_path)
    settings = json.loads((tmp_path / CONFIG).read_text())
    settings.pop(ADDED, None)
    (tmp_path / CONFIG).write_text(json.dumps(settings | {"tokenizer_class": "GemmaTokenizer"}))
    usual = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(usual, GemmaTokenizer)
    assert read_once(tmp_path)
    assert json.loads((tmp_path / CONFIG).read_text())["tokenizer_class"] == PLAIN
    the_same_in_use(usual, AutoTokenizer.from_pretrained(tmp_path))
