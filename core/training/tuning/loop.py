"""The steps: answers under contexts, a loss, an update of the adapter or soft prompt; saved on the way, measured before and after.

Shapes: B queries of a step, L labels.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from core.errors import InvalidData
from core.models.devices import multiplies_bf16
from core.models.loading import LanguageModel
from core.models.untrained import adapter_off
from core.records import Example
from core.training.checkpoints import Checkpoint, newest, save_checkpoint
from core.training.losses import kl_rows
from core.training.rollouts import Ask, Asker
from core.training.run_log import RunLog
from core.training.trainer import rate_share
from core.training.tuning.config import TuneConfig
from core.training.tuning.rows import Row

Progress = Callable[[int, dict[str, Any]], None]


def answer_loss(log_probs: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
    """``-log p(y*|x,C)``, a scalar in nats: ``log_probs`` ``(B, L)`` normalised over the labels, ``gold`` ``(B,)`` int64."""
    return -log_probs.gather(1, gold[:, None]).mean()


def teacher_loss(log_probs: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """``KL(teacher || p(y|x,C))``, a scalar in nats, queries weighted by the teacher's margin: ``(B, L)`` each, the teacher constant.

    The published ``L_align`` with the answer under demonstrations as the teacher. The margin, probability of the likeliest label less that
    of the second, keeps hesitant answers from teaching hesitation.
    """
    teacher = teacher.detach()
    top = teacher.exp().topk(2, dim=-1).values
    margin = top[:, 0] - top[:, 1]
    return (margin * kl_rows(teacher, log_probs)).mean()


def by_length(rows: Sequence[Row], size: int = 4) -> list[list[Row]]:
    """The rows of a step in parts of at most ``size``, those with like amounts of text together: less is padding, and less in memory."""
    ordered = sorted(
        rows, key=lambda row: sum(len(example.text) for example in row.ask.context) + len(row.ask.query.text)
    )
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


class TuneLoop:
    """One run; ``model`` carries a fresh adapter."""

    def __init__(
        self,
        config: TuneConfig,
        model: LanguageModel,
        asker: Asker,
        rows: Sequence[Row],
        development: dict[str, list[tuple[Ask, Example]]],
        folder: Path,
        identity: dict[str, Any],
    ) -> None:
        """``development``: queries under their demonstrations by strategy; ``identity`` is what a resumed run must share."""
        self.config, self.model, self.asker, self.rows = config, model, asker, rows
        self.development, self.folder, self.identity = development, folder, identity | {"config": asdict(config)}
        self.learnt = {name: weight for name, weight in model.network.named_parameters() if weight.requires_grad}
        self.optimiser = torch.optim.AdamW(list(self.learnt.values()), lr=config.highest_rate, weight_decay=0.0)
        self.log = RunLog(folder / "log.jsonl")
        self.material: dict[str, Any] = {}  # how many queries teach, and where translations of them come from
        self.iteration = 0
        self.before: dict[str, list[bool]] = {}
        self.after: dict[str, list[bool]] = {}

    def run(self, progress: Progress = lambda *_: None, stop: Callable[[], bool] = lambda: False) -> bool:
        """Go on from the newest checkpoint to the end. False when ``stop`` said so; the run is then saved and can go on.

        Raises ``InvalidData`` where a loss is not finite, the disk is full or the folder belongs to another run.
        """
        self._resume()
        if not self.before:
            self.before = self.measure()
            self._write(self._measured(self.before), progress)
        while self.iteration < self.config.steps:
            if stop():
                self._save()
                return False
            line = self._step()
            if self.iteration == self.config.steps:
                self.after = self.measure()
                line |= self._measured(self.after)
            self._write(line, progress)
            if self.iteration % self.config.save_every == 0 or self.iteration == self.config.steps:
                self._save()
        return True

    def measure(self) -> dict[str, list[bool]]:
        """Whether every development query is answered right, by strategy, under the weights in place."""
        labels = self.asker.writer.task.labels
        right = {}
        for name, pairs in self.development.items():
            with self._in_half():
                best = self.asker.log_probs([ask for ask, _ in pairs]).argmax(-1).tolist()
            right[name] = [labels[i] == example.label for i, (_, example) in zip(best, pairs, strict=True)]
        return right

    def _measured(self, right: dict[str, list[bool]]) -> dict[str, Any]:
        """As the log holds a measurement: by strategy, and by language under the first of them."""
        name = next(iter(right))
        by_language: dict[str, list[bool]] = {}
        for (_, example), value in zip(self.development[name], right[name], strict=True):
            by_language.setdefault(example.language, []).append(value)
        return {"development": _shares(right), "accuracy": _shares(by_language)}

    def _step(self) -> dict[str, Any]:
        began, config = time.perf_counter(), self.config
        rows = self.rows[self.iteration * config.queries : (self.iteration + 1) * config.queries]
        rate = rate_share(self.iteration + 1, config.warm_up, config.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = config.highest_rate * rate
        self.optimiser.zero_grad()
        loss, right = 0.0, 0
        for part in by_length(rows):
            with self._in_half():
                log_probs = self.asker.graded([row.ask for row in part])
            part_loss = self._loss(part, log_probs) * (len(part) / len(rows))
            part_loss.backward()  # type: ignore[no-untyped-call]
            loss += float(part_loss.detach())
            right += sum(best == row.gold for best, row in zip(log_probs.argmax(-1).tolist(), part, strict=True))
        norm = float(torch.nn.utils.clip_grad_norm_(self.learnt.values(), config.clip))
        if not (math.isfinite(norm) and math.isfinite(loss)):
            self._save()
            raise InvalidData(
                f"The loss is {loss} and its gradient {norm} at step {self.iteration + 1}; the run stopped before "
                f"it and is saved in {self.folder}. Lower {'prompt_rate' if config.method == 'prompt' else 'rate'}."
            )
        self.optimiser.step()
        self.iteration += 1
        return {
            f"loss_{config.objective}": round(loss, 6),
            "right": round(right / len(rows), 6),
            "gradient": norm,
            "rate": rate,
            "seconds": {"step": round(time.perf_counter() - began, 3)},
        }

    def _loss(self, rows: Sequence[Row], log_probs: torch.Tensor) -> torch.Tensor:
        if self.config.objective == "answer":
            return answer_loss(log_probs, torch.tensor([row.gold for row in rows], device=log_probs.device))
        with adapter_off(self.model.network), self._in_half():
            teacher = self.asker.log_probs([row.teacher for row in rows if row.teacher is not None])
        return teacher_loss(log_probs, teacher.to(log_probs))

    def _in_half(self) -> Any:
        """Products in bfloat16 where the device has them and the weights are not held so already."""
        if not multiplies_bf16(self.model.device):
            return nullcontext()
        return torch.autocast(self.model.device.type, dtype=torch.bfloat16)

    def _write(self, line: dict[str, Any], progress: Progress) -> None:
        line = {"iteration": self.iteration, **line, "alarms": []}
        self.log.append(line)
        progress(self.iteration, line)

    def _save(self) -> None:
        weights = {name: weight.detach() for name, weight in self.learnt.items()}
        state = {"before": self.before, "after": self.after}
        save_checkpoint(
            self.folder / "checkpoints",
            Checkpoint(self.iteration, weights, {}, self.optimiser.state_dict(), state, self.identity),
            keep=1,
        )

    def _resume(self) -> None:
        checkpoint = newest(self.folder / "checkpoints", self.identity)
        if checkpoint is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.log.path.unlink(missing_ok=True)
            return
        with torch.no_grad():
            for name, weight in self.learnt.items():
                weight.copy_(checkpoint.weights[name])
        self.optimiser.load_state_dict(checkpoint.optimiser)
        self.before, self.after = checkpoint.state["before"], checkpoint.state["after"]
        self.iteration = checkpoint.iteration
        self.log.cut(checkpoint.iteration)


def _shares(right: dict[str, list[bool]]) -> dict[str, float]:
    return {name: round(sum(values) / len(values), 6) for name, values in right.items()}
