"""The closed loop of a frozen language model: score a bank, train the policy from it, let the bank follow the policy, measure.

The first iteration scores the bank; every iteration is the same number of optimiser steps on it, after which the model writes
``writing.pairs`` demonstrations that join the pool. As often as ``bank.refreshes`` says, at even distances, the candidates are chosen anew
by the policy as it has become, written ones among them; only prompts that were never scored are scored.

Shapes: Q queries, M candidates of a query, N examples of the pool, H hidden size.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.data.pool import Pool
from core.records import Example
from core.seeds import generator_of
from core.training.bank.build import ScoreBank, bank_requests, choose_candidates, read_bank, spread
from core.training.bank.objectives import OBJECTIVES
from core.training.bank.step import StepData, scored, step_data, with_imputed
from core.training.bank.store import BANK, ScoreStore, fill
from core.training.bank.targets import Targets, self_supervised, supervised
from core.training.trainer import Loop, writing_measures


class BankLoop(Loop):
    """One run that learns from a bank."""

    bank: ScoreBank | None = None
    lenders: tuple[Path, ...] = ()  # banks of other runs of this model, whose scores are not computed again
    targets: Targets | None = None
    scoring: Callable[[float], None] | None = (
        None  # is given the share of prompts scored, in [0, 1]; None: ``report`` says it in words
    )
    _age = -1

    def _iterate(self) -> dict[str, Any]:
        """One iteration; its log line."""
        iteration = self.iteration + 1
        seconds: defaultdict[str, float] = defaultdict(float)
        began = time.perf_counter()
        age = self._age_at(iteration)
        if self.bank is None or age != self._age:
            self.bank = self._build(age)
            self.targets = self._valued(self.bank)
            self._age = age
        seconds["answer"] = time.perf_counter() - began
        began = time.perf_counter()
        measures = self._steps(iteration, self.bank, self.targets)
        seconds["update"] = time.perf_counter() - began
        began = time.perf_counter()
        written, rejected = self._write_pairs(iteration)
        self.pool.update(written, iteration)
        seconds["write"] = time.perf_counter() - began
        self.iteration = iteration
        return measures | {
            "iteration": iteration,
            "temperature": self.learner.temperature,
            "rate": 1.0,
            **writing_measures(written, rejected),
            "pool_version": self.pool.version,
            "pool_size": len(self.pool.pool),
            "seconds": {phase: round(value, 3) for phase, value in seconds.items()},
        }

    def _age_at(self, iteration: int) -> int:
        """How often the bank has followed the policy by an iteration: 0 for the first candidates."""
        total, refreshes = self.config.optim.iterations, self.config.bank.refreshes
        return (iteration - 1) * (refreshes + 1) // total

    def _pool_at(self, age: int) -> Pool:
        """The pool as it was when the bank's candidates were chosen: the same for a run that goes on."""
        first = next(i for i in range(1, self.config.optim.iterations + 1) if self._age_at(i) == age)
        written = [pair.example for pair in self.pool.written.values() if pair.iteration < first]
        return Pool((*self.pool.first, *written))

    def _build(self, age: int) -> ScoreBank:
        """The bank by the present policy, scored as far as it is not."""
        config, pool, learner = self.config, self._pool_at(age), self.learner
        queries = spread(self.maker.examples, config.bank.queries, config.seed)
        with torch.no_grad():
            rows = torch.from_numpy(self._centred(pool.examples))
            query_vectors = torch.from_numpy(self._centred(queries))
            project = torch.nn.functional.normalize
            candidates = choose_candidates(
                queries,
                pool,
                project(query_vectors @ learner.projection.T.cpu(), dim=-1),
                project(rows @ learner.projection.T.cpu(), dim=-1),
                learner.temperature,
                config.bank,
                config.seed + age,
                rows @ learner.head.cpu(),
            )
        writer, process = learner.asker.writer, self.accelerator.process_index
        store = ScoreStore(self.folder / BANK, learner.asker.scores.model.fingerprint, process)
        requests = [r for part in bank_requests(writer, queries, pool.examples, candidates, config.bank) for r in part]
        for lender in self.lenders:
            store.borrow(lender, requests, write=process == 0)
        fill(
            store,
            learner.asker.scores,
            requests,
            self.scoring or (lambda share: self.report(f"scoring the bank, {share:.0%}")),
            self.stop,
            process,
            self.accelerator.num_processes,
        )
        self.accelerator.wait_for_everyone()
        store.read()
        return read_bank(store, writer, queries, pool.examples, candidates, config.bank)

    def _centred(self, examples: list[Example] | tuple[Example, ...]) -> np.ndarray:
        """Centred unit vectors ``(N, H)`` of the frozen model."""
        learner = self.learner
        raw = torch.from_numpy(learner.untrained_vectors([example.text for example in examples])).to(learner.projection)
        return learner.project(raw, [example.language for example in examples], untrained=True).cpu().numpy()

    def _valued(self, bank: ScoreBank) -> Targets:
        if self.config.mode == "self":
            return self_supervised(bank.scores, bank.zero_shot, bank.second)
        labels = self.learner.asker.writer.task.labels
        return supervised(bank.scores, np.array([labels.index(query.label) for query in bank.queries]))

    def _data(self, bank: ScoreBank, targets: Targets) -> StepData:
        labels = usable = None
        if self.config.bank.imputed:
            known = self.learner.asker.writer.task.labels
            labels = np.array([known.index(example.label) for example in bank.pool])
            pool = Pool(bank.pool)
            usable = np.stack([pool.usable(query.query) for query in bank.queries])
        device = self.learner.projection.device
        return step_data(bank, targets, self._centred(bank.queries), self._centred(bank.pool), labels, usable, device)

    def _steps(self, iteration: int, bank: ScoreBank, targets: Targets | None) -> dict[str, Any]:
        """The optimiser steps of an iteration; what they did, means over the steps."""
        assert targets is not None
        settings, learner = self.config.choice, self.learner
        data = self._data(bank, targets)
        zero_shot_right = float((bank.zero_shot.argmax(-1) == targets.best).mean())
        loss_of, size = OBJECTIVES[settings.objective], min(settings.queries, len(bank))
        sums: defaultdict[str, float] = defaultdict(float)
        count = max(1, settings.steps // self.config.optim.iterations)
        for step in range(count):
            source = generator_of("bank", self.config.seed, iteration, step)
            rows = torch.randperm(len(bank), generator=source)[:size]
            more = torch.randperm(len(bank.pool), generator=source)[: self.config.bank.imputed]
            scores = scored(learner, data, rows)
            all_scores, rewards = with_imputed(learner, data, rows, more, scores)
            loss = loss_of(all_scores, rewards, data.weights[rows], settings.reward_temperature)
            if not math.isfinite(float(loss.detach())):
                self._give_up("loss part 'choice'", float(loss.detach()), iteration)
            loss.backward()  # type: ignore[no-untyped-call]
            for group in self.optimiser.param_groups:
                group["lr"] = settings.rate
            norm = torch.nn.utils.clip_grad_norm_([p for g in self.optimiser.param_groups for p in g["params"]], 1e9)
            self.optimiser.step()
            self.optimiser.zero_grad()
            _decay(learner, settings.rate * settings.decay)
            with torch.no_grad():
                p = scores.softmax(-1)
                entropy = -(p * scores.log_softmax(-1)).sum(-1).mean()
            for name, value in (
                ("loss_choice", loss.detach()),
                ("acc", (p * data.right[rows]).sum(-1).mean()),
                ("policy_entropy", entropy),
                ("gradient", norm),
            ):
                sums[name] += float(value) / count
        measures = {name: round(value, 6) for name, value in sums.items()}
        shares = {"reward": measures["acc"], "right": measures["acc"], "right_without": zero_shot_right}
        return measures | shares | {"loss_total": measures["loss_choice"]}


@torch.no_grad()
def _decay(learner: Any, share: float) -> None:
    """Move the projection towards the identity, and the head towards 0, by a share of the distance."""
    learner.projection.lerp_(torch.eye(*learner.projection.shape, device=learner.projection.device), share)
    learner.head.mul_(1 - share)
