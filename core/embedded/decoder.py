"""Training of the language model: steps, log, checkpoints. What a step learns from is in ``objectives``."""

import json
import math
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaForCausalLM

from core.embedded.config import DecoderConfig
from core.embedded.episodes import RowSampler
from core.embedded.objectives import alignment_loss, reading_losses, row_losses
from core.embedded.rows import SentenceBank, TeacherTable
from core.models.devices import multiplies_bf16

REPORT_EVERY = ("text", "answers", "alignment", "summary", "pointer", "growth")


class DecoderTrainer:
    """Runs the steps; a run that is stopped goes on from its last checkpoint with the same draws."""

    def __init__(
        self,
        model: LlamaForCausalLM,
        sampler: RowSampler,
        bank: SentenceBank,
        teacher: TeacherTable,
        config: DecoderConfig,
        folder: Path,
    ) -> None:
        """``folder`` receives ``checkpoint.pt`` and ``log.jsonl``."""
        self.model, self.sampler, self.bank, self.teacher = model.to(config.device), sampler, bank, teacher
        self.config, self.folder = config, folder
        self.optimiser = torch.optim.AdamW(parameter_groups(model, config), betas=(0.9, 0.98), fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, [partial(self._rate_of, group["part"]) for group in self.optimiser.param_groups]
        )

    def run(self, report: Callable[[str], None], save_every: int = 100) -> None:
        """Train to the last step, resuming from the folder's checkpoint if there is one."""
        torch.set_num_threads(self.config.threads)
        first = self._resume()
        began, tokens_read = time.perf_counter(), 0
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            for step in range(first, self.config.steps):
                figures = self.step(step)
                tokens_read += self.config.rows * self.config.row_tokens
                if step % 10 == 9:
                    figures |= {"step": step + 1, "tokens_per_second": tokens_read / (time.perf_counter() - began)}
                    log.write(json.dumps(figures) + "\n")
                    log.flush()
                if step % 50 == 49:
                    left = (self.config.steps - step - 1) * (time.perf_counter() - began) / (step + 1 - first)
                    losses = ", ".join(f"{key} {figures[key]:.3f}" for key in REPORT_EVERY if key in figures)
                    report(f"decoder: step {step + 1} of {self.config.steps}, {losses}, {left / 60:.0f} min left")
                if (step + 1) % save_every == 0 or step + 1 in (self.config.reading_steps, self.config.steps):
                    self._save(step + 1)

    def step(self, step: int) -> dict[str, float]:
        """One optimiser step; draws depend on (seed, step) alone. Returns the losses in nats."""
        rng = random.Random(f"{self.config.seed}/{step}")
        first = step < self.config.first_part * self.config.steps
        shares = self.config.shares_first if first else self.config.shares_then
        rows = [self.sampler.row(rng, shares) for _ in range(self.config.rows)]
        self.model.train()
        device = self.model.device
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=multiplies_bf16(device)):
            if step < self.config.reading_steps:
                losses = reading_losses(self.model, rows, self.teacher, self.config)
            else:
                losses = row_losses(self.model, rows, self.teacher, self.config, rng)
            losses["alignment"] = alignment_loss(self.model, self.bank, self.teacher, self.config, rng)
        weights = {
            "answers": 1.0,
            "text": self.config.text_weight,
            "alignment": self.config.alignment_weight,
            "summary": self.config.summary_weight,
            "pointer": self.config.pointer_weight,
            "growth": self.config.growth_weight,
        }
        total = sum((weights[key] * losses[key] for key in weights if key in losses), torch.zeros(()))
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        return {key: value.item() for key, value in losses.items()}

    def _rate_of(self, part: str, step: int) -> float:
        """Share of the learning rate at ``step`` for a part of the model, as ``parameter_groups`` names them."""
        reading = step < self.config.reading_steps
        share = {
            "lower": self.config.reading_rate if reading else self.config.lower_rate,
            "circuit": self.config.circuit_rate,
        }
        return share.get(part, 1.0) * self._rate(step)

    def _rate(self, step: int) -> float:
        begun = step - self.config.reading_steps if step >= self.config.reading_steps else step
        if begun < self.config.warm_up:  # once more when the upper half joins in
            return (begun + 1) / self.config.warm_up
        done = (step - self.config.warm_up) / max(1, self.config.steps - self.config.warm_up)
        return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def _save(self, step: int) -> None:
        state = {"step": step, "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        partial = self.folder / "checkpoint.partial"
        torch.save(state | {"schedule": self.schedule.state_dict()}, partial)
        partial.replace(self.folder / "checkpoint.pt")

    def _resume(self) -> int:
        path = self.folder / "checkpoint.pt"
        if not path.is_file():
            return 0
        state = torch.load(path, weights_only=True, map_location=self.config.device)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        return int(state["step"])


def parameter_groups(model: LlamaForCausalLM, config: DecoderConfig) -> list[dict[str, Any]]:
    """Parts that learn at rates of their own: token vectors and lower half, the circuit, the rest. Matrices but token vectors decay."""
    vocabulary = model.get_input_embeddings().weight
    middle = config.layers // 2
    lower = list(model.model.layers[:middle].parameters())
    circuit = [p for layer in model.model.layers[middle : middle + 2] for p in layer.self_attn.parameters()]
    known = {id(p) for p in [vocabulary, *lower, *circuit]}
    rest = [p for p in model.parameters() if id(p) not in known]
    groups: list[dict[str, Any]] = [{"part": "lower", "params": [vocabulary], "weight_decay": 0.0}]
    for part, parameters in (("lower", lower), ("circuit", circuit), ("rest", rest)):
        matrices, others = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
        groups.append({"part": part, "params": matrices, "weight_decay": config.weight_decay})
        groups.append({"part": part, "params": others, "weight_decay": 0.0})
    return [group | {"lr": config.learning_rate} for group in groups if group["params"]]
