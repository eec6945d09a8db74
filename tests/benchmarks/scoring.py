"""Speed of the scorer and of selection, as ratios in one run, parity checked first. ``make bench`` runs it.

Label scoring: queries with K demonstrations of their own and seven labels of several tokens, on the embedded model.
Compared with one-by-one scoring (a forward pass with full logits per label, what a plain loop does) and with padded batches.
Shared context: the same with one fixed set of demonstrations, as in a leaderboard run.
Selection: K of N cached unit vectors.

Runs are interleaved and warm; the medians of the ratios go to ``assets/results/speed.json``.
"""

import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from core import policy
from core.bundle import Workbench, open_workbench
from core.models import ModelConfig
from core.policy import PolicyConfig
from core.predictor import Question
from core.records import Demonstration, Query
from core.scoring import Request, Scorer

ROOT = Path(__file__).resolve().parents[2]
QUERIES, K, REPEATS = 8, 4, 3


def requests(bench: Workbench, shared: bool) -> list[Request]:
    """Prompts of the bundled topic pool, with demonstrations chosen per query or shared by all."""
    predictor = bench.predictor("topic")
    pool = predictor.index.pool
    asked = [example for example in pool.examples if example.language == "swh_Latn"][:QUERIES]
    fixed = tuple(Demonstration(example, None, None) for example in pool.examples[-600::150][:K])
    made = []
    for example in asked:
        query = Query(example.text, example.language, example.item)
        shown = fixed if shared else predictor.select(Question(query, "random", K)).demonstrations
        prompt = predictor.writer.prompt(query, shown, example.language)
        words = predictor.task.verbaliser(example.language).words
        made.append(Request(prompt.text, tuple(f" {word}" for word in words.values())))
    return made


@torch.inference_mode()
def one_by_one(scorer: Scorer, asked: list[Request]) -> list[np.ndarray]:
    """The reference: a pass with full logits for every (context, label)."""
    model = scorer.model
    rows = []
    for request in asked:
        values = []
        for target in scorer._targets([(request.context, answer) for answer in request.answers]):
            logs = model.network(torch.tensor([target.tokens])).logits[0].float().log_softmax(-1)
            places = range(target.first, len(target.tokens))
            values.append(sum(float(logs[place - 1, target.tokens[place]]) for place in places))
        rows.append(np.array(values))
    return rows


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(bench: Workbench, shared: bool) -> dict[str, float]:
    """Ratios of time, one-by-one and padded over packed, with the largest difference of scores."""
    asked = requests(bench, shared)
    packed, padded = Scorer(bench.model), Scorer(bench.model, method="padded")
    reference = one_by_one(packed, asked)
    apart = max(float(np.abs(a - b).max()) for a, b in zip(reference, packed.score(asked), strict=True))
    assert apart <= 1e-4, f"packed scoring differs by {apart} nats"
    pairs = [(request.context, answer) for request in asked for answer in request.answers]
    ratios: dict[str, list[float]] = {"one_by_one": [], "padded": []}
    for _ in range(REPEATS):
        fast = timed(lambda: packed.token_scores(pairs))
        ratios["padded"].append(timed(lambda: padded.token_scores(pairs)) / fast)
        ratios["one_by_one"].append(timed(lambda: one_by_one(packed, asked)) / fast)
    return {name: round(statistics.median(values), 2) for name, values in ratios.items()} | {
        "largest_difference_nats": apart
    }


def selection(size: int) -> dict[str, float]:
    """Milliseconds to choose 8 of ``size`` cached candidates, greedily and by Gumbel-top-K."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(size, 256, generator=generator), dim=1)
    usable, groups = torch.ones(size, dtype=torch.bool), torch.arange(size)
    query, config = vectors[0].clone(), PolicyConfig()
    policy.draw(query, vectors, usable, 8, config, groups)
    greedy = [timed(lambda: policy.draw(query, vectors, usable, 8, config, groups)) for _ in range(REPEATS)]
    sampled = [timed(lambda: policy.draw(query, vectors, usable, 8, config, groups, generator)) for _ in range(REPEATS)]
    return {
        "candidates": size,
        "greedy_ms": round(1e3 * statistics.median(greedy), 1),
        "sampled_ms": round(1e3 * statistics.median(sampled), 1),
    }


def main() -> None:
    """Measure, print and save."""
    bench = open_workbench(ModelConfig(), cache=ROOT / "data" / "cache")
    found = {
        "command": "make bench",
        "machine": {"processor": platform.machine(), "threads": torch.get_num_threads(), "torch": torch.__version__},
        "queries": QUERIES,
        "k": K,
        "own_demonstrations": compare(bench, shared=False),
        "shared_demonstrations": compare(bench, shared=True),
        "selection": [selection(size) for size in (1_000, 100_000, 1_000_000)],
    }
    text = json.dumps(found, indent=1)
    (ROOT / "assets" / "results" / "speed.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
