"""What the Train tab does, without gradio: one closed-loop run at a time in the background, and the runs a folder holds.

The loop itself is ``core.training``. A run learns on a copy of the embedded model of its own, so Explore's stays as it is.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.train.runs import PLAIN, SETTINGS, SHIPPED, Run, read_json, read_run, run_folder, run_folders
from core.config import build, read_config
from core.data.tasks import load_tasks
from core.errors import CoreError, InvalidConfig, InvalidData
from core.models.loading import ASSETS, ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.models.trained_run import MANIFEST, POLICY, finished_runs
from core.training.config import FitConfig
from core.workbench import POOL_OF_TASK, bundled_examples

if TYPE_CHECKING:  # the loop brings accelerate along, which the start of the app need not wait for
    from core.training.trainer import Loop

SHORT = ASSETS / "configs" / "fit_short.toml"
MOST_ITERATIONS = 200


@dataclass(frozen=True)
class RunForm:
    """What a person chose; everything else is in ``fit_short.toml``."""

    name: str = ""  # empty: the next free one
    mode: str = "supervised"
    trained: str = "lora"
    alpha: float = 1.0
    beta: float = 0.2
    seed: int = 0
    iterations: int = 20
    languages: tuple[str, ...] = ()  # of the queries; empty: those of fit_short.toml


@dataclass(frozen=True)
class Progress:
    """Where the run that goes on stands, or how the last one ended."""

    run: str
    stage: str = "train.step_load"  # key of the interface texts
    done: int = 0  # iterations
    total: int = 0
    share: float = 0.02  # done, in [0, 1]
    seconds_left: float | None = None  # by the last iterations; None before the first
    going: bool = True
    error: str = ""  # one sentence


class Seconds:
    """How long iterations took, and what that says of those to come."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, recent: int = 5) -> None:
        self._clock, self._recent, self._last = clock, recent, clock()
        self._took: list[float] = []

    def begin(self) -> None:
        """What was before this moment counts for nothing."""
        self._last = self._clock()

    def left(self, iterations: int, counts: bool) -> float | None:
        """Seconds that so many more take at the mean of the last ones; None before the first that ``counts``."""
        now = self._clock()
        if counts:
            self._took = [*self._took, now - self._last][-self._recent :]
        self._last = now
        return iterations * sum(self._took) / len(self._took) if self._took else None


LoopMaker = Callable[[FitConfig, Path, list[str], Callable[[str], None]], "Loop"]


def embedded_loop(config: FitConfig, folder: Path, languages: list[str], report: Callable[[str], None]) -> "Loop":
    """A run on the embedded model; its pool are the bundled sentences in ``languages``."""
    from core.training.run import prepare

    task = load_tasks(ASSETS)[config.task]
    pool = [example for example in bundled_examples(POOL_OF_TASK[config.task]) if example.language in languages]
    return prepare(
        config, load_model(ModelConfig("embedded")), SentenceEncoder(), task, pool, None, folder, report=report
    )


