"""What all experiments share: passes are made, compared and written down by one runner.

An experiment is a description: which passes it makes (named tables, see ``core.evaluation.passes``) and what it concludes from them. The
runner keeps finished passes in a work folder, goes on after a kill, and puts facts and conclusions into one record.

Also here: closed-loop runs that are trained once and evaluated as they are, and the model before training beside them.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.pool import Pool
from core.data.tasks import Task
from core.evaluation import EvaluationConfig, evaluate, runs_of
from core.evaluation.passes import Pass, Passes
from core.inference.predictor import Predictor
from core.metrics import macro_f1
from core.models.engine import Engine
from core.models.loading import ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.models.trained_run import MANIFEST
from core.progress import Progress, silent
from core.records import Example
from core.report.cells import POINTS, PROBABILITY, heading, written
from core.report.document import Figure, table_of
from core.report.schema import figures_entry
from core.run_record import command, commit, model_facts
from core.statistics.comparisons import Comparison, Scores, compare_all
from core.statistics.values import Interval
from core.training.bank.loop import BankLoop
from core.training.bank.store import banks_in
from core.training.config import FitConfig
from core.training.run import data_key, fit, prepare
from core.workbench import Workbench

Row = dict[str, Any]
COMPARED = {"first minus second": POINTS, "p": PROBABILITY, "p (Holm)": PROBABILITY}  # units of ``comparison_rows``


@dataclass(frozen=True)
class Results:
    """What an experiment concludes from its passes, as its record and its report show it."""

    findings: Sequence[str]
    tables: Mapping[str, Sequence[Row]]
    units: Mapping[str, str]  # by column
    figures: Mapping[str, Figure]
    more: Mapping[str, Any] = field(default_factory=dict)  # fields of its own

    @property
    def entry(self) -> Row:
        """Its fields of a record."""
        figures = figures_entry(self.figures, self.tables)
        tables = {name: list(rows) for name, rows in self.tables.items()}
        return {
            "findings": list(self.findings),
            "tables": tables,
            "units": dict(self.units),
            "figures": figures,
            **self.more,
        }


@dataclass(frozen=True)
class Experiment:
    """What is done, and what follows from it."""

    kind: str  # see ``core.report.schema``
    title: str
    config: Any  # a dataclass
    models: Sequence[Engine]  # the first stands for the record
    data: Mapping[str, Sequence[Example]]  # by what it is: "pool", "queries"
    settings: Mapping[str, Any]  # what passes depend on, besides models and data
    passes: Sequence[Pass]
    conclude: Callable[[dict[str, pd.DataFrame]], Results]  # from the tables by the name of their pass
    facts: Mapping[str, Any] = field(default_factory=dict)  # more fields of the record: task, seeds, items

    def run(self, folder: Path, progress: Progress = silent) -> Row:
        """Make what is not made yet, and conclude; the record. Raises ``InvalidConfig`` where ``folder`` is another experiment's."""
        began = time.perf_counter()
        identity = {"models": [model_facts(model) for model in self.models], **self.settings}
        identity["data"] = {name: data_key(examples) for name, examples in self.data.items()}
        passes = Passes(folder, identity, progress)
        tables = passes.tables(self.passes)
        results = self.conclude({one.name: table for one, table in zip(self.passes, tables, strict=True)})
        return {
            **record_facts(self.kind, self.title, self.models[0], self.config, self.data),
            **self.facts,
            **results.entry,
            "seconds": round(time.perf_counter() - began, 1),
        }


def record_facts(kind: str, title: str, model: Engine, config: Any, data: Mapping[str, Sequence[Example]]) -> Row:
    """The fields that come first in a record: what was run, with what, on what."""
    return {
        "kind": kind,
        "title": title,
        "command": command(),
        "commit": commit(),
        "model": model_facts(model),
        "config": asdict(config),
        **{name: _described(examples) for name, examples in data.items()},
    }


def evaluation_passes(
    predictor: Predictor, queries: Sequence[Example], config: EvaluationConfig, prefix: str = ""
) -> list[Pass]:
    """A pass for every strategy, number of demonstrations and seed; they are in the order of ``runs_of``."""
    singles = [(run.name, EvaluationConfig((run.strategy,), (run.k,), (run.seed,), None)) for run in runs_of(config)]
    return [Pass(f"{prefix}{name}", partial(evaluate, predictor, queries, single)) for name, single in singles]


def _described(examples: Sequence[Example]) -> Row:
    return {
        "examples": len(examples),
        "items": len({example.item for example in examples}),
        "languages": sorted({example.language for example in examples}),
    }


def printed(entry: Row, only: Sequence[str] = ()) -> str:
    """Findings and tables of a record as text; ``only`` names the tables to print, by default all."""
    units = entry.get("units", {})
    parts = list(entry.get("findings", []))
    for name, rows in entry["tables"].items():
        if rows and (not only or name in only):
            table = table_of(name, rows, units)
            heads = [heading(column, units.get(column, "")) for column in table.columns]
            cells = [
                [written(cell, units.get(column, "")) for column, cell in zip(table.columns, row, strict=True)]
                for row in table.rows
            ]
            parts.append(f"{name}\n{pd.DataFrame(cells, columns=heads).to_string(index=False)}")
    return "\n\n".join(parts)


