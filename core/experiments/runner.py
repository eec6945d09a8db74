"""Closed-loop runs of an experiment: trained once, evaluated once, and the model before training beside them.

What every experiment ends in: one record with its tables and figures, and the tables as lines of text.

The work folder of an experiment: a finished pass is never made again, whatever ends the process.

A pass is one table. It is written beside its place and moved there in one step, so a file that is there is whole. ``work.json`` says
which settings, model and data the passes belong to; others are refused, so that one record never mixes two experiments.

Comparisons of an experiment's systems, paired by item, as rows and sentences of its record.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.pool import Pool
from core.data.tasks import Task
from core.errors import InvalidConfig
from core.evaluation import EvaluationConfig, evaluate
from core.metrics import macro_f1
from core.models.engine import Engine
from core.models.loading import ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.models.trained_run import MANIFEST
from core.records import Example
from core.run_record import command, commit, model_facts
from core.statistics.comparisons import Comparison, Scores, compare_all
from core.statistics.values import Interval
from core.training.config import FitConfig
from core.training.run import fit, prepare
from core.workbench import Workbench

Row = dict[str, Any]
SHARE, POINTS, P = "%", "points", "p"


def facts(
    kind: str,
    title: str,
    model: Engine,
    config: dict[str, Any],
    data: dict[str, Sequence[Example]],
    seconds: float,
) -> dict[str, Any]:
    """The fields that come first in a record: what was run, on what, with what. ``data`` names examples by their part."""
    return {
        "kind": kind,
        "title": title,
        "command": command(),
        "commit": commit(),
        "model": model_facts(model),
        "config": config,
        **{
            name: {
                "examples": len(examples),
                "items": len({example.item for example in examples}),
                "languages": sorted({example.language for example in examples}),
            }
            for name, examples in data.items()
        },
        "seconds": round(seconds, 1),
    }


def printed(entry: dict[str, Any], only: Sequence[str] = ()) -> str:
    """Findings and tables of a record as text; ``only`` names the tables to print, by default all."""
    units = entry.get("units", {})
    parts = list(entry.get("findings", []))
    for name, rows in entry["tables"].items():
        if rows and (not only or name in only):
            wide = pd.DataFrame(
                [{column: _text(cell, units.get(column, "")) for column, cell in r.items()} for r in rows]
            )
            parts.append(f"{name}\n{wide.fillna('-').to_string(index=False)}")
    return "\n\n".join(parts)


def _text(cell: Any, unit: str) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, list):
        value, low, high = (_text(part, unit) for part in cell)
        return f"{value} [{low}, {high}]"
    if isinstance(cell, bool | str | int):
        return str(cell)
    if unit == SHARE:
        return f"{100 * cell:.1f}"
    if unit == POINTS:
        return f"{100 * cell:+.1f}"
    return f"{cell:.4f}" if unit == P else f"{cell:.3f}"


Tell = Callable[[float, str], None]  # share of the work that is done, in [0, 1], and what is being done


def silent(_share: float, _stage: str) -> None:
    """Tells nobody."""


class Work:
    """Finished passes in a folder, and how much is left."""

    def __init__(self, folder: Path, identity: dict[str, Any], tell: Tell = silent) -> None:
        """Take the folder for what ``identity`` names. Raises ``InvalidConfig`` when it holds passes of something else."""
        self.folder, self._tell = folder, tell
        self._left, self._made = 1, 0
        self._claim(json.loads(json.dumps(identity)))

    def expect(self, names: Sequence[str]) -> None:
        """Name all passes to come, so that progress is told as a share of those that are not finished yet."""
        self._left, self._made = max(1, sum(not self._path(name).is_file() for name in set(names))), 0

    def has(self, name: str) -> bool:
        """Whether a pass is finished."""
        return self._path(name).is_file()

    def table(self, name: str, make: Callable[[Tell], pd.DataFrame]) -> pd.DataFrame:
        """The table of a pass: read where it is finished, else made; ``make`` is given a way to tell its progress."""
        path = self._path(name)
        if not path.is_file():

            def tell(share: float, _stage: str = "") -> None:
                self._tell(min(1.0, (self._made + share) / self._left), name)

            tell(0.0)
            partial = path.with_suffix(".partial")
            path.parent.mkdir(parents=True, exist_ok=True)
            make(tell).to_parquet(partial, index=False)
            partial.replace(path)
            self._made += 1
            tell(0.0)
        return pd.read_parquet(path)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '-')}.parquet"

    def _claim(self, identity: dict[str, Any]) -> None:
        path = self.folder / "work.json"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(identity, indent=1), encoding="utf-8")
            partial.replace(path)
            return
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InvalidConfig(f"{path} is damaged ({error}); remove the folder, or name another --work.") from error
        if known != identity:
            name, there, here = _first_difference(known, identity)
            raise InvalidConfig(
                f"{self.folder} holds passes of another experiment: {name} is {there} there and {here} here; name another --work, or "
                "remove the folder."
            )


def _first_difference(there: Any, here: Any, name: str = "") -> tuple[str, Any, Any]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted({*there, *here}):
            if there.get(key) != here.get(key):
                return _first_difference(there.get(key), here.get(key), f"{name}.{key}" if name else key)
    return name or "content", there, here


def right(items: pd.DataFrame) -> "pd.Series[float]":
    """Share of seeds under which each query was answered right, by language and item; from the table of ``evaluate``.

    So a strategy without chance in it and one with three seeds are compared on the same footing.
    """
    hits = (items["gold"] == items["prediction"]).astype(float)
    return hits.groupby([items["language"], items["item"].astype(str)]).mean()


def mean_macro_f1(items: pd.DataFrame, labels: Sequence[str]) -> float:
    """Macro-F1, mean over languages; the answers of all seeds count as answers of one system."""
    parts = items.groupby("language")
    return sum(macro_f1(rows["gold"].tolist(), rows["prediction"].tolist(), labels) for _, rows in parts) / len(parts)


def cell(found: Interval) -> list[float]:
    """Value, low, high as a record holds them."""
    return [round(found.value, 4), round(found.low, 4), round(found.high, 4)]


def all_pairs(systems: Scores) -> list[Comparison]:
    """Every system minus every earlier one, corrected together."""
    return compare_all(systems, [(later, earlier) for earlier, later in combinations(systems, 2)])


def comparison_rows(found: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Rows of a record's table."""
    return [
        {
            "first": one.first,
            "second": one.second,
            "first minus second": cell(one.difference),
            "p": round(one.p, 5),
            "p (Holm)": round(one.p_holm, 5),
            "items": one.items,
        }
        for one in found
    ]


