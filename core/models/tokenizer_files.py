"""Tokenizer files of a converted model, written so that a load reads the large one once.

``tokenizer.json`` of 262,144 tokens has 33 MB. By the class that a converter names, such as ``GemmaTokenizer``, transformers reads it
twice in Python (its list of added tokens, then vocabulary and merges) and builds the tokenizer from these. Under the class
``PreTrainedTokenizerFast``, with the added tokens in ``tokenizer_config.json``, the Rust library reads the file itself, once.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONFIG, TOKENIZER = "tokenizer_config.json", "tokenizer.json"
PLAIN = "PreTrainedTokenizerFast"
ADDED = "added_tokens_decoder"  # as transformers 4 wrote it: settings of an added token by its id
_OF_CLASS = ("padding_side", "truncation_side", "model_input_names")  # what a class may decide


def reads_once(folder: Path) -> bool:
    """Whether the tokenizer of ``folder`` is loaded by reading its file once."""
    settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return settings.get("tokenizer_class") == PLAIN and ADDED in settings


def read_once(folder: Path) -> bool:
    """Rewrite tokenizer_config.json of ``folder`` so that tokenizer.json is read once, unless another tokenizer would come of it.

    ``folder`` has config.json too, by which transformers chooses a class. Returns whether its tokenizer is read once now.
    """
    if reads_once(folder):
        return True
    from transformers import AutoTokenizer

    usual = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if not getattr(usual, "is_fast", False):
        return False
    settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    settings |= {"tokenizer_class": PLAIN, **{key: getattr(usual, key) for key in _OF_CLASS}}
    settings[ADDED] = {str(token): json.loads(_settings(added)) for token, added in usual.added_tokens_decoder.items()}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as other:
        trial = Path(other)
        for path in folder.iterdir():
            if path.suffix in (".json", ".jinja", ".model") and path.name != CONFIG:
                shutil.copy(path, trial)
        (trial / CONFIG).write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if not same_tokenizer(usual, AutoTokenizer.from_pretrained(trial, local_files_only=True)):
            return False
        (trial / CONFIG).replace(folder / CONFIG)
    return True


def same_tokenizer(one: "PreTrainedTokenizerBase", other: "PreTrainedTokenizerBase") -> bool:
    """Whether two fast tokenizers give the same in every use: by the whole state of the Rust library and what transformers adds to it."""
    return _state(one) == _state(other)


def _state(tokenizer: Any) -> dict[str, Any]:
    return {
        "backend": tokenizer.backend_tokenizer.to_str(),
        "special tokens": tokenizer.special_tokens_map,
        "ids": tokenizer.all_special_ids,
        "added": {token: _settings(added) for token, added in tokenizer.added_tokens_decoder.items()},
        "longest": tokenizer.model_max_length,
        "template": tokenizer.chat_template,
        "cleaned": tokenizer.clean_up_tokenization_spaces,
        "split": tokenizer.split_special_tokens,
        **{key: getattr(tokenizer, key) for key in _OF_CLASS},
    }


def _settings(added: Any) -> str:
    keys = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    return json.dumps({key: getattr(added, key) for key in keys})
