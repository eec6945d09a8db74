"""The byte-level tokenizer: every text survives it, words stay whole, and it is saved as an ordinary one."""

import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pretraining_toys import toy_tokenizer
from tokenizers import Tokenizer

from core.embedded.tokenizer import END, START, save_tokenizer


@given(st.text(max_size=40))
def test_every_text_survives_the_tokenizer(text: str) -> None:
    tokenizer = toy_tokenizer()  # hypothesis takes no fixtures
    normal = unicodedata.normalize("NFC", text)
    assert tokenizer.decode(tokenizer.encode(normal, add_special_tokens=False).ids, skip_special_tokens=False) == normal


def test_words_keep_their_vowel_signs_and_numbers_are_cut_in_threes(tokens: Tokenizer) -> None:
    pieces = [piece for piece, _ in tokens.pre_tokenizer.pre_tokenize_str("नमस्ते दुनिया 12345\n\nok")]
    assert len(pieces) == 7  # two words with their marks, "123" with its space, "45", two line breaks, "ok"
    assert tokens.get_vocab_size() == 600
    assert (tokens.token_to_id(START), tokens.token_to_id(END)) == (0, 1)


def test_a_saved_tokenizer_loads_as_an_ordinary_one(tokens: Tokenizer, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    save_tokenizer(tokens, tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded("A river", add_special_tokens=False).input_ids == tokens.encode("A river").ids
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == (START, END, END)
