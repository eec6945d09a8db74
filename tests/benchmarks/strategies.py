"""Time of strategies that consult the model, and how the time of an answer grows. ``make bench`` runs it.

Likelihood of N candidate demonstrations (``ModelJudge.score``: queries of one language after each of them, sixteen as in an evaluation,
and one alone as in Explore) against one-by-one passes with full logits. MDL: some contexts of four demonstrations for a query, its seven
labels scored, against the way OpenICL's MDL retriever scores them: a padded batch of the labels of one context, full logits, context
after context. OpenICL itself is left out: its last version, 0.1.8 of 2023, asks for transformers 4.28.1, tokenizers 0.13.3 and
faiss_gpu, which cannot stand beside transformers 5.

Growth: seconds of ``Scorer`` for the labels of a query by K, by number of labels and by number of answer languages, beside padded
batches. Scores are held to the slow way within 1e-4 nats first. Medians of interleaved, warm runs go to
``assets/results/strategies_speed.json``.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.measuring import CLOCKS, circumstances, interleaved, ratio
from benchmarks.scoring import CLOSE, apart, one_by_one

from core.inference.predictor import Question
from core.models.catalogue import TINY
from core.models.loading import ModelConfig
from core.records import Example, Query
from core.run_record import write_record
from core.scoring import Request, Scorer
from core.selection.strategies.judged import MinimumDescriptionLength
from core.workbench import Workbench, open_workbench

ROOT = Path(__file__).resolve().parents[2]
CANDIDATES, QUERIES, CONTEXTS, K = 32, 16, 4, 4
LANGUAGES = ("swh_Latn", "eng_Latn", "arb_Arab", "zho_Hans", "fra_Latn", "hin_Deva", "rus_Cyrl", "tur_Latn")


def queries_of(workbench: Workbench, count: int, code: str = "swh_Latn") -> list[Query]:
    examples = [example for example in workbench.pool("topic").examples if example.language == code][:count]
    return [Query(example.text, code, example.item) for example in examples]


def usable(workbench: Workbench, query: Query) -> list[Example]:
    pool = workbench.pool("topic")
    return [example for example, may in zip(pool.examples, pool.usable(query), strict=True) if may]


def likelihood(workbench: Workbench, repeats: int, clock: str, queries: int) -> dict[str, Any]:
    """Queries of one language after each of ``CANDIDATES`` demonstrations, the same for all."""
    model_judge, asking = workbench.predictor("topic").model_judge, queries_of(workbench, queries)
    mine = {query.item for query in asking}
    others = [example for example in usable(workbench, asking[0]) if example.item not in mine]
    examples = others[:: len(others) // CANDIDATES][:CANDIDATES]
    questions = [(query, examples, query.language) for query in asking]
    recorded: list[Request] = []
    scorer = model_judge.scorer
    real_score = scorer.score
    scorer.score = lambda requests, progress=None: recorded.extend(requests) or real_score(requests)
    model_judge.score(questions)
    scorer.score = real_score
    assert len(recorded) == queries * CANDIDATES
    assert apart(real_score(recorded), one_by_one(scorer, recorded)) <= CLOSE

    def ours() -> None:
        scorer.forget()
        model_judge.score(questions)

    seconds = interleaved({"ours": ours, "one_by_one": lambda: one_by_one(scorer, recorded)}, repeats, clock=clock)
    return {
        "candidates": CANDIDATES, "queries": queries, "over_one_by_one": ratio(seconds["one_by_one"], seconds["ours"])
    }  # fmt: skip


@torch.inference_mode()
def context_by_context(scorer: Scorer, requests: Sequence[Request]) -> list[np.ndarray]:
    """A padded batch of the labels of one context with full logits, context after context, as OpenICL scores them."""
    rows = []
    model = scorer.model
    for request in requests:
        targets = scorer.targets([(request.context, answer) for answer in request.answers])
        length = max(len(target.tokens) for target in targets)
        pad = model.tokenizer.pad_token_id
        ids = torch.tensor([[*target.tokens, *[pad] * (length - len(target.tokens))] for target in targets])
        mask = torch.tensor(
            [[position < len(target.tokens) for position in range(length)] for target in targets]
        ).long()
        logs = model.network(ids, attention_mask=mask).logits[:, :-1].float().log_softmax(-1)
        values = logs.gather(2, ids[:, 1:, None])[:, :, 0]
        rows.append(
            np.array([float(r[t.first - 1 : len(t.tokens) - 1].sum()) for r, t in zip(values, targets, strict=True)])
        )
    return rows


def mdl(workbench: Workbench, repeats: int, clock: str) -> dict[str, Any]:
    """The label scores behind MDL's choice: some contexts of one query."""
    predictor = workbench.predictor("topic")
    requests, query = [], queries_of(workbench, 1)[0]
    for seed in range(CONTEXTS):
        demonstrations = predictor.select(Question(query, "random", K, seed=seed)).demonstrations
        words = predictor.writer.words(query.language)
        requests.append(Request(predictor.writer.prompt(query, demonstrations, query.language).text, words))
    scorer = Scorer(workbench.model)
    assert apart(scorer.score(requests), context_by_context(scorer, requests)) <= CLOSE

    def ours() -> None:
        scorer.forget()
        scorer.score(requests)

    seconds = interleaved({"ours": ours, "theirs": lambda: context_by_context(scorer, requests)}, repeats, clock=clock)
    each = float(np.median(seconds["ours"])) / CONTEXTS
    return {
        "contexts": CONTEXTS,
        "over_context_by_context": ratio(seconds["theirs"], seconds["ours"]),
        "seconds_a_context": round(each, 3),
        "seconds_for_200_queries": round(200 * MinimumDescriptionLength.contexts * each),
    }


