"""Checkpoints: written beside, renamed into place, manifest last; whatever a kill leaves behind, the newest whole one is found.

A checkpoint holds what learns, its running mean, the optimiser and the pool. Random sources depend on seed and iteration alone, so
there is no random state to keep.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.errors import InvalidData

FORMAT = 1
FILES = ("weights.safetensors", "average.safetensors", "optimiser.pt", "state.json")


@dataclass(frozen=True)
class Checkpoint:
    """One state of a run."""

    iteration: int
    weights: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimiser: dict[str, Any]
    state: dict[str, Any]  # pool and remembered distributions, JSON
    identity: dict[str, Any]  # model, configuration, data: what a resumed run must share


def save_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write ``folder/step-N`` and let go of all but the last ``keep``.

    Raises ``InvalidData`` when the disk refuses; what was saved before stays whole.
    """
    path, partial = folder / f"step-{checkpoint.iteration:06d}", folder / "partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file({k: v.contiguous().cpu() for k, v in checkpoint.weights.items()}, partial / FILES[0])
        save_file({k: v.contiguous().cpu() for k, v in checkpoint.average.items()}, partial / FILES[1])
        torch.save(checkpoint.optimiser, partial / FILES[2])
        (partial / FILES[3]).write_text(json.dumps(checkpoint.state, ensure_ascii=False), encoding="utf-8")
        manifest = {
            "format": FORMAT,
            "iteration": checkpoint.iteration,
            "identity": checkpoint.identity,
            "sha256": {name: _digest(partial / name) for name in FILES},
        }
        for name in FILES:
            _to_disk(partial / name)
        (partial / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        _to_disk(partial / "manifest.json")
        if path.exists():
            shutil.rmtree(path)
        partial.replace(path)
    except (OSError, SafetensorError, RuntimeError) as error:  # a refused write has another class in each library
        shutil.rmtree(partial, ignore_errors=True)
        reason = getattr(error, "strerror", None) or error
        raise InvalidData(
            f"The checkpoint of iteration {checkpoint.iteration} could not be written to {folder} ({reason}); earlier ones are "
            "whole. Free space and run the same command again: it goes on from the last."
        ) from error
    for old in sorted(folder.glob("step-*"))[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def newest(folder: Path, identity: dict[str, Any]) -> Checkpoint | None:
    """The newest whole checkpoint; None when there is none.

    Raises ``InvalidData`` when it belongs to another model, other data, other settings or another version of the format.
    """
    for path in sorted(folder.glob("step-*"), reverse=True):
        manifest = _manifest(path)
        if manifest is None:
            continue
        if manifest["format"] != FORMAT:
            raise InvalidData(
                f"{path} was written in format {manifest['format']}, this version reads format {FORMAT}; finish the run with the "
                "version that began it, or name another output folder."
            )
        for key, value in identity.items():
            stored = manifest["identity"].get(key)
            if stored != json.loads(json.dumps(value)):
                raise InvalidData(
                    f"{path} belongs to another run: its {key} is {_short(stored)}, here it is {_short(value)}; name another "
                    "output folder, or use the settings that began it."
                )
        return Checkpoint(
            manifest["iteration"],
            load_file(path / FILES[0]),
            load_file(path / FILES[1]),
            torch.load(path / FILES[2], weights_only=True, map_location="cpu"),
            json.loads((path / FILES[3]).read_text(encoding="utf-8")),
            manifest["identity"],
        )
    return None


def _manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder whose files are those it was written with; else None."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        whole = all(_digest(folder / name) == digest for name, digest in manifest["sha256"].items())
    except (OSError, json.JSONDecodeError, KeyError):
        return None
    return manifest if whole else None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
