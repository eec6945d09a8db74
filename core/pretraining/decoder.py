"""The language model: a small decoder that starts from the encoder's vectors and learns to read its context.

Loss of a step, all in nats: next-token loss over sampled positions (answers always) + alignment loss (the mean middle
state of a sentence in any language against the teacher's vector of its English side) + summary loss (the same for
the state just before each answer of an episode, so that attention has only the match and the copy to learn).
Middle means after half of the layers; that is the layer whose mean is the model's own sentence vector.

Shapes: R rows, T tokens of a row, B sentences, D hidden size, M summaries.
"""

import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from core.pretraining.config import DecoderConfig
from core.pretraining.encoder import imitation_loss
from core.pretraining.episodes import ANSWER, Row, RowSampler, Sentence

VECTOR_NORM = 4.0


@dataclass(frozen=True)
class TeacherTable:
    """Teacher vectors of English sentences."""

    row: dict[str, int]
    vectors: torch.Tensor  # (number of sentences, D), unit norm


@dataclass(frozen=True)
class SentenceBank:
    """Tokenised sentences for the alignment loss, by bucket of similar length."""

    ids: list[list[int]]
    english: list[str]
    by_length: list[int]  # indices sorted by number of tokens

    @staticmethod
    def of(sentences: list[Sentence], encode: Callable[[list[str]], list[list[int]]], longest: int) -> "SentenceBank":
        """Tokenise; sentences over ``longest`` tokens are left out."""
        ids = encode([" " + sentence.text for sentence in sentences])
        kept = [i for i, row in enumerate(ids) if 0 < len(row) <= longest]
        rows = [ids[i] for i in kept]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        return SentenceBank(rows, [sentences[i].english for i in kept], order)

    def draw(self, rng: random.Random, size: int, buckets: int = 3) -> list[int]:
        """Indices of ``size`` sentences from one third of the lengths, so that little is padded."""
        width = len(self.by_length) // buckets
        begin = rng.randrange(buckets) * width
        return [self.by_length[begin + rng.randrange(width)] for _ in range(size)]