def from_nothing(scorer: Scorer, pairs: Sequence[tuple[str, str]]) -> None:
    """Token scores without the prefixes that an earlier run stored."""
    scorer.forget()
    scorer.token_scores(pairs)


def growth(workbench: Workbench, repeats: int, clock: str) -> list[dict[str, Any]]:
    """Seconds by K, by labels and by languages of the answer, ours and padded."""
    predictor = workbench.predictor("topic")
    queries = queries_of(workbench, 1)
    cells = [("K", k, k, 7, 1) for k in (0, 2, 4, 8)]
    cells += [("labels", labels, K, labels, 1) for labels in (2, 4, 7)]
    cells += [("languages", languages, K, 7, languages) for languages in (1, 2, 4, 8)]
    rows = []
    for along, size, k, labels, languages in cells:
        requests = []
        for query in queries:
            demonstrations = predictor.select(Question(query, "random", k)).demonstrations
            for code in LANGUAGES[:languages]:
                prompt = predictor.writer.prompt(query, demonstrations, code).text
                requests.append(Request(prompt, predictor.writer.words(code)[:labels]))
        pairs = [(request.context, answer) for request in requests for answer in request.answers]
        ours, padded = Scorer(workbench.model), Scorer(workbench.model, method="padded")
        works = {"ours": partial(from_nothing, ours, pairs), "padded": partial(padded.token_scores, pairs)}
        seconds = interleaved(works, repeats, clock=clock)
        rows += [
            {"along": along, "size": size, "method": name, "seconds": round(float(np.median(durations)), 4)}
            for name, durations in seconds.items()
        ]
        print(rows[-2:], flush=True)
    return rows


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "assets" / "results" / "strategies_speed.json")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu, with one thread, where others use the cores too"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    record = circumstances() | {"model": TINY, "clock": options.clock}
    workbench = open_workbench(ModelConfig(TINY, "fp32", "cpu"), cache=ROOT / "data" / "cache")
    works: dict[str, Callable[..., Any]] = {
        "likelihood": partial(likelihood, queries=QUERIES), "likelihood_of_one_query": partial(likelihood, queries=1),
        "mdl": mdl, "growth": growth,
    }  # fmt: skip
    for name, measure in works.items():
        record[name] = measure(workbench, options.repeats, options.clock)
        print(name, record[name], flush=True)
    write_record(options.output, record)


if __name__ == "__main__":
    main()
