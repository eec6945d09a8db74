"""Device, default precision and memory of a model, and smaller batches where memory runs out.

"auto" takes a GPU where there is one. On a GPU with bfloat16 products a model is held in bf16 unless named otherwise: half the memory of
float32, and the fastest for batches; so is a converted model on a CPU that was measured to multiply its weights faster so. 4-bit NF4 is
for models that would not fit: its weights are unpacked for every product, which makes the scoring of batches slower than bf16, and on a
CPU slower than float32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import psutil
import torch

from core.errors import InvalidConfig, OutOfMemory
from core.models.catalogue import TINY
from core.models.cpu_speed import faster_in_bf16

Result = TypeVar("Result")
Full = Literal["fp32", "bf16"]


def choose_device(name: str = "auto") -> torch.device:
    """The device named, as in ``torch.device``, or for "auto" a GPU where there is one. Raises ``InvalidConfig``."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidConfig(f"There is no device {name!r}; choose auto, cpu, or cuda.") from error
    if device.type == "cuda" and not (device.index or 0) < torch.cuda.device_count():
        raise InvalidConfig(
            f"The device {name!r} was asked for, and {torch.cuda.device_count()} GPUs are seen here; choose auto or cpu."
        )
    return device


def multiplies_bf16(device: torch.device) -> bool:
    """Whether ``device`` has instructions for bfloat16 products; without them they take ten to a hundred times as long as float32 ones."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def default_precision(device: torch.device, model: str = TINY) -> Full:
    """Precision of a model on ``device`` unless another is requested.

    bf16 on a GPU that has products for it, and on a CPU for a converted model whose products it was measured to be faster at; else fp32.
    """
    if device.type == "cpu":
        return "bf16" if faster_in_bf16(model) else "fp32"
    return "bf16" if device.type == "cuda" and multiplies_bf16(device) else "fp32"


@dataclass(frozen=True)
class Memory:
    """What is in use, 10^6 bytes."""

    process: float  # resident memory of this process
    device: float | None = None  # allocated on the GPU; None on a CPU

    @staticmethod
    def now(device: torch.device | None = None) -> "Memory":
        """Measured now; ``device``: of a model, None where none is loaded."""
        process = psutil.Process().memory_info().rss / 1e6
        if device is None or device.type != "cuda":
            return Memory(process)
        return Memory(process, torch.cuda.memory_allocated(device) / 1e6)


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or a CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    message = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in message or "ALLOC_FAILED" in message)


def fitting(work: Callable[[int], Result], size: int, least: int = 1) -> tuple[Result, int]:
    """``work(size)``, with half the size as often as memory runs out; its result, and the size that was small enough.

    Raises ``OutOfMemory`` when ``least``, which is tried last, does not fit either.
    """
    while True:
        try:
            return work(size), size
        except Exception as error:
            if not ran_out(error):
                raise
            if size <= least:
                raise OutOfMemory(
                    "Memory ran out with the smallest batches too; shorten the text, lower K, choose a smaller model or 4-bit (nf4), or "
                    "close other programs that use the GPU or the machine."
                ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size = max(least, size // 2)
