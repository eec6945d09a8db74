"""Memory of the app with the default model, by precision. ``make bench`` runs it.

A process of its own for each: the app's services and page are built as at a start, the model is loaded, and one question is asked that
was not asked before (six languages, two strategies, K = 4). Resident memory after each step, 10^6 bytes, with the highest that it ever
was; ``weights``: bytes of the model's parameters and buffers. The pool's vectors are read from the cache, as after the first start.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measuring import circumstances

from core.models.catalogue import GEMMA
from core.models.devices import Memory
from core.run_record import write_record

ROOT = Path(__file__).resolve().parents[2]
PRECISIONS = ("bf16", "nf4", "fp32")
LANGUAGES = ("swh_Latn", "eng_Latn", "arb_Arab", "zho_Hans", "fra_Latn", "hin_Deva")


def resident() -> int:
    """10^6 bytes now."""
    return round(Memory.now().process)


def measured(model: str, precision: str, cache: Path) -> dict[str, Any]:
    """In this process: what is resident after each step."""
    from app.explore.form import Form
    from app.page import build_app
    from app.services import open_services
    from core.workbench import bundled_examples

    with tempfile.TemporaryDirectory() as folder:
        services = open_services(Path(folder), cache=cache)
        page = build_app(services)
        row: dict[str, Any] = {"page": resident()}
        text = next(e.text for e in bundled_examples("topic") if e.language == "hau_Latn")
        form = Form(text, "hau_Latn", "topic", LANGUAGES, ("agl", "knn"), 4, model=model, precision=precision)  # type: ignore[arg-type]
        workbench = services.explore.models.open(form.model, form.precision, form.run)
        row |= {"model_loaded": resident(), "weights": round(workbench.model.megabytes)}
        *_, last = services.explore.ask(form)
        assert last.finished
        assert [len(prediction.answers) for prediction in last.predictions] == [len(LANGUAGES)] * 2
        row["answered"] = resident()
        page.close()
        services.close()
    return row | {"highest": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)}


def in_a_process(model: str, precision: str, cache: Path) -> dict[str, Any]:
    """``measured`` in a process of its own. Raises ``RuntimeError`` with what it wrote."""
    command = [sys.executable, __file__, "--one", precision, "--model", model, "--cache", str(cache)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"precision": precision} | result


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "assets" / "results" / "memory.json")
    parser.add_argument("--model", default=GEMMA)
    parser.add_argument("--precisions", default=",".join(PRECISIONS), help="with commas")
    parser.add_argument("--cache", type=Path, default=ROOT / "data" / "cache", help="of the pool's vectors")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)  # the precision that a process measures
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.model, options.one, options.cache)))
        return
    record = circumstances() | {"model": options.model, "unit": "10^6 bytes, resident", "languages": len(LANGUAGES)}
    record["memory"] = []
    for precision in options.precisions.split(","):
        record["memory"].append(in_a_process(options.model, precision, options.cache))
        print(record["memory"][-1], flush=True)
    write_record(options.output, record)


if __name__ == "__main__":
    main()
