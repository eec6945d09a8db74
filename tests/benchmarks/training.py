"""How much of the machine's arithmetic a training step gets, and how fast the embedded model reads and writes.

Training: forward and backward pass, in bf16 autocast where the CPU has bf16 products, of a fresh Llama of the
embedded model's shape, next-token loss on a share of the positions as in the recipe. Its operations are counted as in
Kaplan et al. 2020 (arXiv 2001.08361, section 2.1),
see ``step_flops``. Beside it, in turn, every product of its weight matrices alone, on tensors of the same shapes and kind:
forward, gradient of the input, gradient of the weight, which is 6 operations a parameter and token too. The ratio of the
two rates says what is lost to everything that is not a matrix product. With one thread and with all.

Generation: tokens per second of the embedded model when it reads a prompt (prefill) and when it writes greedily with its
cache (decode), in float32 and bf16, for one row and for eight.

``make bench`` runs it and keeps the record in ``assets/results/training_speed.json``. Other work on the machine spoils it.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from transformers import AutoConfig, LlamaConfig, LlamaForCausalLM

from core.models.catalogue import TINY_FOLDER
from core.models.devices import multiplies_bf16
from core.models.loading import ModelConfig, load_model
from core.run_record import commit, write_record

ROWS, ROW_TOKENS = 2, 512  # of a training step
HEAD_SHARE = 0.5  # share of the positions whose next-token loss is computed
REPEATS = 3
PROMPT, WRITTEN = 256, 32  # tokens a row


def weights(config: LlamaConfig) -> list[tuple[int, int]]:
    """Inputs and outputs of every weight matrix of one layer; embeddings are looked up, not multiplied."""
    hidden, inner = config.hidden_size, config.intermediate_size
    size = config.head_dim or hidden // config.num_attention_heads
    queries, keys = size * config.num_attention_heads, size * config.num_key_value_heads
    attention = [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden)]
    return [*attention, (hidden, inner), (hidden, inner), (inner, hidden)]


def products(config: LlamaConfig, tokens: int, head_tokens: int) -> list[tuple[int, int, int]]:
    """Rows, inputs and outputs of every weight product of a forward pass, the vocabulary's last."""
    layers = [(tokens, *shape) for shape in weights(config)] * config.num_hidden_layers
    return [*layers, (head_tokens, config.hidden_size, config.vocab_size)]


