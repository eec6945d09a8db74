"""What text costs: tokens by the tokenizer, bits by the language model.

Tokens are counted on parallel sentences, so that languages can be compared: ``premium`` is the number of tokens over
that of the same sentences in English (Petrov et al. 2023, arXiv 2305.15425, section 2). Bits per byte are counted on held-out
Tatoeba sentences: negative log2-likelihood over UTF-8 bytes, which does not depend on how text is cut.
"""

import math
from collections.abc import Sequence

import pandas as pd
from tokenizers import Tokenizer

from core.quality.retrieval import ENGLISH, pairs_by_language
from core.records import Example
from core.scoring import Scorer


def costs(sentences: Sequence[Example], held_out: pd.DataFrame, scorer: Scorer) -> pd.DataFrame:
    """One row per language: tokens per character, premium over English, bits per byte.

    ``sentences`` say the same in every language, English among them; ``held_out`` has the columns language, text, english.
    A measure is missing where a language has no sentences or too few held-out pairs.
    """
    text = pd.DataFrame({"language": [e.language for e in sentences], "text": [e.text for e in sentences]})
    tokenizer = scorer.model.tokenizer.backend_tokenizer
    counts = tokens_by_language(tokenizer, text)
    measures = {
        "tokens_per_character": tokens_per_character(tokenizer, text),
        "premium": {code: count / counts[ENGLISH] for code, count in counts.items()},
        "bits_per_byte": {
            code: bits_per_byte(pairs["text"].tolist(), scorer) for code, pairs in pairs_by_language(held_out).items()
        },
    }
    return pd.DataFrame(measures).sort_index().rename_axis("language").reset_index()


def tokens_by_language(tokenizer: Tokenizer, text: pd.DataFrame) -> dict[str, int]:
    """Tokens of all lines of each language, special tokens left out. ``text`` has the columns language, text."""
    return {
        str(code): sum(
            len(encoding.ids)
            for encoding in tokenizer.encode_batch([" " + line for line in lines], add_special_tokens=False)
        )
        for code, lines in text.groupby("language", sort=True)["text"]
    }


def tokens_per_character(tokenizer: Tokenizer, text: pd.DataFrame) -> dict[str, float]:
    """Tokens per character by language (lower is cheaper), over the given text; the space before a line counts too."""
    characters = (text["text"].str.len() + 1).groupby(text["language"], sort=True).sum()
    counts = tokens_by_language(tokenizer, text)
    return {code: count / int(characters[code]) for code, count in counts.items()}


def bits_per_byte(texts: list[str], scorer: Scorer) -> float:
    """Mean bits a UTF-8 byte, over all texts together; a text begins with a space, as inside a prompt, and has no end."""
    nats = -sum(float(values.sum()) for values in scorer.token_scores([("", " " + text) for text in texts]))
    return nats / math.log(2) / sum(len(text.encode()) + 1 for text in texts)
