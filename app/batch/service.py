"""Asks a batch of queries in the background, ten at a time, so that visitors of Explore wait for ten at most; stopped, it can go on.

A finished batch is an ordinary evaluation record (``core.evaluation``), with ``queries.jsonl`` for its texts. Without gold labels it is a
record of the kind "batch": nothing in it is scored.
"""

import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from app.batch.queries import MOST, read_queries
from app.explore.form import AUTO, Form, bounded
from app.explore.service import ExploreService
from core.data.tasks import Task
from core.errors import CoreError, InvalidConfig, InvalidData
from core.evaluation import EvaluationConfig, evaluate, fitting, identity, record, runs_of, save, summary
from core.evaluation.config import Run
from core.evaluation.passes import Pass, Passes
from core.evaluation.record import ITEMS, PARTS, QUERIES, RECORD, save_queries, saved_queries
from core.inference.predictor import Predictor
from core.progress import Progress
from core.records import Example
from core.run_record import write_whole
from core.scoring.calibration import batch as batch_calibrated

FORM = "form.json"
TOGETHER = 10  # queries between which other visitors have their turn
MOST_STRATEGIES = 4
MOST_OF_STRANGERS = 50  # queries, where strangers come
MOST_STORED = 20  # batches of strangers; the oldest go


class Stopped(Exception):
    """The batch was asked to end."""


@dataclass(frozen=True)
class BatchForm:
    """What is asked of every query."""

    task: str = "topic"
    strategies: tuple[str, ...] = ("zero-shot", "knn", "agl")
    k: int = 4
    model: str = Form("").model
    seed: int = 0

    def explore(self, example: Example) -> Form:
        """The question of one query, to be asked in Explore under the last strategies of the batch."""
        return Form(
            example.text,
            example.language,
            self.task,
            (example.language,),
            self.strategies[::-1][:2],
            self.k,
            model=self.model,
            seed=self.seed,
        )


@dataclass(frozen=True)
class BatchState:
    """Where a batch stands."""

    name: str
    share: float = 0.0  # done, in [0, 1]
    stage: str = ""
    going: bool = True
    seconds_left: float | None = None
    error: str = ""


@dataclass
class Batch:
    """A batch on disk."""

    name: str
    form: BatchForm
    queries: list[Example]
    items: pd.DataFrame | None = None  # None until it is finished

    @property
    def labelled(self) -> bool:
        """Whether its queries have gold labels."""
        return bool(self.queries) and bool(self.queries[0].label)