def right_answers(items: pd.DataFrame, strategy: str = "") -> "pd.Series[float]":
    """Share of seeds under which each query was answered right, by language and item; from the table of ``evaluate``.

    So a strategy without chance in it and one with three seeds are compared on the same footing. ``strategy``: of its rows alone.
    """
    rows = items[items["strategy"] == strategy] if strategy else items
    hits = (rows["gold"] == rows["prediction"]).astype(float)
    return hits.groupby([rows["language"], rows["item"].astype(str)]).mean()


def mean_macro_f1(items: pd.DataFrame, labels: Sequence[str], strategy: str = "") -> float:
    """Macro-F1, mean over languages; the answers of all seeds count as answers of one system."""
    rows = items[items["strategy"] == strategy] if strategy else items
    parts = rows.groupby("language")
    return sum(macro_f1(part["gold"].tolist(), part["prediction"].tolist(), labels) for _, part in parts) / len(parts)


def cell(interval: Interval) -> list[float]:
    """Value, low, high as a record holds them."""
    return [round(interval.value, 4), round(interval.low, 4), round(interval.high, 4)]


def all_pairs(systems: Scores) -> list[Comparison]:
    """Every system minus every earlier one, corrected together."""
    return compare_all(systems, [(later, earlier) for earlier, later in combinations(systems, 2)])


def comparison_rows(comparisons: Sequence[Comparison]) -> list[Row]:
    """Rows of a record's table, with the units ``COMPARED``."""
    return [
        {
            "first": one.first,
            "second": one.second,
            "first minus second": cell(one.difference),
            "p": round(one.p, 5),
            "p (Holm)": round(one.p_holm, 5),
            "items": one.items,
        }
        for one in comparisons
    ]


def finding(one: Comparison, measure: str = "accuracy") -> str:
    """A comparison as a sentence."""
    points, low, high = (100 * value for value in (one.difference.value, one.difference.low, one.difference.high))
    verb = "differ significantly" if one.significant else "do not differ significantly"
    return (
        f"{one.first} and {one.second} {verb} in {measure}: {points:+.1f} points [{low:+.1f}, {high:+.1f}], "
        f"p = {one.p_holm:.4f} after Holm's correction, {one.items} items."
    )


def findings(comparisons: Sequence[Comparison], measure: str = "accuracy") -> list[str]:
    """All comparisons as sentences, what differs first."""
    return [finding(one, measure) for one in sorted(comparisons, key=lambda one: not one.significant)]


@dataclass(frozen=True)
class Material:
    """What all closed-loop runs of an experiment share."""

    base: ModelConfig
    task: Task
    pool: Sequence[Example]  # learnt from and chosen from
    queries: Sequence[Example]  # only evaluated on
    banks: tuple[Path, ...] = ()  # score banks of this model, what they hold is not computed again


UNTRAINED = "untrained"  # the pass of the model before training
UNTRAINED_VECTORS = "before.npz"  # as the loop calls the vectors of the model before training


def untrained_pass(material: Material, config: EvaluationConfig) -> Pass:
    """The model before training, evaluated."""
    return Pass(UNTRAINED, partial(_evaluated, material, config, None))


def trained_pass(material: Material, config: EvaluationConfig, settings: FitConfig, folder: Path) -> Pass:
    """A closed-loop run in ``folder``, trained and evaluated; training counts as nine tenths of the pass."""

    def make(progress: Progress) -> pd.DataFrame:
        def trained(iteration: int, line: Row) -> None:
            measured = ", ".join(f"{name} {value:.3f}" for name, value in line.get("development", {}).items())
            stage = f"{folder.name}, iteration {iteration}" + (f": {measured}" if measured else "")
            progress(0.9 * iteration / settings.optim.iterations, stage)

        train(settings, material, folder, trained)
        return _evaluated(material, config, folder, lambda share, stage: progress(0.9 + 0.1 * share, stage))

    return Pass(f"{folder.name}/items", make)


def train(settings: FitConfig, material: Material, folder: Path, log: Callable[[int, Row], None]) -> None:
    """Run the loop unless it has been run, or go on with it; checkpoints are dropped once it is done.

    Vectors of the model before training are the same in all runs beside each other, so they are handed from one to the next, and so are
    the scores of a bank.
    """
    if (folder / MANIFEST).is_file():
        return
    shared, own = folder.parent / UNTRAINED_VECTORS, folder / UNTRAINED_VECTORS
    if shared.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(shared, own)
    loop = prepare(settings, load_model(material.base), SentenceEncoder(), material.task, material.pool, None, folder)
    if isinstance(loop, BankLoop):
        beside = [bank for bank in banks_in(folder.parent) if bank.parent != folder]
        loop.lenders = (*beside, *material.banks)
    fit(loop, "file", log)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    own.replace(shared)


def _evaluated(material: Material, config: EvaluationConfig, run: Path | None, progress: Progress) -> pd.DataFrame:
    """Item-level answers of the model before training (``run`` None), or as a run left it, good or bad: it never falls back."""
    model = material.base if run is None else replace(material.base, run=str(run), fall_back=False)
    task = material.task
    workbench = Workbench(load_model(model), SentenceEncoder(), pools={task.name: Pool(tuple(material.pool))})
    return evaluate(workbench.predictor(task.name), material.queries, config, progress)
