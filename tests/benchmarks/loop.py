"""Time of a closed-loop step against TRL's GRPO: same model and adapter, as many rollouts, same task, same reward, in one run.

A rollout here is one query answered under one context of K demonstrations. TRL has no choice of demonstrations, so its prompts are
written beforehand with contexts that our policy drew (one per query, where ours draws G), and G answers are sampled for each; the reward is
whether the answer is the right label. Ours scores all labels of every context exactly; its step also encodes candidates, draws contexts,
and computes the alignment, coherence and reference losses, which TRL's does not. Both train LoRA of one rank on all linear layers, in
bf16 autocast where the CPU has bf16 products, else in float32. Blocks of steps alternate; the medians' ratio is what counts.
``make bench`` keeps the record in
``assets/results/loop_speed.json``. Other work on the machine spoils it.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from core.config import read_config
from core.data.tasks import load_tasks
from core.models.devices import multiplies_bf16
from core.models.loading import ASSETS, ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.records import Demonstration
from core.run_record import command, commit, write_record
from core.training.config import FitConfig
from core.training.run import prepare
from core.training.trainer import Loop
from core.workbench import bundled_examples

BLOCKS, STEPS = 3, 4
LANGUAGES = ("eng_Latn", "fra_Latn", "swh_Latn", "hin_Deva", "arb_Arab", "zho_Hans")
ANSWER_TOKENS = 8


class Stopwatch(TrainerCallback):  # type: ignore[misc]
    """Seconds of every optimiser step of a trainer, generation included."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._began = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds.append(time.perf_counter() - self._began)


def our_loop(folder: Path, config: FitConfig) -> Loop:
    """The loop on the embedded model and some languages of the bundled pool; nothing is written by the model."""
    pool = [e for e in bundled_examples("topic") if e.language in LANGUAGES]
    task = load_tasks(ASSETS)["topic"]
    return prepare(config, load_model(ModelConfig()), SentenceEncoder(), task, pool, None, folder)


def our_steps(loop: Loop, count: int) -> list[float]:
    found = []
    for _ in range(count):
        began = time.perf_counter()
        loop._iterate()
        found.append(time.perf_counter() - began)
    return found


def prompts_of(loop: Loop, steps: int) -> list[dict[str, str]]:
    """One prompt per query of our first iterations, with a context that the policy drew, and its right answer."""
    writer, rows = loop.learner.asker.writer, []
    for iteration in range(1, steps + 1):
        for batch in loop.maker.batches(iteration, loop.pool.pool, {}, 0, 1):
            with torch.no_grad():
                contexts = loop.learner(batch).rollouts.chosen[:, 0].tolist()
            for query, context, gold in zip(batch.queries, contexts, batch.golds or (), strict=True):
                shown = [Demonstration(batch.candidates[i], None, None) for i in context]
                prompt = writer.prompt(query, shown, query.language).text
                rows.append({"prompt": prompt, "answer": writer.words(query.language)[gold]})
    return rows


def right(completions: Sequence[str], answer: Sequence[str], **_: Any) -> list[float]:
    """Reward: whether the completion begins with the right label."""
    return [float(c.strip().startswith(a.strip())) for c, a in zip(completions, answer, strict=True)]


def trl_steps(rows: list[dict[str, str]], config: FitConfig, count: int, folder: str) -> list[float]:
    model = load_model(ModelConfig())
    queries, contexts = config.optim.queries, config.policy.contexts
    settings = GRPOConfig(
        output_dir=folder,
        use_cpu=True,
        bf16=multiplies_bf16(torch.device("cpu")),
        gradient_checkpointing=False,
        per_device_train_batch_size=queries * contexts,
        num_generations=contexts,
        max_completion_length=ANSWER_TOKENS,
        max_steps=count,
        learning_rate=config.optim.learning_rate,
        beta=config.losses.reference,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    watch = Stopwatch()
    trainer = GRPOTrainer(
        model=model.network,
        processing_class=model.tokenizer,
        reward_funcs=right,
        args=settings,
        train_dataset=Dataset.from_list(rows),
        peft_config=LoraConfig(r=config.optim.rank, lora_alpha=2 * config.optim.rank, target_modules="all-linear"),
        callbacks=[watch],
    )
    trainer.train()
    return watch.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("assets/results/loop_speed.json"))
    parser.add_argument("--blocks", type=int, default=BLOCKS, help="of steps, ours and theirs in turn")
    parser.add_argument("--steps", type=int, default=STEPS, help="of a block")
    options = parser.parse_args()
    steps = options.steps
    config = read_config(ASSETS / "configs" / "fit_cpu.toml", FitConfig)
    config = replace(config, writing=replace(config.writing, pairs=0), optim=replace(config.optim, iterations=1000))
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        loop = our_loop(Path(folder) / "run", config)
        rows = prompts_of(loop, steps)
        tokens = [len(row) for row in loop.learner.model.encode([row["prompt"] for row in rows])]
        our_steps(loop, 1)
        for block in range(options.blocks):
            ours += our_steps(loop, steps)
            theirs += trl_steps(rows, config, steps + 1, f"{folder}/trl")[1:]
            print(f"block {block + 1}: ours {ours[-steps:]} TRL {theirs[-steps:]}", flush=True)
    entry = {
        "command": command(),
        "commit": commit(),
        "machine": {
            "cores": os.cpu_count(),
            "processor": platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
            "bf16 products": multiplies_bf16(torch.device("cpu")),
        },
        "rollouts": config.optim.queries * config.policy.contexts,
        "prompt_tokens": {"mean": round(statistics.mean(tokens), 1), "most": max(tokens)},
        "seconds_ours": [round(s, 3) for s in ours],
        "seconds_trl": [round(s, 3) for s in theirs],
        "ratio_of_medians": round(statistics.median(theirs) / statistics.median(ours), 2),
    }
    write_record(options.output, entry)
    print(f"TRL / ours: {entry['ratio_of_medians']}")


if __name__ == "__main__":
    main()