@dataclass
class BatchService:
    """One batch at a time."""

    explore: ExploreService
    tasks: dict[str, Task]
    folder: Path  # of evaluation records; where strangers come, one that no list shows
    strangers: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _state: BatchState | None = None
    _thread: threading.Thread | None = None

    @property
    def state(self) -> BatchState | None:
        """Of the batch that goes on, or of the last one; None before the first."""
        return self._state

    def start(self, form: BatchForm, pasted: str, code: str) -> str:
        """Begin a batch; its name. Raises ``CoreError`` for what cannot be asked, and while another goes on."""
        form = self._checked(form)
        task = self.tasks[form.task]
        queries = read_queries(pasted, task, code, MOST_OF_STRANGERS if self.strangers else MOST)
        with self._lock:
            self._refuse_a_second()
            self._forget_old()
            name = self._free_name()
            (self.folder / name).mkdir(parents=True)
            write_whole(self.folder / name / FORM, lambda path: path.write_text(json.dumps(asdict(form))))
            save_queries(self.folder / name, queries)
            self._begin(Batch(name, form, queries))
        return name

    def go_on(self, name: str) -> None:
        """Go on with a batch that was stopped. Raises ``CoreError``."""
        batch = self.read(name)
        if batch.items is not None:
            raise InvalidConfig(f"The batch {name!r} is finished; start another one.")
        with self._lock:
            self._refuse_a_second()
            self._begin(batch)

    def stop(self) -> None:
        """Ask the batch to end; what is answered is kept."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> None:
        """Until the batch has ended, at most ``seconds``."""
        if self._thread is not None:
            self._thread.join(seconds)

    def read(self, name: str) -> Batch:
        """A batch by name. Raises ``InvalidData`` for one that is not there."""
        path = self.folder / name
        if not name.replace("-", "").isalnum() or not (path / FORM).is_file():
            raise InvalidData(f"There is no batch {name[:40]!r}; start one.")
        values = json.loads((path / FORM).read_text(encoding="utf-8"))
        form = BatchForm(**values | {"strategies": tuple(values["strategies"])})
        queries = saved_queries(path)
        items = pd.read_parquet(path / ITEMS) if (path / RECORD).is_file() else None
        return Batch(name, form, queries, items)

    def _checked(self, form: BatchForm) -> BatchForm:
        if form.task not in self.tasks or not self.tasks[form.task].is_closed:
            raise InvalidConfig(f"The task is {form.task[:40]!r}; a batch asks tasks with labels.")
        if self.explore.models.needs_gpu(form.model):
            raise InvalidConfig("A batch is not asked on a GPU that is lent by the question; choose another model.")
        strategies = tuple(dict.fromkeys(form.strategies))
        if not 1 <= len(strategies) <= MOST_STRATEGIES:
            raise InvalidConfig(f"{len(strategies)} strategies are chosen; a batch has 1 to {MOST_STRATEGIES}.")
        bounded(Form("x", k=form.k, model=form.model, seed=form.seed))
        EvaluationConfig(strategies, (form.k,), (form.seed,), None)
        return replace(form, strategies=strategies)

    def _refuse_a_second(self) -> None:
        if self._state is not None and self._state.going:
            raise InvalidConfig("A batch goes on here, and one runs at a time; wait for its end.")

    def _free_name(self) -> str:
        if self.strangers:
            return secrets.token_hex(12)  # known to whoever started it, and in no list
        taken = {path.name for path in self.folder.glob("batch-*")}
        return next(name for number in range(1, len(taken) + 2) if (name := f"batch-{number}") not in taken)

    def _forget_old(self) -> None:
        if self.strangers and self.folder.is_dir():
            oldest_last = sorted(self.folder.iterdir(), key=lambda path: -path.stat().st_mtime)
            for path in oldest_last[MOST_STORED - 1 :]:
                shutil.rmtree(path, ignore_errors=True)

    def _begin(self, batch: Batch) -> None:
        self._stop.clear()
        self._state = BatchState(batch.name)
        self._thread = threading.Thread(target=self._work, args=(batch,), name="batch", daemon=True)
        self._thread.start()

    def _work(self, batch: Batch) -> None:
        """The background thread: whatever goes wrong becomes a sentence."""
        error = ""
        try:
            self._run(batch)
        except Stopped:
            pass
        except CoreError as caught:
            error = str(caught)
        except Exception as caught:
            logging.getLogger(__name__).exception("the batch %s ended", batch.name)
            error = f"The batch ended early ({type(caught).__name__}); what is answered is kept, and it can go on."
        assert self._state is not None
        self._state = replace(self._state, going=False, error=error, seconds_left=None)

    def _run(self, batch: Batch) -> None:
        began, form = time.perf_counter(), batch.form
        predictor = self.explore.predictor(Form("x", task=form.task, model=form.model, calibration=AUTO))
        config = EvaluationConfig(form.strategies, (form.k,), (form.seed,), None)
        queries, left_out = fitting(predictor, batch.queries, config)
        folder = self.folder / batch.name
        passes = Passes(
            folder / PARTS, identity(predictor, config, queries), self._report(began), "start another batch"
        )
        items = self._answered(predictor, queries, config, passes, f"{form.model}|")
        facts = {**passes.facts, "left_out": dict(left_out), "prompt": predictor.settings.prompt.variant}
        facts |= {"calibration": predictor.settings.calibration, "queries": QUERIES}
        table = summary(items, predictor.task.labels)
        entry = record(predictor, config, table, time.perf_counter() - began, facts)
        if not batch.labelled:
            entry |= {"kind": "batch", "title": "Answers to unlabelled queries", "results": []}
        save(folder, items, entry)

    def _answered(
        self, predictor: Predictor, queries: Sequence[Example], config: EvaluationConfig, passes: Passes, line: str
    ) -> pd.DataFrame:
        """All rows, strategy by strategy; batch calibration is done anew over all queries of a language."""

        def make(run: Run, part: Sequence[Example], _: Progress) -> pd.DataFrame:
            if self._stop.is_set():
                raise Stopped
            with self.explore.turns.join(line) as turn:
                for _ahead in turn.wait():
                    if self._stop.is_set():
                        raise Stopped
                own = replace(config, strategies=(run.strategy,), k=(run.k,))
                return evaluate(predictor, part, own)

        parts = [
            Pass(f"{run.name}-{start:03d}", partial(make, run, queries[start : start + TOGETHER]))
            for run in runs_of(config)
            for start in range(0, len(queries), TOGETHER)
        ]
        return with_batch_calibration(pd.concat(passes.tables(parts), ignore_index=True), predictor.task.labels)

    def _report(self, began: float) -> Callable[[float, str], None]:
        def report(share: float, stage: str = "") -> None:
            if self._state is not None:
                left = (time.perf_counter() - began) * (1 - share) / share if share > 0.02 else None
                self._state = replace(self._state, share=share, stage=stage.rsplit("-", 3)[0], seconds_left=left)

        return report


def with_batch_calibration(items: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """``prediction_batch`` by batch calibration over all queries of a strategy and language, as an undivided pass would have it."""
    predictions: dict[Any, str] = {}
    for _, rows in items.groupby(["strategy", "k", "seed", "language"], sort=False):
        if len(rows) < 2:
            continue
        scores = np.array([json.loads(text) for text in rows["log_probs"]], dtype=float)
        for index, row in zip(rows.index, batch_calibrated(scores), strict=True):
            predictions[index] = labels[int(row.argmax())]
    return items.assign(prediction_batch=[predictions.get(i, old) for i, old in items["prediction_batch"].items()])
