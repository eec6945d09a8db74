"""Which models the app asks: those loaded here, the last ones used, and the one behind a server, if its host named one.

AGL_MODELS                  Hub ids or folders with commas, loaded at start in bf16 (preload_from_hub in README's header brings them along)
AGL_MODEL_SERVER            http://host:8000/v1#name: an OpenAI-compatible server, asked in Explore as the model "served"
AGL_MODEL_SERVER_TOKENIZER  folder or Hub id of that model's tokenizer (default: the server's own is asked)
AGL_MODEL_SERVER_VECTORS    embedded, for self-selection by the embedded model's states (default: refused)
and what ``core.served.settings`` names. Nothing that a visitor sends makes this machine call an address: the only one is the host's.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from app.explore.zero_gpu import is_zero
from app.texts import Texts
from app.train.runs import run_folder
from core.errors import CoreError, InvalidConfig
from core.models.catalogue import DEFAULT, GEMMA_NOTICE, cards, is_set_up, resolve, settled_name
from core.models.devices import Memory, choose_device
from core.models.loading import PRECISIONS, LanguageModel, ModelConfig, Precision
from core.served import PREFIX, ServedConfig, served_config, served_workbench
from core.workbench import Workbench, open_workbench

SERVED = "served"  # as a model's name: the one behind the host's server
MOST_LOADED = 2  # models in memory besides those of AGL_MODELS
_NONE_SERVED = (
    "No model server is set up here; choose another model, such as tiny. The host can name one in AGL_MODEL_SERVER."
)


def served_of(environment: Mapping[str, str] = os.environ) -> ServedConfig | None:
    """The server that the environment names; None without. Raises ``InvalidConfig``."""
    address = environment.get("AGL_MODEL_SERVER", "").strip()
    if not address:
        return None
    tokenizer, vectors = (environment.get(f"AGL_MODEL_SERVER_{name}", "").strip() for name in ("TOKENIZER", "VECTORS"))
    return served_config(address, tokenizer, vectors, environment)


def offered_of(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The models that the environment names to be loaded at start."""
    return tuple(name.strip() for name in environment.get("AGL_MODELS", "").split(",") if name.strip())


def known_models() -> tuple[str, ...]:
    """Models with a card that are set up here, the default one first; anybody may ask them."""
    ready = sorted(
        (name for name in cards() if is_set_up(name)), key=lambda name: (name != settled_name(DEFAULT), name)
    )
    return tuple(ready)


def _title(name: str) -> str:
    card = cards().get(settled_name(name))
    return card.title if card else name


def usual_device() -> torch.device:
    """Where a model runs here by default; on ZeroGPU the embedded one stays on the CPU."""
    return torch.device("cpu") if is_zero() else choose_device()