def build_decoder(table: torch.Tensor, config: DecoderConfig, start: int, end: int) -> LlamaForCausalLM:
    """A Llama whose token vectors are the encoder's.

    The layers' output projections begin at zero, so that every state begins as its token's vector: the means of
    the middle layer know the meaning of words across languages before the first step. The vectors are scaled to a mean norm
    of ``VECTOR_NORM``, large against what a layer adds in its first steps; the last norm takes the scale back.
    """
    torch.manual_seed(config.seed)
    architecture = LlamaConfig(
        vocab_size=table.shape[0],
        hidden_size=table.shape[1],
        intermediate_size=config.feed_forward,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=config.context,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        bos_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
    )
    model = LlamaForCausalLM(architecture)
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(VECTOR_NORM * table / table.norm(dim=1).mean())
        model.model.norm.weight.fill_(1.0 / VECTOR_NORM)
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
    return model


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
        self.model, self.sampler, self.bank, self.teacher = model, sampler, bank, teacher
        self.config, self.folder = config, folder
        vocabulary = model.get_input_embeddings().weight
        lower = list(model.model.layers[: config.layers // 2].parameters())
        known = {id(p) for p in [vocabulary, *lower]}
        rest = [p for p in model.parameters() if id(p) not in known]
        decay, rate, slow = config.weight_decay, config.learning_rate, config.learning_rate * config.lower_rate
        groups = [
            {"params": [p for p in rest if p.ndim > 1], "weight_decay": decay, "lr": rate},
            {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0, "lr": rate},
            {"params": [p for p in lower if p.ndim > 1], "weight_decay": decay, "lr": slow},
            {"params": [p for p in lower if p.ndim <= 1], "weight_decay": 0.0, "lr": slow},
            {"params": [vocabulary], "weight_decay": 0.0, "lr": slow},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate)
        self._middle = config.layers // 2

    def run(self, report: Callable[[str], None], save_every: int = 100) -> None:
        """Train to the last step, resuming from the folder's checkpoint if there is one."""
        torch.set_num_threads(self.config.threads)
        first = self._resume()
        log = (self.folder / "log.jsonl").open("a", encoding="utf-8")
        began, seen = time.perf_counter(), 0
        with log:
            for step in range(first, self.config.steps):
                figures = self.step(step)
                seen += self.config.rows * self.config.row_tokens
                if step % 10 == 9:
                    figures |= {"step": step + 1, "tokens_per_second": seen / (time.perf_counter() - began)}
                    log.write(json.dumps(figures) + "\n")
                    log.flush()
                if step % 50 == 49:
                    left = (self.config.steps - step - 1) * (time.perf_counter() - began) / (step + 1 - first)
                    losses = ", ".join(
                        f"{key} {figures[key]:.3f}" for key in ("text", "answers", "alignment", "summary")
                    )
                    report(f"decoder: step {step + 1} of {self.config.steps}, {losses}, {left / 60:.0f} min left")
                if (step + 1) % save_every == 0 or step + 1 == self.config.steps:
                    self._save(step + 1)

    def step(self, step: int) -> dict[str, float]:
        """One optimiser step; draws depend on (seed, step) alone. Returns the losses in nats."""
        rng = random.Random(f"{self.config.seed}/{step}")
        first = step < self.config.first_part * self.config.steps
        shares = self.config.shares_first if first else self.config.shares_then
        rows = [self.sampler.row(rng, shares) for _ in range(self.config.rows)]
        self.model.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses = self._row_losses(rows, rng)
            losses["alignment"] = self._alignment_loss(rng)
        total = (
            losses["next_token"]
            + self.config.alignment_weight * losses["alignment"]
            + self.config.summary_weight * losses["summary"]
        )
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        return {key: value.item() for key, value in losses.items()}

    def _row_losses(self, rows: list[Row], rng: random.Random) -> dict[str, torch.Tensor]:
        length = max(len(row.ids) for row in rows)
        end = self.model.config.eos_token_id
        ids = torch.tensor([row.ids + [end] * (length - len(row.ids)) for row in rows])  # (R, T)
        weights = torch.tensor([row.weights + [0.0] * (length - len(row.weights)) for row in rows])
        kept = torch.rand(weights.shape, generator=torch.Generator().manual_seed(rng.randrange(2**31)))
        learnt = (weights >= ANSWER) | (weights > 0) & (kept < self.config.head_share)
        states = self.model.model(ids, output_hidden_states=True)
        chosen = learnt[:, 1:].nonzero(as_tuple=True)
        logits = self.model.lm_head(states.last_hidden_state[:, :-1][chosen])
        nats = functional.cross_entropy(logits.float(), ids[:, 1:][chosen], reduction="none")
        weight = weights[:, 1:][chosen]
        answers = weight >= ANSWER
        middle = states.hidden_states[self._middle]
        return {
            "next_token": (nats * weight).sum() / weight.sum(),
            "answers": nats[answers].mean() if answers.any() else nats.new_zeros(()),
            "text": nats[~answers].mean() if (~answers).any() else nats.new_zeros(()),
            "summary": self._summary_loss(rows, middle),
        }

    def _summary_loss(self, rows: list[Row], middle: torch.Tensor) -> torch.Tensor:
        """``middle`` is ``(R, T, D)``; mean over the M summaries of all rows."""
        places = [(r, place, english) for r, row in enumerate(rows) for place, english in row.summaries]
        places = [entry for entry in places if entry[2] in self.teacher.row]
        if len(places) < 2:
            return middle.new_zeros((), dtype=torch.float32)
        states = middle[[r for r, _, _ in places], [place for _, place, _ in places]].float()
        return self._imitate(states, [english for _, _, english in places])

    def _alignment_loss(self, rng: random.Random) -> torch.Tensor:
        chosen = self.bank.draw(rng, self.config.sentences)
        length = 1 + max(len(self.bank.ids[i]) for i in chosen)
        start, end = self.model.config.bos_token_id, self.model.config.eos_token_id
        rows = [[start, *self.bank.ids[i]] for i in chosen]
        ids = torch.tensor([row + [end] * (length - len(row)) for row in rows])  # (B, T)
        counts = torch.tensor([[0.0] + [1.0] * (len(row) - 1) + [0.0] * (length - len(row)) for row in rows])
        states = self._lower_half(ids).float()
        means = (states * counts[:, :, None]).sum(1) / counts.sum(1, keepdim=True)
        return self._imitate(means, [self.bank.english[i] for i in chosen])

    def _imitate(self, states: torch.Tensor, english: list[str]) -> torch.Tensor:
        rows = torch.tensor([self.teacher.row[sentence] for sentence in english])
        with torch.autocast("cpu", enabled=False):
            return imitation_loss(states, self.teacher.vectors[rows], rows, self.config.temperature)

    def _lower_half(self, ids: torch.Tensor) -> torch.Tensor:
        """States after the middle layer ``(B, T, D)``, without computing the layers above it."""
        body = self.model.model
        upper = body.layers[self._middle :]
        body.layers = body.layers[: self._middle]
        norm, body.norm = body.norm, torch.nn.Identity()
        try:
            states: torch.Tensor = body(ids, use_cache=False).last_hidden_state
            return states
        finally:
            body.layers = body.layers + upper
            body.norm = norm

    def _rate(self, step: int) -> float:
        if step < self.config.warm_up:
            return (step + 1) / self.config.warm_up
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
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        return int(state["step"])


def teacher_table(vectors: dict[str, np.ndarray]) -> TeacherTable:
    """Stack teacher vectors by English side."""
    sentences = sorted(vectors)
    stacked = torch.tensor(np.stack([vectors[sentence] for sentence in sentences]), dtype=torch.float32)
    return TeacherTable({sentence: i for i, sentence in enumerate(sentences)}, stacked)
