"""A finished run as a folder to pass on: what inference takes up and the log, without sentences of the corpus and without caches.

A run's folder holds scores of the bank, vectors, checkpoints, and in its log the texts of queries and demonstrations. None of that is
needed to answer with what was learnt, and a corpus may not allow its sentences to be passed on. Examples that the model wrote stay.
"""

import json
import shutil
from pathlib import Path

from core.errors import InvalidConfig
from core.models.adapters import forget_base_folder, write_notice
from core.models.catalogue import GEMMA, cards
from core.models.trained_run import ADAPTER, MANIFEST, POLICY, WEIGHTS, read_trained
from core.report.reading import read_record
from core.run_record import require_writable, write_record
from core.training.representation import FILE as REPRESENTATION
from core.training.run_log import RunLog

LOG = "log.jsonl"
COMPARISON = "comparison.json"  # how the run does on queries that nothing was learnt from: command, items, findings


def publish(run: Path, output: Path, comparison: Path | None = None) -> int:
    """Copy what may be passed on of ``run`` into the new folder ``output``; its size in bytes.

    ``comparison``: folder of a record of ``train.py compare``, whose findings go along.

    Raises ``ModelUnavailable`` for a folder without a finished run, ``InvalidConfig`` where ``output`` is there or all weights were
    trained, ``OutputUnwritable`` where nothing can be written.
    """
    trained = read_trained(run)
    if output.exists():
        raise InvalidConfig(f"{output} is there already; name a folder that is not.")
    if (run / WEIGHTS).is_dir():
        raise InvalidConfig(
            f"{run} trained all weights of its model, which are hundreds of megabytes; pass on a run with an adapter or a policy."
        )
    entry = read_record(comparison).entry if comparison else {}
    if comparison and not entry.get("findings"):
        raise InvalidConfig(f"{comparison} holds no findings; name a record of train.py compare.")
    require_writable(output.parent)
    output.mkdir(parents=True)
    for name in (POLICY, REPRESENTATION):
        if (run / name).is_file():
            shutil.copyfile(run / name, output / name)
    if (run / ADAPTER).is_dir():
        shutil.copytree(run / ADAPTER, output / ADAPTER)
        forget_base_folder(output / ADAPTER)
    lines = [{key: value for key, value in line.items() if key != "choices"} for line in RunLog(run / LOG).lines()]
    (output / LOG).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    if trained.manifest["model"].get("licence") == cards()[GEMMA].licence:
        write_notice(output, cards()[GEMMA].title)
    if entry:
        write_record(
            output / COMPARISON, {key: entry[key] for key in ("command", "commit", "items", "findings") if key in entry}
        )
    shutil.copyfile(run / MANIFEST, output / MANIFEST)
    return sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