class TrainingService:
    """Starts, stops and reads runs."""

    def __init__(self, folder: Path, make: LoopMaker = embedded_loop, short: Path = SHORT, shipped: Path = SHIPPED):
        """``folder`` holds a folder for each run and need not exist; ``make`` builds a run; ``shipped`` holds runs of the app."""
        self.folder, self._make, self._short, self._shipped = folder, make, short, shipped
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._stopping = threading.Event()
        self._seconds = Seconds()
        self._loop: Loop | None = None
        self._thread: threading.Thread | None = None

    def defaults(self) -> FitConfig:
        """The settings that a short run begins with."""
        return read_config(self._short, FitConfig)

    def start(self, form: RunForm) -> str:
        """Start a run; its name. Raises ``InvalidConfig`` when one goes on, or for a form that cannot be used."""
        config = self._config(form)
        with self._lock:
            self._refuse_a_second()
            name = form.name or self._free_name()
            folder = run_folder(self.folder, name, self._shipped)
            if folder.exists():
                raise InvalidConfig(f"There is a run {name!r} already; open it from the list, or choose another name.")
            languages = sorted({*config.languages, *self.defaults().languages})
            self._save_settings(folder, {"config": asdict(config), "pool_languages": languages})
            self._begin(name, config, languages)
        return name

    def go_on(self, name: str) -> str:
        """Go on with a run that was stopped; its name. Raises ``InvalidConfig`` or ``InvalidData``."""
        folder = run_folder(self.folder, name, self._shipped)
        with self._lock:
            self._refuse_a_second()
            if (folder / MANIFEST).is_file():
                raise InvalidConfig(f"The run {name!r} is finished; start another one.")
            saved = read_json(folder / SETTINGS)
            if saved is None:
                raise InvalidData(f"The run {name!r} was not started here; go on with the command that began it.")
            config = build(FitConfig, saved["config"], str(folder / SETTINGS))
            self._begin(name, config, saved["pool_languages"], going_on=any((folder / "checkpoints").glob("step-*")))
        return name

    def stop(self) -> bool:
        """Ask the run to end after the iteration in progress; whether there is one."""
        self._stopping.set()
        progress = self._progress
        return progress is not None and progress.going

    def wait(self, seconds: float | None = None) -> None:
        """Until the run has ended, at most ``seconds``."""
        if self._thread is not None:
            self._thread.join(seconds)

    @property
    def progress(self) -> Progress | None:
        """Of the run that goes on, or of the last one; None before the first."""
        return self._progress

    @property
    def running(self) -> str:
        """Name of the run that goes on; empty when none does."""
        progress = self._progress
        return progress.run if progress is not None and progress.going else ""

    @property
    def stopping(self) -> bool:
        """Whether the run that goes on was asked to end."""
        return bool(self.running) and self._stopping.is_set()

    def runs(self) -> list[tuple[str, str]]:
        """Name and state of every run, a person's own first and newest first, then those that come with the app."""
        own = {path.name: self._state(path) for path in run_folders(self.folder)}
        return [*own.items(), *((path.name, "finished") for path in self._with_app() if path.name not in own)]

    def _with_app(self) -> list[Path]:
        return sorted(path for path in finished_runs(self._shipped) if PLAIN.fullmatch(path.name))

    def is_shipped(self, name: str) -> bool:
        """Whether a run of this name is one that comes with the app, and not a person's own."""
        return bool(PLAIN.fullmatch(name)) and run_folder(self.folder, name, self._shipped).parent == self._shipped

    def finished(self) -> list[str]:
        """Names of the runs that Explore can use, a person's own first and newest first."""
        folders = [*finished_runs(self.folder), *self._with_app()]
        usable = (path.name for path in folders if PLAIN.fullmatch(path.name) and (path / POLICY).is_file())
        return list(dict.fromkeys(usable))

    def read(self, name: str) -> Run:
        """A run by name. Raises ``InvalidConfig`` for a name that is not plain, ``InvalidData`` for a damaged log or no run."""
        folder, running = run_folder(self.folder, name, self._shipped), name == self.running
        loop = self._loop if running else None
        changes = None if loop is None else [asdict(change) for change in tuple(loop.pool.changes)]
        return read_run(name, folder, running, changes)

    def _config(self, form: RunForm) -> FitConfig:
        start = self.defaults()
        if not 1 <= form.iterations <= MOST_ITERATIONS:
            raise InvalidConfig(
                f"{form.iterations} iterations were asked for; here 1 to {MOST_ITERATIONS} are allowed, train.py fit takes more."
            )
        losses = replace(start.losses, align=0.0) if form.trained == "policy" else start.losses
        return replace(
            start,
            mode=form.mode,
            answer_languages=2 if form.mode == "self" else start.answer_languages,
            languages=form.languages or start.languages,
            seed=form.seed,
            reward=replace(start.reward, alpha=form.alpha, beta=form.beta),
            losses=losses,
            optim=replace(start.optim, trained=form.trained, iterations=form.iterations),
        )

    def _refuse_a_second(self) -> None:
        if self.running:
            raise InvalidConfig(
                f"The run {self.running!r} goes on and one runs at a time; stop it, or wait for its end."
            )

    def _free_name(self) -> str:
        taken = {path.name for path in self.folder.glob("*")}
        return next(name for number in range(1, len(taken) + 2) if (name := f"short-{number}") not in taken)

    def _save_settings(self, folder: Path, settings: dict[str, Any]) -> None:
        try:
            folder.mkdir(parents=True)
            (folder / SETTINGS).write_text(json.dumps(settings, indent=1), encoding="utf-8")
        except OSError as error:
            raise InvalidData(
                f"The run cannot be written to {folder} ({error.strerror}); free space, or start the app with another --data."
            ) from error

    def _begin(self, name: str, config: FitConfig, languages: list[str], going_on: bool = False) -> None:
        self._stopping.clear()
        self._loop = None
        self._seconds = Seconds()
        self._progress = Progress(name, total=config.optim.iterations)
        self._thread = threading.Thread(
            target=self._work, args=(name, config, languages, going_on), name="closed loop", daemon=True
        )
        self._thread.start()

    def _work(self, name: str, config: FitConfig, languages: list[str], going_on: bool) -> None:
        """The background thread: whatever goes wrong becomes a sentence, since nobody else would see it."""
        error = ""
        try:
            self._loop = self._make(config, self.folder / name, languages, lambda _: self._at("train.step_read", 0.05))
            self._at("train.step_continue" if going_on else "train.step_first", 0.15)
            from core.training.run import fit

            self._seconds.begin()
            fit(self._loop, "bundled", self._report, self._stopping.is_set)
        except CoreError as caught:
            error = str(caught)
        except Exception as caught:
            logging.getLogger(__name__).exception("the run %s ended", name)
            error = (
                f"The run {name!r} ended early ({type(caught).__name__}: {caught}); what was saved can be gone on with."
            )
        assert self._progress is not None
        self._progress = replace(self._progress, stage="", going=False, error=error)
        self._loop = None

    def _at(self, stage: str, share: float) -> None:
        assert self._progress is not None
        self._progress = replace(self._progress, stage=stage, share=share)

    def _report(self, iteration: int, _: dict[str, Any]) -> None:
        assert self._progress is not None
        total = self._progress.total
        left = self._seconds.left(total - iteration, iteration > 0)
        share = 0.2 + 0.8 * iteration / max(1, total)
        self._progress = replace(
            self._progress, stage="train.step_iteration", done=iteration, share=share, seconds_left=left
        )

    def _state(self, folder: Path) -> str:
        if folder.name == self.running and folder.parent == self.folder:
            return "running"
        return "finished" if (folder / MANIFEST).is_file() else "unfinished"
