"""Speed of label scoring, as ratios in one run, parity checked first. ``make bench`` runs it.

Queries with K demonstrations of their own and seven labels of several tokens, on the tiny model unless another is named; the same with
one fixed set of demonstrations for all queries, as in a leaderboard run; and both with answers of one token (letters).
Ours is compared with

- one-by-one scoring: a forward pass with full logits for every label, what a plain loop does,
- padded batches with logits of the label positions alone,
- ``HFLM.loglikelihood`` of lm-evaluation-harness on the same model object, at the batch size that is fastest for it,
- with ``--llama-cpp`` llama.cpp on the GGUF file that Gemma 3 270M was converted from (4-bit blocks), the same tokens, as
  ``benchmarks.llama_cpp_peer`` tells.

Every score is held to one-by-one scoring before anything is timed, within 1e-4 nats in fp32; in bf16 the differences by rounding are
recorded, and those of llama.cpp, which multiplies 4-bit blocks by 8-bit states. Runs are interleaved and warm; medians of the ratios go to
``assets/results/scoring_speed.json``.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from benchmarks.measuring import CLOCKS, circumstances, interleaved, ratio, timed

from core.inference.predictor import Question
from core.models.catalogue import GEMMA, TINY
from core.models.loading import ModelConfig
from core.models.packaged import join
from core.records import Demonstration, Query
from core.run_record import write_record
from core.scoring import Request, Scorer
from core.workbench import Workbench, open_workbench

if TYPE_CHECKING:
    from benchmarks.harness import Harness
    from benchmarks.llama_cpp_peer import LlamaCpp

ROOT = Path(__file__).resolve().parents[2]
QUERIES, K, REPEATS = 4, 4, 3
BATCHES = (1, 2, 4, 8, 16)
LETTERS = tuple(f" {letter}" for letter in "ABCDEFG")
CLOSE = {"fp32": 1e-4, "bf16": 1.0}  # nats, of a label; methods differ by rounding alone


def topic_requests(workbench: Workbench, shared: bool, one_token: bool, queries: int = QUERIES) -> list[Request]:
    """Prompts of the bundled topic pool, with demonstrations chosen per query or shared by all."""
    predictor = workbench.predictor("topic")
    pool = predictor.index.pool
    requests = [example for example in pool.examples if example.language == "swh_Latn"][:queries]
    fixed = tuple(Demonstration(example, None, None) for example in pool.examples[-600::150][:K])
    prompts = []
    for example in requests:
        query = Query(example.text, example.language, example.item)
        demonstrations = fixed if shared else predictor.select(Question(query, "random", K)).demonstrations
        prompt = predictor.writer.prompt(query, demonstrations, example.language)
        words = predictor.task.verbaliser(example.language).words
        prompts.append(Request(prompt.text, LETTERS if one_token else tuple(f" {word}" for word in words.values())))
    return prompts


@torch.inference_mode()
def one_by_one(scorer: Scorer, requests: list[Request]) -> list[np.ndarray]:
    """The reference: a pass with full logits for every (context, label)."""
    model = scorer.model
    rows = []
    for request in requests:
        values = []
        for target in scorer.targets([(request.context, answer) for answer in request.answers]):
            logs = model.network(torch.tensor([target.tokens], device=model.device)).logits[0].float().log_softmax(-1)
            positions = range(target.first, len(target.tokens))
            values.append(sum(float(logs[position - 1, target.tokens[position]]) for position in positions))
        rows.append(np.array(values))
    return rows


def apart(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    """Largest difference, nats."""
    return max(float(np.abs(a - b).max()) for a, b in zip(first, second, strict=True))


def fastest(workbench: Workbench, requests: list[Request], batches: Sequence[int]) -> "tuple[Harness, int]":
    """The harness at the batch size that takes it the least time, in one warm run of each."""
    from benchmarks.harness import Harness

    harnesses = {size: Harness(workbench.model, size) for size in batches}
    harnesses[batches[0]].score(requests[:1])
    times = {size: timed(lambda harness=harness: harness.score(requests)) for size, harness in harnesses.items()}
    best = min(times, key=lambda size: times[size])
    print({size: round(seconds, 2) for size, seconds in times.items()}, flush=True)
    return harnesses[best], best


def compare(
    workbench: Workbench,
    shared: bool,
    one_token: bool,
    repeats: int,
    clock: str,
    batches: Sequence[int],
    peer: "LlamaCpp | None" = None,
) -> dict[str, Any]:
    """Ratios of time, every other way over ours, with the largest differences of scores."""
    requests = topic_requests(workbench, shared, one_token)
    ours, padded = Scorer(workbench.model), Scorer(workbench.model, method="padded")
    pairs = [(request.context, answer) for request in requests for answer in request.answers]
    lengths = [len(target.tokens) - target.first for target in ours.targets(pairs)]
    assert not one_token or set(lengths) == {1}
    reference = one_by_one(ours, requests)
    harness, batch = fastest(workbench, requests, batches)
    differences = {"ours": apart(reference, ours.score(requests)), "harness": apart(reference, harness.score(requests))}
    for name, value in differences.items():
        allowed = CLOSE[workbench.model.config.precision]
        assert value <= allowed, f"{name} differs by {value} nats from one-by-one scoring"

    def from_nothing() -> None:
        ours.forget()  # else the second run would find its prefixes stored
        ours.token_scores(pairs)

    works: dict[str, Callable[[], object]] = {
        "ours": from_nothing,
        "padded": lambda: padded.token_scores(pairs),
        "harness": lambda: harness.score(requests),
        "one_by_one": lambda: one_by_one(ours, requests),
    }
    targets = [ours.targets([(request.context, answer) for answer in request.answers]) for request in requests]

    def by_llama_cpp() -> list[np.ndarray]:
        assert peer is not None
        peer.forget()
        return peer.score(targets)

    besides: dict[str, Any] = {}
    if peer is not None:
        besides["llama_cpp_difference_nats"] = float(f"{apart(reference, by_llama_cpp()):.2g}")
        works["llama_cpp"] = by_llama_cpp
    seconds = interleaved(works, repeats, clock=clock)
    if peer is not None:
        besides["over_llama_cpp"] = ratio(seconds["llama_cpp"], seconds["ours"])
    return {
        "demonstrations": "shared" if shared else "own",
        "label_tokens": 1 if one_token else round(float(np.mean(lengths)), 1),
        "over_harness": ratio(seconds["harness"], seconds["ours"]),
        "over_one_by_one": ratio(seconds["one_by_one"], seconds["ours"]),
        "over_padded": ratio(seconds["padded"], seconds["ours"]),
        "harness_batch": batch,
        "label_scores_per_second": round(len(pairs) / float(np.median(seconds["ours"])), 1),
        "difference_nats": float(f"{differences['ours']:.2g}"),
        "harness_difference_nats": float(f"{differences['harness']:.2g}"),
    } | besides


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "assets" / "results" / "scoring_speed.json")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default=TINY, help="tiny, gemma-3-270m, a folder or a .gguf file")
    parser.add_argument("--demonstrations", default="own,shared", help="which comparisons, with commas")
    parser.add_argument("--label-tokens", default="several,one", help="which comparisons, with commas")
    parser.add_argument(
        "--batches", default=",".join(map(str, BATCHES)), help="of the harness, the fastest of which counts"
    )
    parser.add_argument("--precision", choices=tuple(CLOSE), default="fp32")
    parser.add_argument(
        "--llama-cpp", action="store_true", help="also llama.cpp on Gemma's GGUF file, with --model gemma-3-270m"
    )
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu, with one thread, where others use the cores too"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    batches = [int(size) for size in options.batches.split(",")]
    record = circumstances() | {"model": options.model, "precision": options.precision, "clock": options.clock}
    record |= {"queries": QUERIES, "k": K, "labels": 7}
    workbench = open_workbench(ModelConfig(options.model, options.precision, "cpu"), cache=ROOT / "data" / "cache")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        peer = None
        if options.llama_cpp:
            from benchmarks.llama_cpp_peer import LlamaCpp

            if workbench.model.config.name != GEMMA:
                parser.error(f"--llama-cpp reads the file of {GEMMA}; name it by --model")
            peer = LlamaCpp(join(Path(folder) / "model.gguf"), 7, options.threads)
        for tokens in options.label_tokens.split(","):
            for which in options.demonstrations.split(","):
                shared, one_token = which == "shared", tokens == "one"
                rows.append(compare(workbench, shared, one_token, options.repeats, options.clock, batches, peer))
                print(rows[-1], flush=True)
    write_record(options.output, record | {"scoring": rows})


if __name__ == "__main__":
    main()
