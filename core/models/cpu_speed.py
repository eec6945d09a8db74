"""Whether this CPU multiplies bfloat16 faster than float32, measured on the shapes of a model's own weights.

Instructions for bfloat16 say little by themselves: with AMX a product is several times as fast, with AVX512 alone it can be slower. The
result is written beside a converted model, and measured anew where the CPU, torch or the number of threads is another one.
"""

import json
import platform
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from core.models.catalogue import GEMMA, RECORD, TINY, models_cache

FILE = "cpu_speed.json"
TOKENS = 256  # rows of a product: a prompt with a few demonstrations
REPEATS = 5
WORTH = 1.2  # how many times as fast bf16 must be to be worth its rounding


def faster_in_bf16(model: str) -> bool:
    """Whether a model of this name was converted by the project, and this CPU multiplies its weights ``WORTH`` times as fast in bf16."""
    folder = models_cache() / model if model == GEMMA else Path(model).expanduser()
    if model == TINY or not (folder / RECORD).is_file():
        return False
    return float(measured(folder)["bf16_over_fp32"]) >= WORTH


def measured(folder: Path) -> dict[str, Any]:
    """The measurement of this CPU for the model in ``folder``: read where it was made here before, else made and written."""
    here = {"cpu": cpu_name(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    path = folder / FILE
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        entries = []
    for entry in entries:
        if all(entry.get(key) == value for key, value in here.items()):
            return dict(entry)
    entry = here | {"bf16_over_fp32": round(measure(folder), 2)}
    try:
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps([*entries, entry], indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError:
        pass  # a cache that is not ours to write: measured at every start, which takes a second
    return entry


def measure(folder: Path) -> float:
    """Speed of bf16 products over that of fp32 ones, all matrices of the layers weighted by how often they come; 0 without instructions."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return 0.0
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "pt") as file:
        names = [name for name in file.keys() if "layers." in name]  # noqa: SIM118 - no mapping
        shapes = Counter(tuple(file.get_slice(name).get_shape()) for name in names)
    matrices: dict[tuple[int, ...], int] = {shape: count for shape, count in shapes.items() if len(shape) == 2}
    seconds = {dtype: _seconds(matrices, dtype) for dtype in (torch.float32, torch.bfloat16)}
    return seconds[torch.float32] / seconds[torch.bfloat16]


@torch.inference_mode()
def _seconds(matrices: dict[tuple[int, ...], int], dtype: torch.dtype) -> float:
    total = 0.0
    for (rows, columns), count in matrices.items():
        states, weight = torch.randn(TOKENS, columns).to(dtype), torch.randn(rows, columns).to(dtype)
        torch.nn.functional.linear(states, weight)  # the first one sets kernels up
        times = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            torch.nn.functional.linear(states, weight)
            times.append(time.perf_counter() - began)
        total += count * min(times)
    return total


def cpu_name() -> str:
    """The CPU's name as its maker writes it, or its family where the system names none."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
