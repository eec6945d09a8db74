"""Loading a causal language model: a known one, from a folder, a GGUF file, or the Hub; fp32, bf16 or 4-bit NF4.

The only file that knows bitsandbytes. transformers is imported where a model is loaded, because it takes seconds that neither the app's
page nor a command's help should wait for. Safetensors only; code that a model folder brings along is never run. Nothing is
downloaded unless a Hub id is named.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from core.config import ASSETS as ASSETS  # most who load models look here for it
from core.errors import InvalidConfig, ModelUnavailable
from core.models.adapters import take_up
from core.models.catalogue import TINY, ModelSource, licence_of, resolve, settled_name
from core.models.chat import chat_text, encode, has_chat_template
from core.models.checks import Verdict, probe, refuse_other_weights, refuse_tokenizer
from core.models.devices import choose_device, default_precision, multiplies_bf16
from core.models.fingerprint import fingerprint_of
from core.models.gguf import converted
from core.models.load_errors import load_failure
from core.models.soft_prompts import virtual_tokens
from core.models.trained_run import ADAPTER, WEIGHTS, Trained, read_trained

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from transformers.configuration_utils import PreTrainedConfig

Precision = Literal["auto", "fp32", "bf16", "nf4"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "nf4")


@dataclass(frozen=True)
class ModelConfig:
    """Which model, and how it is held in memory."""

    name: str = TINY  # any name that ``catalogue.resolve`` takes; "default" becomes the model it stands for here
    precision: Precision = "auto"  # "auto" becomes what suits the device; with a run fp32, as fit makes them by default
    device: str = "auto"  # "auto" takes a GPU where there is one
    run: str = ""  # folder of a finished closed-loop run on this model; "" for the model as it is
    adapter: str = ""  # folder of a PEFT adapter on this model; "" for none
    fall_back: bool = True  # whether a run that was no better than something simpler is passed over for it

    def __post_init__(self) -> None:
        """Settle what "default" and "auto" mean. Refuse a precision that does not exist, and a run beside an adapter."""
        object.__setattr__(self, "name", settled_name(self.name))
        if self.precision == "auto":
            settled = "fp32" if self.run else default_precision(choose_device(self.device), self.name)
            object.__setattr__(self, "precision", settled)
        if self.precision not in PRECISIONS:
            raise InvalidConfig(f"precision is {self.precision!r}; allowed are {', '.join(PRECISIONS)}.")
        if self.run and self.adapter:
            raise InvalidConfig(
                f"--run {self.run} and --adapter {self.adapter} were both given; a run brings its own adapter, so name one of them."
            )


@dataclass(frozen=True)
class LanguageModel:
    """A causal LM in evaluation mode with its tokenizer."""

    network: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    config: ModelConfig
    trained: Trained | None = None  # what a closed-loop run added
    pads: bool = (
        True  # whether a row of a padded batch is continued as it is alone; if not, rows are continued one by one
    )
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

    @property
    def start(self) -> tuple[int, ...]:
        """Tokens in front of every text: a soft prompt's virtual ones, then the tokenizer's special ones."""
        return (*virtual_tokens(self.network), *self._special_start)

    @cached_property
    def _special_start(self) -> tuple[int, ...]:
        ids = self.tokenizer("", add_special_tokens=True).input_ids
        end = self.tokenizer.eos_token_id
        return tuple(token for token in ids if token != end or token == self.tokenizer.bos_token_id)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that change with the weights, the tokenizer and what a run's policy learnt; keys caches and records."""
        return fingerprint_of(self.network, len(self.tokenizer), self.config.precision, self.trained)

    @cached_property
    def states_fingerprint(self) -> str:
        """As ``fingerprint``, of what vectors of texts depend on: a run that taught policy or answers alone shares them with its base."""
        if self.trained is not None and self.trained.states_of_base:
            return self.trained.base
        return fingerprint_of(self.network, len(self.tokenizer), self.config.precision, None)

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids without special tokens; what spells one inside a text is read as plain text."""
        return encode(self.tokenizer, texts)

    def chat(self, turns: Sequence[str]) -> str:
        """The tokenizer's chat template around ``turns`` (user, assistant, ..., user). Raises ``InvalidConfig`` without one."""
        return chat_text(self.tokenizer, turns)

    @property
    def has_chat_template(self) -> bool:
        """Whether the model was made for turns."""
        return has_chat_template(self.tokenizer)

    def length(self, text: str) -> int:
        """Tokens of a prompt, special ones in front included."""
        return len(self.start) + len(self.encode([text])[0])

    @cached_property
    def source(self) -> ModelSource:
        """Where the weights come from, under which licence, and the project's card of the model."""
        try:
            source = resolve(self.config.name)
        except ModelUnavailable:  # gone since it was loaded, or never on a disk
            source = ModelSource(self.config.name, "folder", self.config.name, "", "", "", 0.0)
        licence, terms = licence_of(self.network.config.to_dict())
        return replace(source, licence=licence, terms=terms) if licence and not source.licence else source

    @property
    def facts(self) -> dict[str, str]:
        """What a record says of the model."""
        facts = {"name": self.config.name, "precision": self.config.precision, "fingerprint": self.fingerprint}
        if self.source.is_gemma:  # whoever shows or passes on what the model makes must say so
            facts["licence"] = self.source.licence
        if self.config.adapter:
            facts["adapter"] = Path(self.config.adapter).name
        run = {} if self.trained is None else {"run": self.trained.name, "fallback": self.falls_back_to or "none"}
        return facts | run

    @property
    def falls_back_to(self) -> str:
        """The strategy used instead of self-selection, because the run was no better; "" for none."""
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


