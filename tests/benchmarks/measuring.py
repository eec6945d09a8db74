"""What benchmarks share: interleaved warm runs, and the facts of the machine that belong beside every number."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from core.models.devices import multiplies_bf16
from core.run_record import command, commit

CLOCKS = {
    "wall": time.perf_counter,
    "cpu": time.process_time,
}  # cpu: what this process took of the cores, whoever else used them


def timed(work: Callable[[], object], clock: str = "wall") -> float:
    """Seconds of one call."""
    began = CLOCKS[clock]()
    work()
    return CLOCKS[clock]() - began


def interleaved(
    works: Mapping[str, Callable[[], object]], repeats: int, warm: bool = True, clock: str = "wall"
) -> dict[str, list[float]]:
    """Seconds of every run: each of ``works`` in turn, ``repeats`` times, after one run of each that is not counted.

    What else the machine does then hits all of them alike, so ratios of runs of one round mean something where seconds do not.
    """
    if warm:
        for work in works.values():
            work()
    seconds_of: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            seconds_of[name].append(timed(work, clock))
    return seconds_of


def ratio(slow: list[float], fast: list[float]) -> float:
    """Median over rounds of how many times as long ``slow`` took."""
    return round(statistics.median(a / b for a, b in zip(slow, fast, strict=True)), 2)


def milliseconds(seconds: list[float]) -> float:
    """Median, ms."""
    return round(1e3 * statistics.median(seconds), 1)


def circumstances() -> dict[str, Any]:
    """Command, commit and machine of a record, with the load that other work put on it when the measurement began."""
    return {
        "command": command(),
        "commit": commit(),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "bf16 products": multiplies_bf16(torch.device("cpu")),
            "torch": torch.__version__,
            "load average": round(os.getloadavg()[0], 2),
            "nice": os.nice(0),
        },
    }
