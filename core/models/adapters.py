"""PEFT adapters and soft prompts on a loaded network: taken up from a folder, refused where they were made on another model's weights.

What the project trains says beside the weights which model it was made from (``write_base``), and, where that model is Gemma, under
which terms it may be passed on.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelUnavailable
from core.models.catalogue import GEMMA_NOTICE, GEMMA_RESTRICTIONS, ModelSource
from core.models.soft_prompts import is_soft_prompt, load_soft_prompt
from core.models.trained_run import MANIFEST

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ADAPTER_WEIGHTS = "adapter_model.safetensors"
BASE = "agl_base.json"  # beside trained weights: the model that they were made from
NOTICE = "NOTICE"  # the name that the Gemma Terms of Use give the file, section 3.1


def take_up(network: "PreTrainedModel", facts: dict[str, str], folder: Path) -> None:
    """Put the adapter in ``folder`` on ``network``, whose model says ``facts``: its name, precision and fingerprint.

    Raises ``ModelUnavailable`` for a folder without one, and for one that was made on other weights: another architecture, or, where the
    folder or the run that it lies in says so, another fingerprint in the same precision.
    """
    name = facts["name"]
    for file in ("adapter_config.json", ADAPTER_WEIGHTS):
        if not (folder / file).is_file():
            raise ModelUnavailable(f"{folder} holds no adapter ({file} is missing); name a folder that PEFT saved.")
    base = base_of(folder)
    if base and base["precision"] == facts["precision"] and base["fingerprint"] != facts["fingerprint"]:
        reason = f"it was made on {base['name']!r} ({base['fingerprint']}), and this one is {facts['fingerprint']}"
        raise ModelUnavailable(_unfit(name, folder, reason))
    try:
        if is_soft_prompt(folder):
            load_soft_prompt(network, folder)
            strange = []
        else:
            network.load_adapter(str(folder), use_safetensors=True)
            strange = _strange_weights(network, folder)
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200]
        sizes = "mismatched_sizes" in reason  # transformers points at a report of its own
        raise ModelUnavailable(_unfit(name, folder, "its weights have other sizes" if sizes else reason)) from error
    if strange:
        raise ModelUnavailable(_unfit(name, folder, f"{len(strange)} weights differ, first {strange[0]}"))
    network.eval()


def write_base(folder: Path, base: dict[str, str], source: ModelSource) -> None:
    """Write beside trained weights what they were made from: name, precision and fingerprint, and a NOTICE where the terms want one."""
    entry = {key: base[key] for key in ("name", "precision", "fingerprint")} | {"licence": source.licence}
    (folder / BASE).write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")
    forget_base_folder(folder)
    if source.is_gemma:
        write_notice(folder, source.title)


def forget_base_folder(folder: Path) -> None:
    """Take out of PEFT's file the folder that the base model lay in: it says nothing elsewhere and tells of this machine. BASE names it."""
    path = folder / "adapter_config.json"
    if config := _json(path):
        config["base_model_name_or_path"] = None
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_notice(folder: Path, title: str) -> None:
    """Write the NOTICE that the Gemma Terms of Use want beside what was made from Gemma by training."""
    (folder / NOTICE).write_text(
        f"{GEMMA_NOTICE}\n\nThe weights in this folder were made from {title} by training: they are modified files. Whoever "
        "passes them on, or lets others use them over a network, passes on the Gemma Terms of Use with a copy of them, including "
        f"the use restrictions at {GEMMA_RESTRICTIONS}.\n",
        encoding="utf-8",
    )


def base_of(folder: Path) -> dict[str, str]:
    """Name, precision and fingerprint of the model that trained weights were made from; {} where neither they nor their run say it."""
    run = _json(folder.parent / MANIFEST).get("model")
    for entry in (_json(folder / BASE), run if isinstance(run, dict) else {}):
        if {"name", "precision", "fingerprint"} <= set(entry):
            return {key: str(value) for key, value in entry.items()}
    return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _unfit(model: str, folder: Path, reason: str) -> str:
    return f"The adapter in {folder} does not fit {model!r} ({reason}); name the model that it was made with."


def _strange_weights(network: "PreTrainedModel", folder: Path) -> list[str]:
    """Weights of an adapter that the network has no module for, and modules that it leaves empty: a loader only warns of both."""
    from safetensors import safe_open

    with safe_open(folder / ADAPTER_WEIGHTS, "pt") as file:
        saved = {name.removeprefix("base_model.model.") for name in file.keys()}  # noqa: SIM118 - no mapping
    return sorted(saved ^ set(network.get_adapter_state_dict()))