def load_model(config: ModelConfig) -> LanguageModel:
    """Load model and tokenizer. Raises ``ModelUnavailable`` with what was seen and what to do."""
    trained = read_trained(Path(config.run)) if config.run else None
    model = _load(config, resolve_model(config.name))
    if config.adapter:
        take_up(model.network, model.facts, Path(config.adapter))
        model = replace(model)  # its fingerprint is another one now
    return model if trained is None else _with_run(model, trained)


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
        take_up(model.network, model.facts, trained.folder / ADAPTER)
    return LanguageModel(model.network.eval(), model.tokenizer, model.config, trained, model.pads)


def _load(config: ModelConfig, folder: str) -> LanguageModel:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as hf_logging

    hf_logging.disable_progress_bar()  # a bar of its own would cut through ours
    offline, device = Path(folder).is_absolute(), choose_device(config.device)
    try:
        settings = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=offline)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=offline)
        network, info = AutoModelForCausalLM.from_pretrained(
            folder,
            config=settings,
            trust_remote_code=False,
            local_files_only=offline,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported by name below, where the library would point at a report of its own
            **_memory(config, device, settings),
        )
        if config.precision == "nf4":
            _keep_trainable(network)
        else:
            network.to(device)
    except ModelUnavailable:
        raise
    except Exception as error:
        raise ModelUnavailable(load_failure(config.name, config.precision, device, error)) from error
    refuse_other_weights(config.name, info)
    refuse_tokenizer(config.name, tokenizer, int(network.get_input_embeddings().weight.shape[0]))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    network.eval()
    model = LanguageModel(network, tokenizer, config)
    return replace(model, pads=_probed(model).pads)


_VERDICTS: dict[str, Verdict] = {}  # by fingerprint: a probe is of the weights, and no load changes those


def _probed(model: LanguageModel) -> Verdict:
    if model.fingerprint not in _VERDICTS:
        pad = int(model.tokenizer.pad_token_id)
        _VERDICTS[model.fingerprint] = probe(model.config.name, model.network, model.start, pad, model.config.precision)
    return _VERDICTS[model.fingerprint]


def save_model(model: LanguageModel, folder: Path) -> None:
    """Write the weights as they are held, 4-bit ones packed, with the tokenizer, so that ``load_model`` takes the folder.

    Raises ``InvalidConfig`` for a folder that holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidConfig(f"{folder} holds something already; name a new folder.")
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)


def quiet_bitsandbytes() -> None:
    """Keep bitsandbytes from advertising, at every import, a package that does not help."""
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def resolve_model(name: str) -> str:
    """Absolute folder of a model that is here (a GGUF file is converted at its first use), or the Hub id as given.

    Raises ``ModelUnavailable``, see ``catalogue.resolve``.
    """
    source = resolve(name)
    return str(converted(Path(source.location))) if source.kind == "gguf" else source.location


def _memory(config: ModelConfig, device: torch.device, settings: "PreTrainedConfig") -> dict[str, Any]:
    """How the weights are to be held. Raises ``ModelUnavailable`` for a folder of packed weights that is asked for in full."""
    packed = getattr(settings, "quantization_config", None) is not None
    if packed and config.precision != "nf4":
        raise ModelUnavailable(
            f"The weights of {config.name!r} are quantised already, and cannot be had in {config.precision}; choose nf4."
        )
    if config.precision == "fp32":
        return {"dtype": torch.float32}
    if config.precision == "bf16":
        return {"dtype": torch.bfloat16}
    quiet_bitsandbytes()
    computed = torch.bfloat16 if multiplies_bf16(device) else torch.float32
    if packed:
        return {"device_map": str(device), "dtype": computed}
    from transformers import BitsAndBytesConfig

    quantisation = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=computed,
    )
    return {"quantization_config": quantisation, "device_map": str(device), "dtype": computed}


def _keep_trainable(network: "PreTrainedModel") -> None:
    """Stop bitsandbytes from repacking weights at the first evaluation on a CPU: the packed form has no backward."""
    import bitsandbytes

    for module in network.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False
