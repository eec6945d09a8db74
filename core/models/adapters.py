"""PEFT adapters on a loaded network: taken up from a folder, refused where they are none of this model's."""

from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ModelUnavailable

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ADAPTER_WEIGHTS = "adapter_model.safetensors"


def take_up(network: "PreTrainedModel", model: str, folder: Path) -> None:
    """Put the adapter in ``folder`` on the network of the model of this name.

    Raises ``ModelUnavailable`` for a folder without one, or with one of another model.
    """
    for name in ("adapter_config.json", ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise ModelUnavailable(f"{folder} holds no adapter ({name} is missing); name a folder that PEFT saved.")
    try:
        network.load_adapter(str(folder), use_safetensors=True)
        strange = _strange_weights(network, folder)
    except Exception as error:
        seen = str(error).strip().splitlines()[0][:200]
        sizes = "mismatched_sizes" in seen  # transformers points at a report of its own
        raise ModelUnavailable(_unfit(model, folder, "its weights have other sizes" if sizes else seen)) from error
    if strange:
        raise ModelUnavailable(_unfit(model, folder, f"{len(strange)} weights differ, first {strange[0]}"))
    network.eval()


def _unfit(model: str, folder: Path, seen: str) -> str:
    return f"The adapter in {folder} does not fit {model!r} ({seen}); name the model that it was made with."


def _strange_weights(network: "PreTrainedModel", folder: Path) -> list[str]:
    """Weights of an adapter that the network has no place for, and places that it leaves empty: a loader only warns of both."""
    from safetensors import safe_open

    with safe_open(folder / ADAPTER_WEIGHTS, "pt") as file:
        saved = {name.removeprefix("base_model.model.") for name in file.keys()}  # noqa: SIM118 - no mapping
    return sorted(saved ^ set(network.get_adapter_state_dict()))
