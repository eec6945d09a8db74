"""What is measured on a card, each a section of the record that stands alone: agreement, speed, scoring, a step of the closed loop.

Where no hub can be reached a synthetic Llama of one to three billion parameters with random weights serves for speed and memory;
agreement between precisions is measured on the embedded model, whose labels mean something.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.scoring import apart, one_by_one
from benchmarks.scoring import topic_requests as requests
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from core.config import read_config
from core.data.tasks import load_tasks
from core.models.catalogue import TINY_FOLDER
from core.models.devices import ran_out
from core.models.loading import ASSETS, PRECISIONS, LanguageModel, ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.scoring import Request, Scorer
from core.training.config import FitConfig
from core.training.run import prepare
from core.workbench import bundled_examples, open_workbench

Row = dict[str, Any]
LANGUAGES = ("eng_Latn", "fra_Latn", "swh_Latn", "hin_Deva", "arb_Arab", "zho_Hans")


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    shape: dict[str, int]  # of the synthetic Llama
    batches: tuple[int, ...] = (1, 8, 64)
    prompt: int = 512  # tokens read, a row
    written: int = 32  # tokens written, a row
    queries: int = 200  # whose labels are compared between precisions
    scored: int = 16  # queries of the scorer's comparison
    repeats: int = 3
    loop: tuple[str, ...] = ("writing.pairs=0",)  # settings of the closed-loop step


_WIDE = {"vocab_size": 128_256, "num_key_value_heads": 8, "intermediate_size": 8192}
SHAPES = {
    "1b": _WIDE | {"hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32},  # 1.24 billion
    "3b": _WIDE | {"hidden_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 24},  # 3.21 billion
    "toy": {
        "vocab_size": 24_000,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
}
_TOY_LOOP = ("optim.queries=2", "policy.contexts=2", "policy.k=2", "policy.candidates=16", "watch.queries=2")
TOY = Sizes(SHAPES["toy"], (1, 2), 16, 4, 2, 1, 1, ("writing.pairs=0", *_TOY_LOOP))


def settle(device: torch.device) -> None:
    """Wait until the card has done what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Of one call, until the card is done."""
    settle(device)
    began = time.perf_counter()
    work()
    settle(device)
    return time.perf_counter() - began


def agreement(device: torch.device, sizes: Sizes) -> list[Row]:
    """Labels and log-probabilities of the embedded model in every precision against float32."""
    rows: list[Row] = []
    asked: list[Request] = []
    exact: list[np.ndarray] = []
    for precision in PRECISIONS:
        bench = open_workbench(ModelConfig("embedded", precision, str(device)))
        asked = asked or requests(bench, shared=False, one_token=False, queries=sizes.queries)
        found = Scorer(bench.model).score(asked)
        exact = exact or found
        same = [int(a.argmax() == b.argmax()) for a, b in zip(exact, found, strict=True)]
        rows.append(
            {
                "precision": precision,
                "queries": len(asked),
                "label_agreement": round(float(np.mean(same)), 4),
                "largest_difference_nats": float(f"{apart(exact, found):.3g}"),
                "weights_megabytes": round(bench.model.megabytes, 1),
            }
        )
    return rows


@contextmanager
def synthetic(sizes: Sizes, device: torch.device) -> Iterator[Path]:
    """A folder with a Llama of random weights in bf16 and the embedded tokenizer."""
    torch.manual_seed(0)
    config = LlamaConfig(**sizes.shape, max_position_embeddings=4096, tie_word_embeddings=True)
    kind = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with device:
            network = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(kind)
    with tempfile.TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        AutoTokenizer.from_pretrained(TINY_FOLDER).save_pretrained(folder)
        del network
        if device.type == "cuda":
            torch.cuda.empty_cache()
        yield Path(folder)


def speed(folder: Path, device: torch.device, sizes: Sizes) -> list[Row]:
    """Load time, weights' memory, and tokens a second of reading and writing, in bf16 and in 4-bit."""
    rows: list[Row] = []
    for precision in ("bf16", "nf4"):
        loaded: list[LanguageModel] = []
        config = ModelConfig(str(folder), precision, str(device))
        loading = seconds(lambda config=config, loaded=loaded: loaded.append(load_model(config)), device)
        model = loaded.pop()
        for batch in sizes.batches:
            row: Row = {"precision": precision, "batch": batch, "load_s": round(loading, 2)}
            row["weights_megabytes"] = round(model.megabytes, 1)
            rows.append(row | _reading_and_writing(model, batch, sizes))
        del model
    return rows


