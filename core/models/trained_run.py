"""What a closed-loop run leaves behind and inference takes up: the policy, an adapter, written examples.

The policy is a projection with its temperature and, where a run has them, a head (the term per candidate) and its own language means.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from core.errors import ModelUnavailable
from core.records import Example

MANIFEST = "run.json"  # written last: a folder with it is a finished run
POLICY = "policy.safetensors"
ADAPTER = "adapter"  # folder, of an adapter
WEIGHTS = "model"  # folder, of all weights
STATES_OF_BASE = "states_of_base"  # in the manifest: vectors are taken without the adapter, which learnt answers alone


@dataclass(frozen=True)
class Trained:
    """A finished run."""

    folder: Path
    weight: np.ndarray  # (D, H), the policy's projection W
    temperature: float
    fallback: str  # "" or what to use instead: zero-shot, knn, untrained
    manifest: dict[str, Any]
    head: np.ndarray | None = None  # (H,), the term per candidate is its product with the centred vector
    means: dict[str, np.ndarray] = field(default_factory=dict)  # (H,) by language, that vectors are centred by
    overall: np.ndarray | None = None  # (H,) for languages without a mean; None: means are taken from the pool

    @property
    def layer(self) -> int | None:
        """Layer whose states are the run's vectors; None in runs that did not say."""
        layer = self.manifest.get("layer")
        return None if layer is None else int(layer)

    @property
    def states_of_base(self) -> bool:
        """Whether sentence vectors are those of the model before training, though the run has an adapter."""
        return bool(self.manifest.get(STATES_OF_BASE))

    @property
    def name(self) -> str:
        """The run's folder name."""
        return self.folder.name

    @property
    def task(self) -> str:
        """The task it learnt."""
        return str(self.manifest["config"]["task"])

    @property
    def base(self) -> str:
        """Fingerprint of the model that the run began with."""
        return str(self.manifest["model"]["fingerprint"])

    @property
    def written(self) -> tuple[Example, ...]:
        """Examples that the model wrote and that were still in the pool at the end."""
        return tuple(Example(**entry) for entry in self.manifest["written"])

    @property
    def retired(self) -> frozenset[str]:
        """Ids of pool examples that were retired."""
        return frozenset(self.manifest["retired"])


def read_trained(folder: Path) -> Trained:
    """Read a finished run. Raises ``ModelUnavailable`` for a folder without one."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        tensors = load_file(folder / POLICY)
        return Trained(
            folder.resolve(),
            tensors["projection"],
            float(manifest["temperature"]),
            str(manifest["fallback"]),
            manifest,
            tensors.get("head"),
            dict(zip(manifest.get("centre", ()), tensors.get("means", ()), strict=True)),
            tensors.get("overall"),
        )
    except FileNotFoundError as error:
        raise ModelUnavailable(
            f"{folder} holds no finished run ({Path(str(error.filename)).name} is missing); name the --output folder of a train.py fit "
            "that ended."
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(
            f"The run in {folder} cannot be read ({type(error).__name__}: {error}); train it again."
        ) from error


def finished_runs(folder: Path) -> list[Path]:
    """Folders of finished runs below ``folder``, newest first."""
    folders = [path.parent for path in folder.glob(f"*/{MANIFEST}")]
    return sorted(folders, key=lambda entry: (entry / MANIFEST).stat().st_mtime, reverse=True)
