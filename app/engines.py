"""Which models the app asks: those loaded here, the last ones kept, and the one behind a server, if its host named one.

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

from app.runs import run_folder
from core.bundle import Workbench, open_workbench
from core.errors import InvalidConfig
from core.models import ModelConfig, Precision
from core.served import PREFIX, ServedConfig, served_config, served_workbench

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


class Engines:
    """Workbenches by model. May be shared by threads."""

    def __init__(self, cache: Path | None, encoder: str, runs: Path | None, served: ServedConfig | None = None) -> None:
        """``cache``: folder for the pool's vectors; ``runs``: folder of closed-loop runs; ``served``: the host's server."""
        self._cache, self._encoder, self._runs, self.served = cache, encoder, runs, served
        self._benches: OrderedDict[ModelConfig, Workbench] = OrderedDict()
        self._served_bench: Workbench | None = None
        self._lock = threading.Lock()

    def bench(self, model: str, precision: Precision, run: str = "") -> Workbench:
        """The workbench of a model with what a run taught it. Raises ``CoreError`` for one that cannot be had."""
        if self.is_served(model):
            if run:
                raise InvalidConfig(
                    f"The run {run!r} changes weights, and those of a served model are out of reach; choose no run."
                )
            return self._behind_server()
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
        if not run:
            return ModelConfig(model, precision)
        if self._runs is None:
            raise InvalidConfig(f"The run {run!r} cannot be used: no folder of runs is known here; choose none.")
        return ModelConfig(model, precision, run=str(run_folder(self._runs, run)))

    def workbench(self, config: ModelConfig) -> Workbench:
        """The workbench of a model here, loaded on first use; the least recently used one is let go."""
        with self._lock:
            if config not in self._benches:
                self._benches[config] = open_workbench(config, self._encoder, self._cache)
            self._benches.move_to_end(config)
            while len(self._benches) > KEPT_MODELS:
                self._benches.popitem(last=False)
            return self._benches[config]

    def _behind_server(self) -> Workbench:
        """The server's model, asked for on first use; a server that is down is asked again the next time."""
        assert self.served is not None
        with self._lock:
            if self._served_bench is None:
                self._served_bench = served_workbench(self.served, cache=self._cache)
            return self._served_bench
