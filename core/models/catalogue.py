"""Names of models: which model a name stands for, where it lies, under which licence, and what the project knows of it.

``resolve`` alone turns a name into a model. A name is

- ``default``: ``gemma-3-270m`` where it is set up (``train.py models --set-up``), else ``tiny``;
- ``gemma-3-270m``, ``tiny`` (``embedded`` in older records and links): models with a card in assets/models/cards;
- a folder with config.json and safetensors, a file ending in .gguf, or a Hub id written owner/name.

Models behind a server (``openai:``) are ``core.served``'s. Nothing here imports torch, and nothing is downloaded.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from core.config import ASSETS, read_config
from core.errors import ModelUnavailable

TINY_FOLDER = ASSETS / "models" / "lm"
ENCODER_FOLDER = ASSETS / "models" / "encoder"
CARDS = ASSETS / "models" / "cards"
DEFAULT, TINY, GEMMA = "default", "tiny", "gemma-3-270m"
ALIASES = {"embedded": TINY, "": DEFAULT}  # "embedded": the tiny model in records and links of earlier versions
RECORD = "agl_model.json"  # in a converted folder: what it was made from; written last, so a folder with it is whole
GEMMA_TERMS, GEMMA_RESTRICTIONS = "ai.google.dev/gemma/terms", "ai.google.dev/gemma/prohibited_use_policy"
GEMMA_NOTICE = f"Gemma is provided under and subject to the Gemma Terms of Use found at {GEMMA_TERMS}"
_GEMMA_TYPES = ("gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text", "recurrent_gemma")
Kind = Literal["known", "folder", "gguf", "hub"]


@dataclass(frozen=True)
class ModelCard:
    """What the project knows of a model beyond its weights: one TOML file of assets/models/cards."""

    name: str
    title: str  # for people
    licence: str
    source: str  # where the weights come from, one phrase
    parameters: int
    megabytes: float  # on disk, 10^6 bytes
    terms: str = ""  # address of the licence
    restrictions: str = ""  # address of the restrictions on use; "" for none beyond the licence
    prompt: str = ""  # prompt variant unless the user names one; "" for the task's own
    calibration: str = ""  # label calibration unless the user names one; "" for the usual one
    layer: int = -1  # whose states give the model's own sentence vectors; -1: the middle one


@dataclass(frozen=True)
class ModelSource:
    """One model that a name stands for."""

    name: str  # as records and links write it; never "default" nor "embedded"
    kind: Kind
    location: str  # absolute folder or file, or the Hub id
    licence: str  # "" where nobody says
    terms: str  # address of the licence; ""
    source: str  # where the weights come from, one phrase
    megabytes: float  # on disk, 10^6 bytes; 0.0 where that is not known yet
    card: ModelCard | None = None

    @property
    def title(self) -> str:
        """What people read."""
        return self.card.title if self.card else self.name

    @property
    def offline(self) -> bool:
        """Whether it answers without a network."""
        return self.kind != "hub"

    @property
    def is_gemma(self) -> bool:
        """Whether its weights are under the Gemma Terms of Use, which an adapter made from it passes on."""
        return self.terms.endswith(GEMMA_TERMS)


@cache
def cards(folder: Path = CARDS) -> dict[str, ModelCard]:
    """Known models by name. Raises ``InvalidConfig`` naming the file and the key."""
    read = [read_config(path, ModelCard) for path in sorted(folder.glob("*.toml"))]
    return {card.name: card for card in read}


def models_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """Folder of converted models: ``models`` in $AGL_CACHE, or in data/cache of the checkout."""
    return Path(environment.get("AGL_CACHE") or ASSETS.parent / "data" / "cache").expanduser() / "models"


def settled_name(name: str) -> str:
    """The name that records write: "default" becomes the model it stands for here, "embedded" becomes "tiny"."""
    plain = name.strip()
    plain = ALIASES.get(plain, plain)
    return default_model() if plain == DEFAULT else plain


def default_model(environment: Mapping[str, str] = os.environ) -> str:
    """What "default" stands for: the model that $AGL_MODEL names, else ``gemma-3-270m`` where it is set up, else ``tiny``."""
    chosen = environment.get("AGL_MODEL", "").strip()
    chosen = ALIASES.get(chosen, chosen)
    if chosen != DEFAULT:
        return chosen
    return GEMMA if is_set_up(GEMMA) else TINY


def is_set_up(name: str) -> bool:
    """Whether a known model lies here ready to load."""
    if name == TINY:
        return (TINY_FOLDER / "config.json").is_file()
    return (models_cache() / name / RECORD).is_file()


def resolve(name: str) -> ModelSource:
    """The model that ``name`` stands for.

    Raises ``ModelUnavailable`` for a known model that is not set up, for a path that does not exist, so that a typing error never turns
    into a download, and for a server's address.
    """
    name = settled_name(name)
    if name in cards():
        return _known(cards()[name])
    if name.startswith("openai:"):
        raise ModelUnavailable("This needs the model's weights, and a server gives none; name a folder or Hub id.")
    path = Path(name).expanduser()
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise ModelUnavailable(f"{name!r} is a file and not a GGUF; name a .gguf file, or a folder of a model.")
        size = path.stat().st_size / 1e6
        return ModelSource(name, "gguf", str(path.resolve()), "", "", "a GGUF file of the user's", size)
    if path.exists():
        return _folder(name, path.resolve())
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") != 1 or path.parent.is_dir()
    if looks_like_path or name.lower().endswith(".gguf"):
        raise ModelUnavailable(
            f"No model was found at {name!r}; give default, {', '.join(sorted(cards()))}, a folder with config.json and "
            "model.safetensors, a .gguf file, or a Hub id as owner/name with access to the Hub."
        )
    if os.environ.get("HF_HUB_OFFLINE") == "1" and not _in_hub_cache(name):
        raise ModelUnavailable(
            f"The model {name!r} is not on this machine, and downloads are switched off here (HF_HUB_OFFLINE=1); choose a model that is "
            "here, or let the host fetch it once."
        )
    return ModelSource(name, "hub", name, "", f"https://huggingface.co/{name}", "Hugging Face Hub", 0.0)


def _in_hub_cache(name: str) -> bool:
    """Whether an earlier download of the Hub id lies in the cache of ``huggingface_hub``."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False


def licence_of(settings: Mapping[str, Any]) -> tuple[str, str]:
    """Licence and address of its terms by a model's config.json; ("", "") where nothing is known."""
    if settings.get("model_type") in _GEMMA_TYPES:
        return cards()[GEMMA].licence, cards()[GEMMA].terms
    return "", ""


def _known(card: ModelCard) -> ModelSource:
    folder = TINY_FOLDER if card.name == TINY else models_cache() / card.name
    if not is_set_up(card.name):
        mend = "restore assets/models from the repository"
        if card.name != TINY:
            mend = "run `python train.py models --set-up` once, or choose tiny"
        raise ModelUnavailable(f"The model {card.name!r} is not set up: it is missing from {folder}; {mend}.")
    return ModelSource(card.name, "known", str(folder), card.licence, card.terms, card.source, card.megabytes, card)


def _folder(name: str, folder: Path) -> ModelSource:
    settings, record = _json(folder / "config.json"), _json(folder / RECORD)
    licence, terms = licence_of(settings)
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors")) / 1e6
    card = cards().get(str(record.get("name", "")))
    source = str(record.get("source") or "a folder of the user's")
    return ModelSource(name, "folder", str(folder), licence, terms, source, size, card)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # whoever loads the folder says what is wrong with it
    return content if isinstance(content, dict) else {}