def step_flops(config: LlamaConfig, rows: int, length: int, head_tokens: int) -> dict[str, int]:
    """Operations of a forward and backward pass, by where they happen.

    Weights: 2 a parameter and token forward, 4 backward, so ``6 * parameters * tokens``. Attention: a token's scores and its
    sum of values take ``4 * T * H`` forward over T positions, three times that with backward, and half of it because it
    sees only what came before: ``12 * L * T * H / 2`` a token, with L layers and H the width of all query heads.
    """
    matrices = sum(
        6 * many * inputs * outputs for many, inputs, outputs in products(config, rows * length, head_tokens)
    )
    size = config.head_dim or config.hidden_size // config.num_attention_heads
    width = size * config.num_attention_heads
    return {"weights": matrices, "attention": rows * length * 12 * config.num_hidden_layers * length * width // 2}


def training_step(config: LlamaConfig) -> Callable[[], None]:
    """A function that runs forward and backward once."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).train()
    ids = torch.randint(config.vocab_size, (ROWS, ROW_TOKENS))
    places = torch.randperm(ROWS * (ROW_TOKENS - 1))[: head_tokens()]
    targets = ids[:, 1:].flatten()[places]

    def step() -> None:
        model.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half()):
            states = model.model(ids, use_cache=False).last_hidden_state[:, :-1].flatten(0, 1)[places]
            loss = torch.nn.functional.cross_entropy(model.lm_head(states).float(), targets)
        loss.backward()

    return step


def head_tokens() -> int:
    return int(HEAD_SHARE * ROWS * ROW_TOKENS)


def plain_products(config: LlamaConfig) -> Callable[[], None]:
    """A function that runs the step's weight products alone, in the step's arithmetic, forward and backward."""
    made = {}
    for many, inputs, outputs in products(config, ROWS * ROW_TOKENS, head_tokens()):
        shape = many, inputs, outputs
        made.setdefault(
            shape, (drawn(many, inputs), drawn(inputs, outputs), drawn(many, outputs))
        )  # one copy a shape: what is timed is arithmetic

    def run() -> None:
        for shape in products(config, ROWS * ROW_TOKENS, head_tokens()):
            given, weight, gradient = made[shape]
            given @ weight
            gradient @ weight.T
            given.T @ gradient

    return run


def half() -> bool:
    """Whether the step computes in bf16, as the recipe does where the CPU has such products."""
    return multiplies_bf16(torch.device("cpu"))


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.bfloat16 if half() else torch.float32)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def training(config: LlamaConfig, threads: int) -> dict[str, float]:
    """Rates of the step and of its products alone, 10^9 operations a second, medians of interleaved runs."""
    torch.set_num_threads(threads)
    flops = step_flops(config, ROWS, ROW_TOKENS, head_tokens())
    step, alone = training_step(config), plain_products(config)
    step(), alone()
    steps, plains = [], []
    for _ in range(REPEATS):
        steps.append(timed(step))
        plains.append(timed(alone))
    pairs = zip(steps, plains, strict=True)
    whole, matrices = sum(flops.values()), flops["weights"]
    return {
        "threads": threads,
        "step_gflops": round(whole / statistics.median(steps) / 1e9, 1),
        "products_gflops": round(matrices / statistics.median(plains) / 1e9, 1),
        "ratio": round(statistics.median(whole / step / (matrices / plain) for step, plain in pairs), 3),
        "tokens_per_second": round(ROWS * ROW_TOKENS / statistics.median(steps)),
    }


@torch.inference_mode()
def generation(threads: int) -> Iterator[dict[str, object]]:
    """Tokens per second over all rows, medians; a row reads ``PROMPT`` tokens and writes ``WRITTEN``."""
    torch.set_num_threads(threads)
    for precision in ("fp32", "bf16"):
        network = load_model(ModelConfig(precision=precision, device="cpu")).network
        for rows in (1, 8):
            ids = torch.randint(network.config.vocab_size, (rows, PROMPT), generator=torch.Generator().manual_seed(0))
            reading, writing = [], []
            for _ in range(REPEATS + 1):
                began = time.perf_counter()
                output = network(ids, use_cache=True, logits_to_keep=1)
                reading.append(time.perf_counter() - began)
                began = time.perf_counter()
                for _ in range(WRITTEN):
                    following = output.logits[:, -1:].argmax(-1)
                    output = network(following, past_key_values=output.past_key_values, use_cache=True)
                writing.append(time.perf_counter() - began)
            yield {  # the first round warms up
                "precision": precision,
                "rows": rows,
                "threads": threads,
                "prefill_tokens_per_second": round(rows * PROMPT / statistics.median(reading[1:])),
                "decode_tokens_per_second": round(rows * WRITTEN / statistics.median(writing[1:])),
            }


def main() -> None:
    """Measure, print, and save with ``--output``."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, help="JSON file for the record")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="the most to use, all by default")
    options = parser.parse_args()
    config = AutoConfig.from_pretrained(TINY_FOLDER)
    found = {
        "command": "make bench",
        "commit": commit(),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "torch": torch.__version__,
            "bf16 products": half(),
        },
        "step": {"rows": ROWS, "row_tokens": ROW_TOKENS, "head_share": HEAD_SHARE}
        | step_flops(config, ROWS, ROW_TOKENS, head_tokens()),
        "training": [training(config, threads) for threads in sorted({1, options.threads})],
        "generation": list(generation(options.threads)),
    }
    print(json.dumps(found, indent=1))
    if options.output:
        write_record(options.output, found)


if __name__ == "__main__":
    main()
