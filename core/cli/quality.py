"""Measure the embedded models, or others, on held-out text."""

import argparse
import sys
import time
from pathlib import Path

from core.cli.options import ROOT, parts
from core.data.tasks import load_tasks
from core.embedded.corpus import data_folder
from core.embedded.quality import QualityConfig, Subject, means, measure
from core.embedded.quality_translation import MOST_PAIRS
from core.languages import resolve_language
from core.models.loading import ASSETS, ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--data", required=True, help="what pretrain reads")
    parser.add_argument("--parts", default="retrieval,tokens,knn,translation", help="what to measure, comma-separated")
    parser.add_argument(
        "--translate", default="fra_Latn,deu_Latn,spa_Latn,swh_Latn", help="languages to and from English, or all"
    )
    parser.add_argument("--k", type=int, default=4, help="demonstrations of a translation")
    parser.add_argument("--strategy", default="agl", help="that chooses them")
    parser.add_argument("--pairs", type=int, default=MOST_PAIRS, help="of a language that are translated, at most")
    parser.add_argument("--only-from-english", action="store_true", help="leave out translation into English")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--precision", default="auto", help="fp32, bf16 or nf4; default as suits the device")
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "assets" / "results" / "embedded", help="folder for one record a part"
    )


def run(options: argparse.Namespace, began: float) -> int:
    """Measure the embedded models on held-out text, a record a part."""
    tasks = load_tasks(ASSETS)
    known = tasks["translation"].languages
    codes = None
    if options.translate != "all":
        codes = tuple(resolve_language(name, known).code for name in parts(options.translate))
    config = QualityConfig(
        tuple(parts(options.parts)), codes, options.k, options.strategy, options.pairs, options.only_from_english
    )

    def report(line: str) -> None:
        print(f"{(time.perf_counter() - began) / 60:5.1f} min  {line}", file=sys.stderr, flush=True)

    model, encoder = load_model(ModelConfig(options.model, options.precision)), SentenceEncoder(options.encoder)
    subject = Subject(model, encoder, tasks, data_folder(options.data), config, Path("runs") / "cache", report)
    for part, table in measure(subject, options.output):
        print(f"{part}\n{table.round(3).to_string(index=False, na_rep='')}\nmean {means(table)}\n", flush=True)
    return 0
