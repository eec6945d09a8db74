"""Which models the app asks: those loaded here, the last ones kept, and the one behind a server, if its host named one.

AGL_MODELS                  Hub ids or folders with commas, loaded at start in bf16 (preload_from_hub in README's header brings them along)
AGL_MODEL_SERVER            http://host:8000/v1#name: an OpenAI-compatible server, asked in Explore as the model "served"
AGL_MODEL_SERVER_TOKENIZER  folder or Hub id of that model's tokenizer (default: the server's own is asked)
AGL_MODEL_SERVER_VECTORS    embedded, for self-selection by the embedded model's states (default: refused)
and what ``core.served.settings`` names. No visitor's word ever makes this machine call an address: there is one, and it is the host's.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch

from app.explore.zero_gpu import is_zero
from app.train.runs import run_folder
from core.errors import InvalidConfig
from core.models.catalogue import TINY, settled_name
from core.models.devices import Memory, choose_device
from core.models.loading import PRECISIONS, LanguageModel, ModelConfig, Precision
from core.served import PREFIX, ServedConfig, served_config, served_workbench
from core.workbench import Workbench, open_workbench

SERVED = "served"  # as a model's name: the one behind the host's server
KEPT_MODELS = 2
_NONE_SERVED = (
    "No model server is set up here; choose another model, such as embedded. The host can name one in AGL_MODEL_SERVER."
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


def usual_device() -> torch.device:
    """Where a model runs here unless told otherwise; on ZeroGPU the embedded one stays on the CPU."""
    return torch.device("cpu") if is_zero() else choose_device()


class Engines:
    """Workbenches by model. May be shared by threads."""

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
        self._benches: OrderedDict[ModelConfig, Workbench] = OrderedDict()
        self._loading: dict[ModelConfig, tuple[Memory, Memory]] = {}  # in use before and after a model was loaded
        self._served_bench: Workbench | None = None
        self.zero, self.offered, self._only_offered = is_zero(), offered, only_offered
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        """A fork has no thread that could give the lock back."""
        self._lock = threading.Lock()

    def needs_gpu(self, model: str) -> bool:
        """Whether ``model`` runs where ZeroGPU lends a GPU, and nowhere else."""
        return self.zero and model.strip() in self.offered

    def load_offered(self) -> None:
        """Load the host's models now: ZeroGPU hands weights on to its forks when they were put on the GPU before the first."""
        for model in self.offered:
            self.workbench(self.config(model, "bf16"))

    def _on_zero(self, model: str, precision: Precision, run: str) -> ModelConfig:
        """On ZeroGPU: the embedded model on the CPU, the host's in bf16, or in 4 bits for who asks. Raises ``InvalidConfig`` for others."""
        if settled_name(model) == TINY:
            place = str(run_folder(self._runs, run)) if run and self._runs else ""
            return ModelConfig(TINY, precision, device="cpu", run=place)
        if model not in self.offered or run:
            raise InvalidConfig(
                f"This Space has the models {', '.join(['embedded', *self.offered])}; choose one of them, with a run only the first."
            )
        return ModelConfig(model, "nf4" if precision == "nf4" else "bf16")

    def bench(self, model: str, precision: Precision, run: str = "") -> Workbench:
        """The workbench of a model with what a run taught it. Raises ``CoreError`` for one that cannot be had."""
        if self.is_served(model):
            if run:
                raise InvalidConfig(
                    f"The run {run!r} changes weights, and those of a served model are out of reach; choose no run."
                )
            return self._behind_server()
        if self._only_offered and settled_name(model) != TINY and model not in self.offered:
            named = ", ".join(("embedded", *self.offered, *([SERVED] if self.served else [])))
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
            return self._on_zero(model, precision, run)
        if not run:
            return ModelConfig(model, precision)
        if self._runs is None:
            raise InvalidConfig(f"The run {run!r} cannot be used: no folder of runs is known here; choose none.")
        return ModelConfig(model, precision, run=str(run_folder(self._runs, run)))

    def workbench(self, config: ModelConfig) -> Workbench:
        """The workbench of a model here, loaded on first use; the least recently used one is let go."""
        with self._lock:
            if config not in self._benches:
                device = choose_device(config.device)
                before = Memory.now(device)
                self._benches[config] = open_workbench(config, self._encoder, self._cache)
                self._loading[config] = before, Memory.now(device)
            self._benches.move_to_end(config)
            while len(self._benches) > KEPT_MODELS + len(self.offered):
                self._benches.popitem(last=False)
            return self._benches[config]

    def memory(self, provenance: Mapping[str, str]) -> dict[str, str]:
        """What the model of a prediction takes: its weights, and what was in use before and after it was loaded here; {} elsewhere."""
        run = provenance["adapter"] if provenance["adapter"] != "none" else ""
        if provenance["precision"] not in PRECISIONS or self.needs_gpu(provenance["model"]):
            return {}
        config = self.config(provenance["model"], provenance["precision"], run)
        bench, loading = self._benches.get(config), self._loading.get(config)
        if bench is None or loading is None or not isinstance(bench.model, LanguageModel):
            return {}
        before, after = loading
        facts = {
            "memory: weights": f"{bench.model.megabytes:,.0f} MB",
            "memory: process before and after loading": f"{before.process:,.0f} MB, {after.process:,.0f} MB",
        }
        if after.device is not None:
            facts["memory: GPU before and after loading"] = f"{before.device or 0:,.0f} MB, {after.device:,.0f} MB"
        return facts

    def _behind_server(self) -> Workbench:
        """The server's model, asked for on first use; a server that is down is asked again the next time."""
        assert self.served is not None
        with self._lock:
            if self._served_bench is None:
                self._served_bench = served_workbench(self.served, cache=self._cache)
            return self._served_bench
