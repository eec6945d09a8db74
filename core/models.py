"""Loading a causal language model: embedded, from a local folder, or from the Hub; fp32, bf16 or 4-bit NF4.

The only file that knows bitsandbytes. Safetensors only; code that a model folder brings along is never run. Nothing is
downloaded unless a Hub id is named.
"""

import hashlib
import logging
import os
import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as hf_logging

from core.errors import InvalidConfig, ModelUnavailable
from core.trained import ADAPTER, WEIGHTS, Trained, read_trained

ASSETS = Path(__file__).resolve().parent.parent / "assets"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
EMBEDDED = ASSETS / "models" / "lm"
EMBEDDED_ENCODER = ASSETS / "models" / "encoder"
Precision = Literal["fp32", "bf16", "nf4"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "nf4")


@dataclass(frozen=True)
class ModelConfig:
    """Which model, and how it is held in memory."""

    name: str = "embedded"  # "embedded", a local folder, or a Hub id
    precision: Precision = "fp32"
    device: str = "auto"  # "auto" takes a GPU where there is one
    run: str = ""  # folder of a finished closed-loop run on this model; "" for the model as it is
    adapter: str = ""  # folder of a PEFT adapter on this model; "" for none
    fall_back: bool = True  # whether a run that was no better than something simpler is passed over for it

    def __post_init__(self) -> None:
        """Refuse a precision that does not exist."""
        if self.precision not in PRECISIONS:
            raise InvalidConfig(f"precision is {self.precision!r}; allowed are {', '.join(PRECISIONS)}.")
        if self.run and self.adapter:
            raise InvalidConfig(
                f"--run {self.run} and --adapter {self.adapter} were both given; a run brings its own adapter, so name one of them."
            )


