"""What the Train tab does, without gradio: one closed-loop run at a time in the background, and the runs a folder holds.

The loop itself is ``core.training``. A run learns on a copy of the embedded model of its own, so Explore's stays as it is.
"""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.train.progress import Progress, Seconds
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

SHORT, CHOICE = (ASSETS / "configs" / f"fit_{name}.toml" for name in ("short", "bank"))
MOST_ITERATIONS = 200
RATE_OF_ALL = 3e-5  # where all weights learn; an adapter's rate would undo what the model knows


@dataclass(frozen=True)
class RunForm:
    """What a person chose; everything else is in ``fit_bank.toml`` where the choice alone learns, else in ``fit_short.toml``."""

    name: str = ""  # empty: the next free one
    mode: str = "supervised"
    trained: str = "policy"
    alpha: float = 1.0
    beta: float = 0.2
    seed: int = 0
    iterations: int = 20
    languages: tuple[str, ...] = ()  # of the queries; empty: those of the file


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

    def __init__(
        self,
        folder: Path,
        make: LoopMaker = embedded_loop,
        short: Path = SHORT,
        shipped: Path = SHIPPED,
        choice: Path = CHOICE,
    ):
        """``folder`` holds a folder for each run and need not exist; ``make`` builds a run; ``shipped`` holds runs of the app.

        ``choice`` and ``short``: settings of runs in which the choice alone learns, and of all others.
        """
        self.folder, self._make, self._shipped = folder, make, shipped
        self._short, self._choice = short, choice
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._stopping = threading.Event()
        self._seconds, self._from_bank = Seconds(), False
        self._loop: Loop | None = None
        self._thread: threading.Thread | None = None

    def defaults(self, trained: str = "policy") -> FitConfig:
        """The settings that a run begins with, by what learns."""
        return read_config(self._choice if trained == "policy" else self._short, FitConfig)

    def start(self, form: RunForm) -> str:
        """Start a run; its name. Raises ``InvalidConfig`` when one goes on, or for a form that cannot be used."""
        config = self._config(form)
        with self._lock:
            self._refuse_a_second()
            name = form.name or self._free_name()
            folder = run_folder(self.folder, name, self._shipped)
            if folder.exists():
                raise InvalidConfig(f"There is a run {name!r} already; open it from the list, or choose another name.")
            languages = sorted({*config.languages, *self.defaults(form.trained).languages})
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
        start = self.defaults(form.trained)
        if not 1 <= form.iterations <= MOST_ITERATIONS:
            raise InvalidConfig(
                f"{form.iterations} iterations were asked for; here 1 to {MOST_ITERATIONS} are allowed, train.py fit takes more."
            )
        losses = replace(start.losses, align=0.0) if form.trained == "policy" else start.losses
        rate = RATE_OF_ALL if form.trained == "full" else start.optim.learning_rate
        return replace(
            start,
            mode=form.mode,
            answer_languages=2 if form.mode == "self" else start.answer_languages,
            languages=form.languages or start.languages,
            seed=form.seed,
            reward=replace(start.reward, alpha=form.alpha, beta=form.beta),
            losses=losses,
            optim=replace(start.optim, trained=form.trained, iterations=form.iterations, learning_rate=rate),
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
        self._seconds, self._from_bank = Seconds(), False
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

            if config.bank.queries:
                self._loop.scoring = self._scored  # type: ignore[attr-defined]
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

    def _at(self, stage: str, share: float, seconds_left: float | None = None) -> None:
        assert self._progress is not None
        self._progress = replace(self._progress, stage=stage, share=share, seconds_left=seconds_left)

    def _scored(self, share: float) -> None:
        """A part of the bank is scored, which is most of the work of a run in which the choice alone learns."""
        self._from_bank = True
        self._at("train.step_score", 0.15 + 0.6 * share, self._seconds.of_share(share))

    def _report(self, iteration: int, _: dict[str, Any]) -> None:
        assert self._progress is not None
        total, start = self._progress.total, 0.75 if self._from_bank else 0.2
        left = self._seconds.left(total - iteration, iteration > self._from_bank)  # the first one scored the bank
        self._at("train.step_iteration", start + (1 - start) * iteration / max(1, total), left)
        self._progress = replace(self._progress, done=iteration)

    def _state(self, folder: Path) -> str:
        if folder.name == self.running and folder.parent == self.folder:
            return "running"
        return "finished" if (folder / MANIFEST).is_file() else "unfinished"
