"""Measures this project on a card: ``python tests/gpu/run.py``. Needs this checkout and the packages of requirements.txt, no network.

Writes ``assets/results/gpu/CARD.json`` with agreement of labels between precisions, weights' memory, speed of reading and writing in bf16
and 4-bit at batch 1, 8 and 64, the scorer's speed-up, a closed-loop step with QLoRA by phase, and the seconds of each section. A
section that fails is named with its reason, and the others go on. ``--toy`` runs all of it in small on any device, also a CPU.
"""

import argparse
import os
import platform
import re
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "toys")]
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def bars(record: dict[str, Any]) -> dict[str, Any]:
    """What is asked of 4-bit beside bf16: at most 0.35 of the weights' memory, and 98 % of the labels."""
    found: dict[str, Any] = {}
    weights = {row["precision"]: row["weights_megabytes"] for row in record.get("speed") or []}
    labels = {row["precision"]: row["label_agreement"] for row in record.get("agreement") or []}
    if {"bf16", "nf4"} <= weights.keys():
        found["weights_over_bf16"] = round(weights["nf4"] / weights["bf16"], 3)
    if "nf4" in labels:
        found["label_agreement"] = labels["nf4"]
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure and save; 1 when a section failed, 2 without a card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", default="1b", choices=("1b", "3b"), help="parameters of the synthetic model")
    parser.add_argument("--toy", action="store_true", help="everything in small, to see that it runs")
    parser.add_argument("--output", type=Path, help="default assets/results/gpu/CARD.json")
    options = parser.parse_args(arguments)

    import torch
    from gpu.sections import SHAPES, TOY, Sizes, agreement, closed_loop, scoring, speed, synthetic

    from core.models.devices import choose_device
    from core.run_record import command, commit, write_record

    device = choose_device(options.device)
    if device.type != "cuda" and not options.toy:
        print("No GPU is seen here; --toy runs everything in small on the CPU.", file=sys.stderr)
        return 2
    sizes = TOY if options.toy else Sizes(SHAPES[options.size])
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    record: dict[str, Any] = {
        "command": command(),
        "commit": commit(),
        "card": card,
        "machine": {"python": platform.python_version(), "torch": torch.__version__, "cores": os.cpu_count()},
        "sizes": "toy" if options.toy else options.size,
    }
    took: dict[str, float] = {}
    failed: dict[str, str] = {}

    def section(name: str, work: Callable[[], Any]) -> None:
        began = time.perf_counter()
        try:
            record[name] = work()
        except Exception as error:
            traceback.print_exc()
            failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
        took[name] = round(time.perf_counter() - began, 1)
        print(f"{name}: {took[name]} s {record.get(name, failed.get(name))}", flush=True)

    section("agreement", lambda: agreement(device, sizes))
    try:
        with synthetic(sizes, device) as folder:
            section("speed", lambda: speed(folder, device, sizes))
            section("scoring", lambda: scoring(folder, device, sizes))
    except Exception as error:
        failed["synthetic"] = f"{type(error).__name__}: {error}"
    section("closed_loop", lambda: closed_loop(device, sizes))
    record |= {"bars": bars(record), "section_seconds": took, "failed": failed}
    name = re.sub(r"[^a-z0-9]+", "-", card.lower()).strip("-")
    path = options.output or ROOT / "assets" / "results" / "gpu" / f"{name}.json"
    write_record(path, record)
    print(f"{path}: {record['bars']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
