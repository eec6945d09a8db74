"""The closed loop: write pairs → draw contexts, answer, learn → admit and retire pairs → measure → save; again and again."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from core.errors import InvalidData
from core.models.embeddings import Projection
from core.training.bank.store import Stopped
from core.training.batching import BatchMaker
from core.training.checkpoints import Checkpoint, newest, save_checkpoint
from core.training.config import FitConfig
from core.training.development import Development, Measured, gain
from core.training.learner import Learner
from core.training.pool import LivingPool
from core.training.rollouts import StepResult, Written
from core.training.run_log import RunLog, alarms, demonstration_advantages, mean_measures, measures_of, numbers
from core.training.writing import PairWriter

if TYPE_CHECKING:
    from accelerate import Accelerator

Own = TypeVar("Own")
Progress = Callable[[int, dict[str, Any]], None]  # iteration and its log line


class LossNotFinite(InvalidData):
    """A loss is NaN or infinite; the run stopped before the step and was saved."""


class Loop:
    """One run."""

    served_distance: float | None = (
        None  # of a server's label log-probabilities from those made here, nats; None: no server scores
    )

    def __init__(
        self,
        config: FitConfig,
        learner: Learner,
        pool: LivingPool,
        batches: BatchMaker,
        development: Development,
        folder: Path,
        identity: dict[str, Any],
        accelerator: "Accelerator",
    ) -> None:
        """``folder`` keeps log and checkpoints; ``identity`` is what a resumed run must share."""
        self.config, self.learner, self.pool, self.maker = config, learner, pool, batches
        self.development, self.folder, self.identity = development, folder, identity
        self.accelerator = accelerator
        self.writer = PairWriter(learner, learner.asker, config.writing, config.policy.k)
        self.log = RunLog(folder / "log.jsonl")
        self.optimiser = torch.optim.AdamW(self._groups(), weight_decay=0.0)
        self.wrapped, self.prepared = accelerator.prepare(learner, self.optimiser)
        self.iteration = 0
        self.report: Callable[[str], None] = lambda _: None
        self.stop: Callable[[], bool] = lambda: False
        self.first: Measured | None = None
        self.last: Measured | None = None

    def _groups(self) -> list[dict[str, Any]]:
        policy = [self.learner.projection, self.learner.log_temperature]
        policy += [self.learner.head] if self.learner.head.requires_grad else []
        body = [p for p in self.learner.network.parameters() if p.requires_grad]
        groups = [
            {"params": policy, "rate": self.config.optim.policy_rate},
            {"params": body, "rate": self.config.optim.learning_rate},
        ]
        return [group for group in groups if group["params"]]

    def run(self, progress: Progress | None = None, stop: Callable[[], bool] = lambda: False) -> bool:
        """Go on from the newest checkpoint to the end. False when ``stop`` said so; the run is then saved and can go on.

        Raises ``LossNotFinite``, and ``InvalidData`` when the disk is full or the folder belongs to another run.
        """
        self.stop = stop
        self._resume()
        if self.first is None:
            self.first = self.last = self.development.measure(self.pool.pool, untrained=True)
            self._write({"iteration": 0, "pool_size": len(self.pool.pool), **self.first.fields()}, progress)
        while self.iteration < self.config.optim.iterations:
            if stop():
                self.save()
                return False
            try:
                line = self._iterate()
            except Stopped:  # within the scoring of a bank, whose scores are on disk
                self.save()
                return False
            due = self.iteration % self.config.watch.every == 0 or self.iteration == self.config.optim.iterations
            if due:
                began = time.perf_counter()
                self.last = self.development.measure(self.pool.pool)
                line |= self.last.fields() | {"gain": gain(self.first, self.last)}
                line["seconds"]["measure"] = round(time.perf_counter() - began, 3)
            self._write(line, progress)
            if self.iteration % self.config.watch.save_every == 0 or self.iteration == self.config.optim.iterations:
                self.save()
        return True

    def _write(self, line: dict[str, Any], progress: Progress | None) -> None:
        """Add the alarms, then the line to the log and to the trackers; the main process alone."""
        if not self.accelerator.is_main_process:
            return
        line["alarms"] = alarms([*self.log.lines(), line])
        self.log.append(line)
        self.accelerator.log(numbers(line), step=line["iteration"])
        if progress is not None:
            progress(line["iteration"], line)

    def _iterate(self) -> dict[str, Any]:
        """One iteration; its log line."""
        iteration = self.iteration + 1
        began = time.perf_counter()
        written, rejected = self._write_pairs(iteration)
        self.pool.update(written, iteration)
        seconds: defaultdict[str, float] = defaultdict(float, {"write": time.perf_counter() - began})
        began = time.perf_counter()
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        batches = self.maker.batches(iteration, self.pool.pool, self.pool.written, process, processes)
        seconds["batch"] = time.perf_counter() - began
        results = []
        for index, batch in enumerate(batches):
            last = index == len(batches) - 1
            with self.accelerator.no_sync(self.wrapped) if not last else nullcontext():
                result = self.wrapped(batch)
                self._check(result, iteration)
                began = time.perf_counter()
                self.accelerator.backward(result.losses["total"] / len(batches))
                seconds["backward"] += time.perf_counter() - began
            for phase, value in result.seconds.items():
                seconds[phase] += value
            results.append(result)
        began = time.perf_counter()
        norm = self._step(iteration)
        seconds["update"] = time.perf_counter() - began
        self.pool.record(
            _gathered(
                [entry for pair in zip(batches, results, strict=True) for entry in demonstration_advantages(*pair)]
            )
        )
        changes = self.pool.update([], iteration)
        self.iteration = iteration
        line = mean_measures(_gathered([measures_of(b, r, self.config) for b, r in zip(batches, results, strict=True)]))
        return line | {
            "iteration": iteration,
            "temperature": self.learner.temperature,
            "gradient": norm,
            "rate": self._rate(iteration),
            **writing_measures(written, rejected),
            "pool_version": self.pool.version,
            "pool_size": len(self.pool.pool),
            "retired": sum(change.action == "retired" for change in changes),
            "seconds": {phase: round(value, 3) for phase, value in seconds.items()},
        }

    def _write_pairs(self, iteration: int) -> tuple[list[Written], Counter[str]]:
        """The iteration's written pairs and rejections of all processes, the same in each."""
        count = self.config.writing.pairs
        if count == 0:
            return [], Counter()
        examples = self.maker.queries(iteration)
        attempts = [(examples[index % len(examples)], index) for index in range(count)]
        own = attempts[self.accelerator.process_index :: self.accelerator.num_processes]
        queries = [(example.query, f"{self.config.seed}/{iteration}/{index}/{example.id}") for example, index in own]
        labels = [pair.example.label for pair in self.pool.written.values()]
        pairs, rejected = self.writer.write(queries, self.pool.pool, self.pool.texts(), labels, iteration)
        return _gathered(pairs), sum(_gathered([rejected]), Counter())

    def _check(self, result: StepResult, iteration: int) -> None:
        """Raise ``LossNotFinite`` after saving what was learnt so far."""
        bad = [name for name, value in result.losses.items() if not bool(torch.isfinite(value))]
        if bad:
            self._give_up(f"loss part {bad[0]!r}", float(result.losses[bad[0]].detach()), iteration)

    def _give_up(self, part: str, value: float, iteration: int) -> None:
        self.save()
        raise LossNotFinite(
            f"The {part} is {value} at iteration {iteration}; the run stopped before that step and is saved in {self.folder}. "
            "Lower optim.learning_rate or optim.policy_rate, or set the weight of that part to 0."
        )

    def _step(self, iteration: int) -> float:
        """Clip, update, follow; the gradient's norm before clipping."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * self._rate(iteration)
        learnt = [p for group in self.optimiser.param_groups for p in group["params"]]
        norm = float(self.accelerator.clip_grad_norm_(learnt, self.config.optim.clip))
        if not math.isfinite(norm):
            self._give_up("gradient", norm, iteration)
        self.prepared.step()
        self.prepared.zero_grad()
        self.learner.average.follow(self.config.losses.ema)
        return norm

    def _rate(self, iteration: int) -> float:
        return rate_share(iteration, self.config.optim.warm_up, self.config.optim.iterations)

    def save(self) -> None:
        """Write a checkpoint; the main process alone."""
        if self.accelerator.is_main_process:
            state = {
                "pool": self.pool.state(),
                "bare": self.learner.remembered(),
                "centre": self.learner.centre.state(),
                "first": _measured(self.first),
                "last": _measured(self.last),
            }
            live = {name: p.detach() for name, p in self.learner.named_parameters() if p.requires_grad}
            checkpoint = Checkpoint(
                self.iteration, live, self.learner.average.values, self.optimiser.state_dict(), state, self.identity
            )
            save_checkpoint(self.folder / "checkpoints", checkpoint, self.config.watch.keep)
        self.accelerator.wait_for_everyone()

    def _resume(self) -> None:
        checkpoint = newest(self.folder / "checkpoints", self.identity)
        if checkpoint is None:
            self.log.path.unlink(missing_ok=True)
            return
        with torch.no_grad():
            for name, parameter in self.learner.named_parameters():
                if parameter.requires_grad:
                    parameter.copy_(checkpoint.weights[name])
        self.learner.average.values = {
            name: value.to(self.learner.model.device) for name, value in checkpoint.average.items()
        }
        self.optimiser.load_state_dict(checkpoint.optimiser)
        self.pool.restore(checkpoint.state["pool"])
        self.learner.remember(checkpoint.state["bare"])
        self.learner.centre = Projection.of_state(checkpoint.state["centre"])
        self.first, self.last = (
            Measured(**checkpoint.state[key]) if checkpoint.state[key] else None for key in ("first", "last")
        )
        self.iteration = checkpoint.iteration
        if self.accelerator.is_main_process:
            self.log.cut(checkpoint.iteration)


def rate_share(step: int, warm_up: int, steps: int) -> float:
    """Share of the learning rate at a step, counted from 1: a linear warm-up, then a cosine down to a tenth."""
    if step <= warm_up:
        return step / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def writing_measures(written: Sequence[Written], rejected: Counter[str]) -> dict[str, Any]:
    """What the log says of an iteration's writing."""
    attempts = len(written) + sum(rejected.values())
    copies = rejected["copy"] + rejected["duplicate"]
    return {
        "written": len(written),
        "rejected": dict(sorted(rejected.items())),
        "copy_rate": copies / attempts if attempts else 0.0,
    }


def _measured(measured: Measured | None) -> dict[str, Any] | None:
    return None if measured is None else asdict(measured)


def _gathered(own: list[Own]) -> list[Own]:
    """The entries of all processes, in the order of the processes; accelerate is imported with the first run, not with the app."""
    from accelerate.utils import gather_object

    return list(gather_object(own))
