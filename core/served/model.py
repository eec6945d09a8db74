"""``ServedModel``: a model behind an OpenAI-compatible server, as an engine that writes and counts tokens.

``GET /models`` names it. vLLM adds ``max_model_len`` and the checkpoint's ``root`` there
(https://github.com/vllm-project/vllm/blob/002032ee2b18e1f7bd924ec47b62504ba3866063/vllm/entrypoints/openai/completion/protocol.py
describes the completions themselves). Tokens of a prompt are counted by the model's tokenizer where one is named, else by ``POST
/tokenize`` of vLLM and llama.cpp, else bounded by the bytes of the text: no byte-level tokenizer makes more tokens than bytes.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from core.errors import InvalidConfig, ModelUnavailable, ServerUnavailable
from core.models.generation import BATCH, Generated, GenerationConfig
from core.models.loading import resolve_model
from core.served.client import Json, ModelServer, Refused, choices_of, written_line
from core.served.settings import PREFIX, ServedConfig, ServedName

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ASSUMED_CONTEXT = 2048  # tokens, of a server that does not say
STARTING_TOKENS = 8  # spared for special tokens where tokens are bounded by bytes
_REMEMBER = 10_000  # lengths


class ServedModel:
    """One model of one server. May be shared by threads."""

    trained = None  # a run changes weights, and these are out of reach
    falls_back_to = ""
    projection = None

    def __init__(self, settings: ServedConfig, server: ModelServer | None = None) -> None:
        """Asks the server which models it has. Raises ``ServerUnavailable``, or ``ModelUnavailable`` for a name it does not know."""
        self.settings = settings
        self.server = server or ModelServer(settings)
        self._entry = _entry(self.server, settings)
        self.name = str(self._entry["id"])
        self._lengths: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        self._counts = True  # whether the server counts tokens, until it says no

    @property
    def config(self) -> ServedName:
        """How records name it: the address without credentials, and the name that the server reports."""
        return ServedName(f"{PREFIX}{self.settings.url}#{self.name}")

    @cached_property
    def fingerprint(self) -> str:
        """Differs between addresses, names and checkpoints as the server reports them; new weights under the old name do not show."""
        identity = f"{self.settings.url}\n{self.name}\n{self._entry.get('root', '')}\n{self.settings.vectors}"
        return hashlib.sha256(identity.encode()).hexdigest()[:12]

    @property
    def facts(self) -> dict[str, str]:
        """What a record says of the model."""
        return {
            "name": self.config.name,
            "precision": self.config.precision,
            "fingerprint": self.fingerprint,
            "engine": f"OpenAI-compatible server at {self.settings.host}",
            "served_name": self.name,
            "checkpoint": str(self._entry.get("root") or "not told"),
            "tokenizer": self.settings.tokenizer or "the server's",
            "vectors": self.settings.vectors or "none",
        }

    @cached_property
    def context(self) -> int:
        """Tokens that it reads: as set, else as the server says, else ``ASSUMED_CONTEXT``."""
        meta = self._entry.get("meta")  # of llama.cpp
        length = self._entry.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, dict) else 0)
        return self.settings.context or int(length or ASSUMED_CONTEXT)

    @property
    def is_llama_cpp(self) -> bool:
        """Whether the server is llama.cpp's own, which tells log-probabilities in its own way."""
        return self._entry.get("owned_by") == "llamacpp"

    @cached_property
    def tokenizer(self) -> "PreTrainedTokenizerBase | None":
        """The model's own tokenizer, where one is named. Raises ``ModelUnavailable``."""
        if not self.settings.tokenizer:
            return None
        from transformers import AutoTokenizer

        folder = resolve_model(self.settings.tokenizer)
        try:
            return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        except Exception as error:
            raise ModelUnavailable(
                f"The tokenizer {self.settings.tokenizer!r} could not be loaded ({type(error).__name__}); name a folder or Hub id that "
                "holds the tokenizer of the served model."
            ) from error

    @cached_property
    def start(self) -> tuple[int, ...]:
        """Special tokens that the named tokenizer puts in front of every text."""
        assert self.tokenizer is not None
        end = self.tokenizer.eos_token_id
        ids = self.tokenizer("", add_special_tokens=True).input_ids
        return tuple(token for token in ids if token != end or token == self.tokenizer.bos_token_id)

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Ids by the named tokenizer, without special tokens; marks of special tokens inside a text are read as plain text."""
        assert self.tokenizer is not None
        rows: list[list[int]] = self.tokenizer(texts, add_special_tokens=False, split_special_tokens=True).input_ids
        return rows

    def chat(self, turns: Sequence[str]) -> str:  # noqa: ARG002 - the protocol
        """Refused: label scores need one text, and the server fills its template by itself."""
        raise InvalidConfig(
            "A model behind a server is asked by plain prompts; choose a prompt variant other than chat."
        )

    @property
    def has_chat_template(self) -> bool:
        """Not known here."""
        return False

    def length(self, text: str) -> int:
        """Tokens of a prompt, or a bound that they cannot pass where nobody counts them."""
        if self.tokenizer is not None:
            return len(self.start) + len(self.encode([text])[0])
        with self._lock:
            known = self._lengths.get(text)
        if known is None:
            known = self._counted(text)
            with self._lock:
                self._lengths[text] = known
                while len(self._lengths) > _REMEMBER:
                    self._lengths.popitem(last=False)
        return known

    def _counted(self, text: str) -> int:
        """By ``/tokenize``: vLLM reads ``prompt`` and answers ``count``, llama.cpp reads ``content`` and answers ``tokens``."""
        if self._counts:
            try:
                reply = self.server.post("tokenize", self.asking(prompt=text, content=text), beside=True)
                if isinstance(reply, dict) and isinstance(reply.get("tokens"), list):
                    return len(reply["tokens"])
            except Refused:
                pass
            self._counts = False
        return len(text.encode()) + STARTING_TOKENS

    def asking(self, **fields: Any) -> Json:
        """The body of a request to this model."""
        return {"model": self.name, **fields}

    def prompts(self, texts: Sequence[str]) -> list[str] | list[list[int]]:
        """Prompts as they are sent: ids where the tokenizer is named, so that no mark of a special token works as one, else text."""
        if self.tokenizer is None:
            return list(texts)
        return [[*self.start, *ids] for ids in self.encode(list(texts))]

    def written(
        self, texts: Sequence[str], config: GenerationConfig, generator: torch.Generator | None = None
    ) -> list[Generated]:
        """Continue each prompt to the end of its line; sampling takes its seed from ``generator``."""
        chance: Json = {"temperature": 0.0}
        if config.temperature > 0 and generator is not None:
            seed = int(torch.randint(2**31, (1,), generator=generator))
            chance = {"temperature": config.temperature, "top_p": 0.95, "seed": seed}
        lines: list[Generated] = []
        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            body = self.asking(
                prompt=self.prompts(part), max_tokens=config.max_tokens, stop=["\n"], logprobs=1, **chance
            )
            answer = self.server.post("completions", body)
            lines += [written_line(choice) for choice in choices_of(answer, len(part), self.settings.host)]
        return lines


def _entry(server: ModelServer, settings: ServedConfig) -> Json:
    """The model's entry in the server's list."""
    reply = server.get("models")
    listed = reply.get("data") if isinstance(reply, dict) else None
    entries = [one for one in listed or [] if isinstance(one, dict) and one.get("id")]
    names = [str(one["id"]) for one in entries]
    if not names:
        raise ServerUnavailable(
            f"The model server at {settings.host} lists no model under /models; check that the address ends in /v1."
        )
    if not settings.model and len(names) > 1:
        raise ModelUnavailable(
            f"The model server at {settings.host} has {len(names)} models; name one after #: {', '.join(names[:10])}."
        )
    name = settings.model or names[0]
    if name not in names:
        raise ModelUnavailable(
            f"The model server at {settings.host} has no model {name!r}; it has {', '.join(names[:10])}."
        )
    return entries[names.index(name)]
