"""Settings of a served model: its address, and what the environment says. ``ServedName`` is how records name it.

AGL_MODEL_SERVER_KEY      sent as a bearer token; never in an address, and never shown
AGL_MODEL_SERVER_TIMEOUT  seconds to wait for an answer (default 120)
AGL_MODEL_SERVER_CONTEXT  tokens the model reads, where the server does not say
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.errors import InvalidConfig


@dataclass(frozen=True)
class ServedName:
    """How records name a served model."""

    name: str  # openai:address#model as the server reports it; no credentials
    precision: str = "served"  # unknown
    adapter: str = ""
    run: str = ""
    fall_back: bool = True


PREFIX = "openai:"
KEY_NAME = "AGL_MODEL_SERVER_KEY"
VECTORS = ("", "tiny")  # "embedded" in settings of earlier versions means "tiny"
_FORM = f"write {PREFIX}http://host:port/v1#model"


@dataclass(frozen=True)
class ServedConfig:
    """One model of one server. The key never shows in ``repr`` and takes no part in names."""

    url: str  # root of the API, such as http://host:8000/v1; no credentials
    model: str = ""  # as the server calls it; "" for the only one it has
    tokenizer: str = ""  # folder or Hub id of the model's tokenizer; "": prompts go as text
    vectors: str = ""  # "tiny": that model's states stand for those of the served one; "": what needs states is refused
    timeout: float = 120.0  # seconds
    context: int = 0  # tokens; 0: as the server says
    key: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse addresses that hold more than an address, and settings out of range. No message repeats a secret."""
        parts = urlsplit(self.url)
        if parts.username or parts.password or parts.query:
            raise InvalidConfig(
                f"The address of the model server holds a user, a password or a query; {_FORM} and put the key into {KEY_NAME}."
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidConfig(f"{self.url!r} is no address of a model server; {_FORM}.")
        object.__setattr__(self, "vectors", "tiny" if self.vectors == "embedded" else self.vectors)
        if self.vectors not in VECTORS:
            raise InvalidConfig(f"vectors is {self.vectors!r}; give 'tiny', or nothing to refuse what needs states.")
        if not 1 <= self.timeout <= 3600:
            raise InvalidConfig(f"AGL_MODEL_SERVER_TIMEOUT is {self.timeout:g}; give seconds from 1 to 3600.")
        if self.context < 0:
            raise InvalidConfig(
                f"AGL_MODEL_SERVER_CONTEXT is {self.context}; give tokens, or 0 for what the server says."
            )
        if not self.key.isascii() or not self.key.isprintable():
            raise InvalidConfig(f"{KEY_NAME} holds a character that no header can carry; set it anew.")

    @property
    def host(self) -> str:
        """Host and port, for messages and records."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def served_config(
    address: str, tokenizer: str = "", vectors: str = "", environment: Mapping[str, str] = os.environ
) -> ServedConfig:
    """The settings of ``openai:http://host:8000/v1#name``; ``openai:`` may be left out. Raises ``InvalidConfig``."""
    url, _, model = address.removeprefix(PREFIX).partition("#")
    return ServedConfig(
        url.rstrip("/"),
        model,
        tokenizer,
        vectors,
        _number("AGL_MODEL_SERVER_TIMEOUT", environment, 120.0),
        int(_number("AGL_MODEL_SERVER_CONTEXT", environment, 0.0)),
        environment.get(KEY_NAME, "").strip(),
    )


def _number(name: str, environment: Mapping[str, str], default: float) -> float:
    value = environment.get(name, "").strip()
    try:
        return float(value) if value else default
    except ValueError as error:
        raise InvalidConfig(f"{name} is {value!r}; give a number.") from error