@dataclass
class _Slot:
    """A model's entry in the cache; its lock is held while it is loaded, so that others can be asked meanwhile."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    workbench: Workbench | None = None
    memory: tuple[Memory, Memory] | None = None  # in use before and after loading


class ModelCache:
    """Workbenches by model, least recently used first. May be shared by threads; a load holds up only who wants the same model."""

    def __init__(
        self,
        cache: Path | None,
        encoder: str,
        runs: Path | None,
        served: ServedConfig | None = None,
        offered: tuple[str, ...] = (),
        only_offered: bool = False,
    ) -> None:
        """``cache``: folder for the pool's vectors; ``runs``: folder of closed-loop runs; ``served``: the host's server.

        ``offered``: models that the host loads at start, asked on the GPU of a ZeroGPU Space; ``only_offered``: no others are loaded,
        so that strangers cannot make this machine read any folder or fetch anything from the Hub.
        """
        self._cache, self._encoder, self._runs, self.served = cache, encoder, runs, served
        self._slots: OrderedDict[ModelConfig, _Slot] = OrderedDict()
        self._behind_server: Workbench | None = None
        self.zero, self.offered, self.only_offered = is_zero(), offered, only_offered
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew_locks)

    def _renew_locks(self) -> None:
        """A fork has no thread that could give a lock back."""
        self._lock = threading.Lock()
        for slot in self._slots.values():
            slot.lock = threading.Lock()

    def needs_gpu(self, model: str) -> bool:
        """Whether ``model`` runs where ZeroGPU lends a GPU, and nowhere else."""
        return self.zero and model.strip() in self.offered

    def load_offered(self) -> None:
        """Load the host's models now: ZeroGPU hands weights on to its forks when they were put on the GPU before the first."""
        for model in self.offered:
            self.workbench(self.config(model, "bf16"))

    def open(self, model: str, precision: Precision, run: str = "") -> Workbench:
        """The workbench of a model with what a run taught it. Raises ``CoreError`` for one that cannot be had."""
        if self.is_served(model):
            if run:
                raise InvalidConfig(
                    f"The run {run!r} changes weights, and those of a served model are out of reach; choose no run."
                )
            return self._server_workbench()
        if self.only_offered and settled_name(model) not in known_models() and model not in self.offered:
            named = ", ".join((*known_models(), *self.offered, *([SERVED] if self.served else [])))
            raise InvalidConfig(
                f"The model {model[:60]!r} is not offered here; choose {named}. On a machine of your own the app takes any."
            )
        return self.workbench(self.config(model, precision, run))

    def is_served(self, model: str) -> bool:
        """Whether ``model`` is the one behind the server. Raises ``InvalidConfig`` for any other address, and where there is none."""
        own = None if self.served is None else f"{PREFIX}{self.served.url}"
        if model == SERVED or (own is not None and model.partition("#")[0] == own):
            if self.served is None:
                raise InvalidConfig(_NONE_SERVED)
            return True
        if "://" in model:
            raise InvalidConfig(
                f"Addresses cannot be asked from here; write {SERVED} for the server that the host set up."
            )
        return False

    def config(self, model: str, precision: Precision, run: str = "") -> ModelConfig:
        """A model here, with what a closed-loop run of this name taught it. Raises ``InvalidConfig`` for a name that is not plain."""
        if self.zero:
            return self._config_on_zero(model, precision, run)
        if not run:
            return ModelConfig(model, precision)
        if self._runs is None:
            raise InvalidConfig(f"The run {run!r} cannot be used: no folder of runs is known here; choose none.")
        return ModelConfig(model, precision, run=str(run_folder(self._runs, run)))

    def _config_on_zero(self, model: str, precision: Precision, run: str) -> ModelConfig:
        """On ZeroGPU: known models on the CPU, the host's in bf16, or in 4 bits by choice. Raises ``InvalidConfig`` for others."""
        if settled_name(model) in known_models():
            folder = str(run_folder(self._runs, run)) if run and self._runs else ""
            return ModelConfig(model, precision, device="cpu", run=folder)
        if model not in self.offered or run:
            names = ", ".join([*known_models(), *self.offered])
            raise InvalidConfig(
                f"This Space has the models {names}; choose one of them, without a run for those of AGL_MODELS."
            )
        return ModelConfig(model, "nf4" if precision == "nf4" else "bf16")

    def workbench(self, config: ModelConfig) -> Workbench:
        """The workbench of a model here, loaded on first use; the least recently used ones are let go."""
        with self._lock:
            slot = self._slots.setdefault(config, _Slot())
            self._slots.move_to_end(config)
        with slot.lock:
            if slot.workbench is None:
                device = choose_device(config.device)
                unloaded = Memory.now(device)
                try:
                    slot.workbench = open_workbench(config, self._encoder, self._cache)
                except BaseException:
                    with self._lock:
                        self._slots.pop(config, None)
                    raise
                slot.memory = unloaded, Memory.now(device)
        with self._lock:
            while len(self._slots) > MOST_LOADED + len(self.offered):
                self._slots.popitem(last=False)
        return slot.workbench

    def _is_loaded(self, model: str, precision: Precision) -> bool:
        if "://" in model or model == SERVED:
            return model == SERVED and self._behind_server is not None
        slot = self._slots.get(self.config(model, precision))
        return slot is not None and slot.workbench is not None

    def is_ready(self, model: str, precision: Precision) -> bool:
        """Whether a link may ask this model at once: it comes with the project, or is loaded already."""
        return (
            settled_name(model) in known_models()
            or model in self.offered
            or (not self.only_offered and self._is_loaded(model, precision))
        )

    def offers(self, texts: Texts) -> list[tuple[str, str]]:
        """Names and values of the models that can be chosen: the default, the known ones, the host's, those used last."""
        used = [] if self.only_offered else [config.name for config in reversed(self._slots)]
        names = dict.fromkeys((*known_models(), *self.offered, *([SERVED] if self.served else []), *used))
        usual = texts("model.default", name=_title(settled_name(DEFAULT)))
        return [
            (usual, DEFAULT),
            *((texts("model.served") if name == SERVED else _title(name), name) for name in names),
        ]

    def describe(self, model: str, texts: Texts) -> list[str]:
        """What is known of a model: size, licence, and whether it answers offline; a sentence for one that cannot be had."""
        if model == SERVED:
            return [texts("model.served"), texts("model.online")]
        try:
            self.is_served(model)
            source = resolve(model)
        except CoreError as error:
            return [str(error)]
        facts = [source.title]
        if source.megabytes:
            facts.append(f"{source.megabytes:,.0f} MB")
        if source.licence:
            facts.append(texts("model.licence", licence=source.licence, terms=source.terms).removesuffix(" ()"))
        if source.is_gemma:
            facts += [GEMMA_NOTICE, *([source.card.restrictions] if source.card else [])]
        return [*facts, texts("model.offline" if source.offline else "model.online")]

    def memory(self, provenance: Mapping[str, str]) -> dict[str, str]:
        """What the model of a prediction takes: its weights, and what was in use before and after it was loaded here; {} elsewhere."""
        run = provenance["adapter"] if provenance["adapter"] != "none" else ""
        if provenance["precision"] not in PRECISIONS or self.needs_gpu(provenance["model"]):
            return {}
        slot = self._slots.get(self.config(provenance["model"], provenance["precision"], run))
        if slot is None or slot.memory is None or slot.workbench is None:
            return {}
        if not isinstance(slot.workbench.model, LanguageModel):
            return {}
        unloaded, loaded = slot.memory
        facts = {
            "memory: weights": f"{slot.workbench.model.megabytes:,.0f} MB",
            "memory: process before and after loading": f"{unloaded.process:,.0f} MB, {loaded.process:,.0f} MB",
        }
        if loaded.device is not None:
            facts["memory: GPU before and after loading"] = f"{unloaded.device or 0:,.0f} MB, {loaded.device:,.0f} MB"
        return facts

    def _server_workbench(self) -> Workbench:
        """The server's model, asked for on first use; a server that is down is asked again the next time."""
        assert self.served is not None
        with self._lock:
            if self._behind_server is None:
                self._behind_server = served_workbench(self.served, cache=self._cache)
            return self._behind_server