@torch.inference_mode()
def _reading_and_writing(model: LanguageModel, batch: int, sizes: Sizes) -> Row:
    ids = torch.randint(1000, (batch, sizes.prompt), generator=torch.Generator().manual_seed(0)).to(model.device)
    reading, writing = [], []
    if model.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(model.device)
    try:
        for _ in range(sizes.repeats + 1):  # the first warms up
            held: list[Any] = []
            reading.append(seconds(lambda held=held: held.append(model.network(ids, logits_to_keep=1)), model.device))
            writing.append(seconds(lambda held=held: _write(model, held.pop(), sizes.written), model.device))
    except Exception as error:
        if not ran_out(error):
            raise
        return {"out_of_memory": True}
    row = {
        "prefill_tokens_per_second": round(batch * sizes.prompt / statistics.median(reading[1:])),
        "decode_tokens_per_second": round(batch * sizes.written / statistics.median(writing[1:]), 1),
    }
    if model.device.type == "cuda":
        row["peak_megabytes"] = round(torch.cuda.max_memory_allocated(model.device) / 1e6)
    return row


def _write(model: LanguageModel, output: Any, count: int) -> None:
    for _ in range(count):
        following = output.logits[:, -1:].argmax(-1)
        output = model.network(following, past_key_values=output.past_key_values, use_cache=True)


def scoring(folder: Path, device: torch.device, sizes: Sizes) -> list[Row]:
    """The scorer beside padded batches and one-by-one passes, in every precision of the synthetic model and in fp32 of the embedded."""
    rows: list[Row] = []
    bench = open_workbench(ModelConfig("embedded", "fp32", str(device)))
    asked = requests(bench, shared=False, one_token=False, queries=sizes.scored)
    for name, precision in (("embedded", "fp32"), (str(folder), "bf16"), (str(folder), "nf4")):
        model = bench.model if name == "embedded" else load_model(ModelConfig(name, precision, str(device)))
        ours, padded = Scorer(model), Scorer(model, method="padded")
        pairs = [(request.context, answer) for request in asked for answer in request.answers]
        exact = one_by_one(ours, asked)
        works = {
            "ours": partial(ours.token_scores, pairs),
            "padded": partial(padded.token_scores, pairs),
            "one_by_one": partial(one_by_one, ours, asked),
        }
        for work in works.values():
            work()
        times = {key: [seconds(work, device) for _ in range(sizes.repeats)] for key, work in works.items()}
        fast = statistics.median(times["ours"])
        rows.append(
            {
                "model": "embedded" if name == "embedded" else "synthetic",
                "precision": precision,
                "method": ours.method,
                "over_one_by_one": round(statistics.median(times["one_by_one"]) / fast, 2),
                "over_padded": round(statistics.median(times["padded"]) / fast, 2),
                "label_scores_per_second": round(len(pairs) / fast, 1),
                "difference_nats": float(f"{apart(exact, ours.score(asked)):.2g}"),
            }
        )
    return rows


def closed_loop(device: torch.device, sizes: Sizes) -> list[Row]:
    """One step of the closed loop with an adapter on 4-bit and on float32 weights of the embedded model, after one that warms up."""
    pool = [e for e in bundled_examples("topic") if e.language in LANGUAGES]
    if sizes.shape is SHAPES["toy"]:
        pool = [e for e in pool if int(e.item.rsplit("-", 1)[1]) < 14]
    settings = dict(part.split("=") for part in sizes.loop)
    config = read_config(ASSETS / "configs" / "fit_short.toml", FitConfig, settings)
    config = replace(config, languages=LANGUAGES)
    rows: list[Row] = []
    for precision in ("fp32", "nf4"):
        model = load_model(ModelConfig("embedded", precision, str(device)))
        with tempfile.TemporaryDirectory() as folder:
            task = load_tasks(ASSETS)["topic"]
            loop = prepare(config, model, SentenceEncoder(), task, pool, None, Path(folder) / "run")
            loop._iterate()
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            lines: list[Row] = []
            whole = seconds(lambda loop=loop, lines=lines: lines.append(loop._iterate()), device)
        row: Row = {"precision": precision, "step_s": round(whole, 3), "loss": round(float(lines[0]["loss_total"]), 4)}
        row |= {f"{phase}_s": round(taken, 3) for phase, taken in lines[0].get("seconds", {}).items()}
        if device.type == "cuda":
            row["peak_megabytes"] = round(torch.cuda.max_memory_allocated(device) / 1e6)
        rows.append(row)
    return rows
