"""The chat template of a model's own tokenizer: turns in, one text with its special tokens marked out.

The texts of users and pools stand inside turns, and none of them may act as a special token by spelling one. So the template is
rendered around placeholders, the special tokens that the template itself writes are put between two noncharacters, which no cleaned
text can hold, and the encoder turns into special tokens what stands between them, and nothing else.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import regex

from core.errors import InvalidConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OPEN, CLOSE = "\ufdd0", "\ufdd1"  # around a special token
_HOLE = "\ufdd2{}\ufdd2"  # where a turn's text goes
_MARKED = regex.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
_HOLES = regex.compile("\ufdd2(\\d+)\ufdd2")


def has_chat_template(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the model was made for turns."""
    return bool(getattr(tokenizer, "chat_template", None))


def chat_text(tokenizer: "PreTrainedTokenizerBase", turns: Sequence[str]) -> str:
    """The template around ``turns`` (user, assistant, user, ...) up to where the assistant's next turn begins, as text to be encoded.

    Raises ``InvalidConfig`` for a tokenizer without a template, and for one that refuses such turns.
    """
    if not has_chat_template(tokenizer):
        raise InvalidConfig("This model's tokenizer has no chat template; choose a prompt variant other than chat.")
    messages = [
        {"role": "assistant" if number % 2 else "user", "content": _HOLE.format(number)} for number in range(len(turns))
    ]
    try:
        text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    except Exception as error:  # templates raise whatever their authors chose
        raise InvalidConfig(
            f"The model's chat template cannot be filled ({error}); choose another prompt variant."
        ) from error
    start = tokenizer.bos_token
    if start and text.startswith(start) and tokenizer("").input_ids[:1] == [tokenizer.bos_token_id]:
        text = text.removeprefix(start)  # put in front by the encoder already; two of them change the scores
    specials = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    if specials:
        named = regex.compile("|".join(map(regex.escape, sorted(specials, key=len, reverse=True))))
        text = named.sub(lambda match: f"{OPEN}{match.group()}{CLOSE}", text)
    return str(_HOLES.sub(lambda match: turns[int(match.group(1))], text))


def readable(text: str) -> str:
    """A prompt for people: without the marks around special tokens."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def encode(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text: marked special tokens as such, everything else as plain text, nothing added."""
    plain = [text for text in texts if OPEN not in text]
    rows = iter(_plain(tokenizer, plain))
    return [_marked(tokenizer, text) if OPEN in text else next(rows) for text in texts]


def _plain(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]) -> list[list[int]]:
    if not texts:
        return []
    rows: list[list[int]] = tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True).input_ids
    return rows


def _marked(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    ids: list[int] = []
    position = 0
    for match in _MARKED.finditer(text):
        if match.start() > position:
            ids += _plain(tokenizer, [text[position : match.start()]])[0]
        ids.append(int(tokenizer.convert_tokens_to_ids(match.group(1))))
        position = match.end()
    if position < len(text):
        ids += _plain(tokenizer, [text[position:]])[0]
    return ids