def finding(one: Comparison, measure: str = "accuracy") -> str:
    """A comparison as a sentence."""
    points, low, high = (100 * value for value in (one.difference.value, one.difference.low, one.difference.high))
    said = "differ significantly" if one.significant else "do not differ significantly"
    return (
        f"{one.first} and {one.second} {said} in {measure}: {points:+.1f} points [{low:+.1f}, {high:+.1f}], "
        f"p = {one.p_holm:.4f} after Holm's correction, {one.items} items."
    )


Told = Callable[[int, dict[str, Any]], None]  # iteration and its line of the log


@dataclass(frozen=True)
class Material:
    """What all runs of an experiment share."""

    base: ModelConfig
    task: Task
    pool: Sequence[Example]  # learnt from and chosen from
    queries: Sequence[Example]  # only evaluated on


def train(settings: FitConfig, material: Material, place: Path, tell: Told) -> None:
    """Run the loop unless it has been run, or go on with it; checkpoints are dropped once it is done.

    Vectors of the model before training are the same in all runs beside each other, so they are handed from one to the next.
    """
    if (place / MANIFEST).is_file():
        return
    known = place.parent / "before.npz"
    if known.is_file():
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(known, place / "before.npz")
    loop = prepare(settings, load_model(material.base), SentenceEncoder(), material.task, material.pool, None, place)
    fit(loop, "file", tell)
    shutil.rmtree(place / "checkpoints", ignore_errors=True)
    (place / "before.npz").replace(known)


def evaluated(
    material: Material, asked: EvaluationConfig, run: Path | None, tell: Callable[[float, str], None] | None = None
) -> pd.DataFrame:
    """Item-level answers of the model before training (``run`` None), or as a run left it, good or bad: it never falls back."""
    config = material.base if run is None else replace(material.base, run=str(run), fall_back=False)
    task = material.task
    bench = Workbench(load_model(config), SentenceEncoder(), pools={task.name: Pool(tuple(material.pool))})
    return evaluate(bench.predictor(task.name), material.queries, asked, tell)
