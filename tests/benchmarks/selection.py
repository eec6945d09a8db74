"""Time of a choice of demonstrations, by the number of candidates. ``make bench`` runs it.

Self-selection: 8 of N cached unit vectors of 256 dimensions, greedily and by Gumbel-top-K, with log pi and entropy, and beside it the
plain way, a float32 product of all vectors and a full ``topk``. That both choose alike is checked first. BM25 and kNN: scores of all
candidates and the best 8, on sentences of random words and on vectors of the encoder's size. The encoder: sentences a second of
``SentenceEncoder`` beside the same folder in plain ``sentence-transformers``.

Runs are interleaved and warm, on two threads where the machine has them; ``assets/results/selection_speed.json`` keeps medians and the
least, because other work on the machine shares its memory's bandwidth, which is what a choice among a million needs. ``--clock cpu
--threads 1`` counts what the process took of a core, for a machine that others use.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.measuring import CLOCKS, circumstances, interleaved, milliseconds, ratio

from core.models.catalogue import ENCODER_FOLDER
from core.models.sentence_encoder import SentenceEncoder
from core.run_record import write_record
from core.selection import policy
from core.selection.policy import PolicyConfig, halved
from core.selection.strategies.lexical import Bm25Index
from core.workbench import bundled_examples

ROOT = Path(__file__).resolve().parents[2]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
K, REPEATS = 8, 9
OWN, ENCODED, WORDS, VOCABULARY = 256, 176, 16, 24_000


def unit_rows(size: int, width: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(size, width, generator=torch.Generator().manual_seed(0)), dim=1)


def self_selection(size: int, repeats: int, clock: str) -> dict[str, Any]:
    """Milliseconds to choose ``K`` of ``size`` candidates."""
    vectors = unit_rows(size, OWN)
    halves = halved(vectors)
    usable, groups = torch.rand(size, generator=torch.Generator().manual_seed(1)) < 0.97, torch.arange(size) // 2
    query, config = torch.nn.functional.normalize(vectors[0] + 0.5 * vectors[1], dim=0), PolicyConfig()
    source = torch.Generator().manual_seed(0)

    def whole(generator: torch.Generator | None) -> policy.Draw:
        drawn = policy.draw(query, vectors, usable, K, config, groups, generator, halves)
        policy.entropy(drawn.first_scores, usable)
        return drawn

    def plain() -> torch.Tensor:
        return (vectors @ query).masked_fill(~usable, -torch.inf).topk(8 * K).indices

    exact = policy.draw(query, vectors, usable, K, config, groups)
    exact_chosen = whole(None)
    assert exact_chosen.chosen.tolist() == exact.chosen.tolist()
    works = {
        "greedy": lambda: policy.draw(query, vectors, usable, K, config, groups, None, halves),
        "with_entropy": lambda: whole(None),
        "sampled": lambda: policy.draw(query, vectors, usable, K, config, groups, source, halves),
        "plain": plain,
    }
    seconds = interleaved(works, repeats, clock=clock)
    return {
        "candidates": size,
        "greedy_ms": milliseconds(seconds["greedy"]),
        "greedy_least_ms": round(1e3 * min(seconds["greedy"]), 1),
        "with_entropy_ms": milliseconds(seconds["with_entropy"]),
        "sampled_ms": milliseconds(seconds["sampled"]),
        "plain_product_ms": milliseconds(seconds["plain"]),
        "over_plain": ratio(seconds["plain"], seconds["greedy"]),
        "log_prob_difference_nats": float(f"{abs(float(exact_chosen.log_prob - exact.log_prob)):.2g}"),
    }


def retrieval(size: int, repeats: int, clock: str) -> dict[str, Any]:
    """Milliseconds of BM25 and kNN for the best ``K`` of ``size`` candidates, and of building the BM25 index once."""
    random = np.random.default_rng(0)
    ranks = random.zipf(1.3, size * WORDS) % VOCABULARY  # as words of sentences are: few common ones, many rare
    documents = ranks.reshape(size, WORDS).tolist()
    built: list[Bm25Index] = []
    building = interleaved({"build": lambda: built.append(Bm25Index(documents))}, 1, warm=False, clock=clock)["build"][
        0
    ]
    vectors, groups = unit_rows(size, ENCODED), torch.arange(size)
    queries = [random.choice(documents[0], WORDS).tolist() for _ in range(repeats + 1)]
    stream = iter(queries)
    works = {
        "bm25": lambda: policy.top(torch.from_numpy(built[0].scores(next(stream))), K, groups),
        "knn": lambda: policy.top(vectors @ vectors[0], K, groups),
    }
    seconds = interleaved(works, repeats, clock=clock)
    return {
        "candidates": size,
        "bm25_build_s": round(building, 2),
        "bm25_ms": milliseconds(seconds["bm25"]),
        "knn_ms": milliseconds(seconds["knn"]),
    }


def encoding(repeats: int, clock: str) -> dict[str, Any]:
    """Sentences a second of our encoder, over that of plain sentence-transformers at its own defaults."""
    from sentence_transformers import SentenceTransformer

    texts = [example.text for example in bundled_examples("topic")]
    ours, theirs = SentenceEncoder(), SentenceTransformer(str(ENCODER_FOLDER), device="cpu").float()
    spaced = [f" {text}" for text in texts]  # the same bytes, see SentenceEncoder.vectors
    plain = theirs.encode(spaced, normalize_embeddings=True, show_progress_bar=False)
    assert float(np.abs(ours.vectors(texts) - plain).max()) <= 1e-5
    works = {
        "ours": lambda: ours.vectors(texts),
        "theirs": lambda: theirs.encode(spaced, normalize_embeddings=True, show_progress_bar=False),
    }
    seconds = interleaved(works, repeats, clock=clock)
    return {
        "sentences": len(texts),
        "sentences_per_second": round(len(texts) / float(np.median(seconds["ours"]))),
        "over_sentence_transformers": ratio(seconds["theirs"], seconds["ours"]),
    }


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "assets" / "results" / "selection_speed.json")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="candidates")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu, with one thread, where others use the cores too"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes = [size for size in SIZES if size <= options.most]
    record = circumstances() | {"k": K, "clock": options.clock}
    record["selection"] = [self_selection(size, options.repeats, options.clock) for size in sizes]
    record["retrieval"] = [retrieval(size, options.repeats, options.clock) for size in sizes]
    record["encoder"] = encoding(options.repeats, options.clock)
    write_record(options.output, record)
    print(options.output.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