@dataclass(frozen=True)
class LanguageModel:
    """A causal LM in evaluation mode with its tokenizer."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    config: ModelConfig
    trained: Trained | None = None  # what a closed-loop run added
    lock: threading.RLock = field(
        default_factory=threading.RLock, compare=False, repr=False
    )  # held while the network runs

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return torch.device(self.network.device)

    @property
    def context(self) -> int:
        """Tokens the model can attend over."""
        limit = getattr(self.network.config.get_text_config(), "max_position_embeddings", None)
        return int(limit) if limit else 2048

    @property
    def layers(self) -> int:
        """Number of transformer layers."""
        return int(self.network.config.get_text_config().num_hidden_layers)

    @cached_property
    def start(self) -> tuple[int, ...]:
        """Special tokens that the tokenizer puts in front of every text."""
        ids = self.tokenizer("", add_special_tokens=True).input_ids
        end = self.tokenizer.eos_token_id
        return tuple(token for token in ids if token != end or token == self.tokenizer.bos_token_id)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that change with the weights and the tokenizer; keys every cache and record."""
        digest = hashlib.sha256(self.config.precision.encode())
        if self.trained is not None:
            digest.update(f"{self.trained.weight.tobytes().hex()[:4096]}{self.trained.temperature}".encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            flat = tensor.detach().flatten()
            step = max(1, flat.numel() // 4096)
            digest.update(flat[::step].float().cpu().numpy().tobytes())
        digest.update(str(len(self.tokenizer)).encode())
        return digest.hexdigest()[:12]

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids without special tokens; marks of special tokens inside a text are read as plain text."""
        rows: list[list[int]] = self.tokenizer(texts, add_special_tokens=False, split_special_tokens=True).input_ids
        return rows

    def length(self, text: str) -> int:
        """Tokens of a prompt, special ones in front included."""
        return len(self.start) + len(self.encode([text])[0])

    @property
    def facts(self) -> dict[str, str]:
        """What a record says of the model."""
        facts = {"name": self.config.name, "precision": self.config.precision, "fingerprint": self.fingerprint}
        if self.config.adapter:
            facts["adapter"] = Path(self.config.adapter).name
        run = {} if self.trained is None else {"run": self.trained.name, "fallback": self.falls_back_to or "none"}
        return facts | run

    @property
    def falls_back_to(self) -> str:
        """The strategy used in the place of self-selection, because the run was no better; "" for none."""
        if self.trained is None or not self.config.fall_back or self.trained.fallback == "untrained":
            return ""
        return self.trained.fallback

    @property
    def projection(self) -> np.ndarray | None:
        """``W`` ``(D, H)`` of the trained policy; None for the identity."""
        if self.trained is None or (self.config.fall_back and self.trained.fallback == "untrained"):
            return None
        return self.trained.weight

    @property
    def megabytes(self) -> float:
        """Memory of the weights, 10^6 bytes."""
        return float(self.network.get_memory_footprint()) / 1e6


def multiplies_bf16(device: torch.device) -> bool:
    """Whether ``device`` has instructions for bfloat16 products; without them they take ten to a hundred times as long as float32 ones."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def load_model(config: ModelConfig) -> LanguageModel:
    """Load model and tokenizer. Raises ``ModelUnavailable`` with what was seen and what to do."""
    trained = read_trained(Path(config.run)) if config.run else None
    model = _load(config, resolve_model(config.name))
    if config.adapter:
        _take_up(model, Path(config.adapter))
    return model if trained is None else _with_run(model, trained)


def _take_up(model: LanguageModel, folder: Path) -> None:
    """Put a PEFT adapter on a model. Raises ``ModelUnavailable`` for a folder without one, or with one of another model."""
    for name in ("adapter_config.json", ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise ModelUnavailable(f"{folder} holds no adapter ({name} is missing); name a folder that PEFT saved.")
    try:
        model.network.load_adapter(str(folder), use_safetensors=True)
        strange = _strange_weights(model.network, folder)
    except Exception as error:
        seen = str(error).strip().splitlines()[0][:200]
        sizes = "mismatched_sizes" in seen  # transformers points at a report of its own
        raise ModelUnavailable(_unfit(model, folder, "its weights have other sizes" if sizes else seen)) from error
    if strange:
        raise ModelUnavailable(_unfit(model, folder, f"{len(strange)} weights differ, first {strange[0]}"))
    model.network.eval()


def _unfit(model: LanguageModel, folder: Path, seen: str) -> str:
    return f"The adapter in {folder} does not fit {model.config.name!r} ({seen}); name the model that it was made with."


def _strange_weights(network: PreTrainedModel, folder: Path) -> list[str]:
    """Weights of an adapter that the network has no place for, and places that it leaves empty: a loader only warns of both."""
    from safetensors import safe_open

    with safe_open(folder / ADAPTER_WEIGHTS, "pt") as file:
        saved = {name.removeprefix("base_model.model.") for name in file.keys()}  # noqa: SIM118 - no mapping
    return sorted(saved ^ set(network.get_adapter_state_dict()))


def _with_run(model: LanguageModel, trained: Trained) -> LanguageModel:
    """The model as a closed-loop run left it. Raises ``ModelUnavailable`` when the run began with another model."""
    if trained.base != model.fingerprint:
        raise ModelUnavailable(
            f"The run {trained.name!r} was made with the model {trained.manifest['model']['name']!r} in "
            f"{trained.manifest['model']['precision']} ({trained.base}), but {model.config.name!r} in {model.config.precision} "
            f"({model.fingerprint}) is loaded; choose the model it was made with."
        )
    if trained.fallback == "untrained" and model.config.fall_back:
        return replace(model, trained=trained)
    if (trained.folder / WEIGHTS).is_dir():
        model = _load(model.config, str(trained.folder / WEIGHTS))
    elif (trained.folder / ADAPTER).is_dir():
        _take_up(model, trained.folder / ADAPTER)
    return LanguageModel(model.network.eval(), model.tokenizer, model.config, trained)


def _load(config: ModelConfig, place: str) -> LanguageModel:
    hf_logging.disable_progress_bar()  # a bar of its own would cut through ours
    offline = Path(place).is_absolute()
    try:
        settings = AutoConfig.from_pretrained(place, trust_remote_code=False, local_files_only=offline)
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False, local_files_only=offline)
        network = AutoModelForCausalLM.from_pretrained(
            place,
            config=settings,
            trust_remote_code=False,
            local_files_only=offline,
            use_safetensors=True,
            **_memory(config),
        )
    except ModelUnavailable:
        raise
    except Exception as error:
        raise ModelUnavailable(_explain(config.name, error)) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    network.eval()
    if config.precision == "nf4":
        _keep_trainable(network)
    else:
        network.to(_device(config.device))
    return LanguageModel(network, tokenizer, config)


def quiet_bitsandbytes() -> None:
    """Keep bitsandbytes from advertising, at every import, a package that does not help."""
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def resolve_model(name: str) -> str:
    """Absolute folder of a model that is here, or the Hub id as given.

    Raises ``ModelUnavailable`` for a path that does not exist, so that a typing error never turns into a download.
    """
    if name == "embedded":
        if not (EMBEDDED / "config.json").is_file():
            raise ModelUnavailable(
                f"The embedded model is missing from {EMBEDDED}; restore assets/models from the repository."
            )
        return str(EMBEDDED)
    if name.startswith("openai:"):
        raise ModelUnavailable("This needs the model's weights, and a server gives none; name a folder or Hub id.")
    path = Path(name).expanduser()
    if path.exists():
        return str(path.resolve())
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") != 1 or path.parent.is_dir()
    if looks_like_path or os.environ.get("HF_HUB_OFFLINE") == "1":
        raise ModelUnavailable(
            f"No model was found at {name!r}; give 'embedded', a folder with config.json and model.safetensors, "
            "or a Hub id as owner/name with access to the Hub."
        )
    return name


def _memory(config: ModelConfig) -> dict[str, Any]:
    if config.precision == "fp32":
        return {"dtype": torch.float32}
    if config.precision == "bf16":
        return {"dtype": torch.bfloat16}
    quiet_bitsandbytes()
    from transformers import BitsAndBytesConfig

    quantisation = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": quantisation, "device_map": _device(config.device), "dtype": torch.bfloat16}


def _keep_trainable(network: PreTrainedModel) -> None:
    """Stop bitsandbytes from repacking weights at the first evaluation on a CPU: the packed form has no backward."""
    import bitsandbytes

    for module in network.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False


def _device(name: str) -> str:
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def _explain(name: str, error: Exception) -> str:
    seen = str(error).strip().split("\n")[0][:200]
    if "trust_remote_code" in str(error):
        return f"The model {name!r} would run code of its own, which is never allowed here; choose a model that transformers knows."
    if "safetensors" in str(error).lower() or type(error).__name__ == "SafetensorError":
        return f"The weights of {name!r} are missing, truncated or not safetensors ({seen}); restore or convert the folder."
    return f"The model {name!r} could not be loaded ({type(error).__name__}: {seen}); check the folder or the Hub id."
