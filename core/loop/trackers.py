"""Experiment trackers, through accelerate: trackio, TensorBoard and wandb, each only where it is asked for and installed."""

import warnings
from dataclasses import asdict
from typing import Any

from accelerate import Accelerator

from core.errors import InvalidConfig
from core.loop.config import FitConfig

TRACKERS = ("tensorboard", "wandb", "trackio")


def make_accelerator(cpu: bool, track: list[str], folder: str) -> Accelerator:
    """An accelerator with the trackers named in ``track``. Raises ``InvalidConfig`` for an unknown or missing one."""
    for name in track:
        if name not in TRACKERS:
            raise InvalidConfig(f"There is no tracker {name!r}; choose from {', '.join(TRACKERS)}.")
    from accelerate.utils import DistributedDataParallelKwargs

    # A loss that is switched off leaves parameters without a gradient.
    handlers = [DistributedDataParallelKwargs(find_unused_parameters=True)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a tracker is missing is said below, by name
            accelerator = Accelerator(cpu=cpu, log_with=track or None, project_dir=folder, kwargs_handlers=handlers)
    except (ImportError, ValueError) as error:
        raise InvalidConfig(
            f"The tracker {', '.join(track)} cannot be used ({error}); install it, or leave --track out."
        ) from error
    started = {str(getattr(kind, "value", kind)) for kind in accelerator.log_with}
    missing = [name for name in track if name not in started]
    if missing:
        raise InvalidConfig(
            f"The tracker {missing[0]!r} is not installed; run pip install {missing[0]}, or leave --track out."
        )
    return accelerator


def start_trackers(accelerator: Accelerator, config: FitConfig) -> None:
    """Begin a tracked run under the name of the project, with the settings."""
    accelerator.init_trackers("agl", config=_flat(asdict(config)))


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value if isinstance(value, bool | int | float | str) else str(value)
    return flat
