"""A baseline for the loop: the sentence encoder trained on the same labels by neighbourhood components analysis."""

import argparse
from pathlib import Path

from core.cli.options import overrides, overrides_argument, pool_argument, task_named, training_pool
from core.config import typed_config
from core.models.sentence_encoder import SentenceEncoder
from core.training.nca import NEIGHBOURS, NcaConfig, save_encoder, train_nca


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--task", default="topic")
    pool_argument(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder of the encoder; it must not exist")
    overrides_argument(parser, "seed=1 languages=['eng_Latn','swh_Latn']")


def run(options: argparse.Namespace, began: float) -> int:
    """Train, keep the best by items set aside, write an encoder for ``train.py evaluate --encoder``."""
    config = typed_config(NcaConfig, overrides(options.overrides))
    encoder = SentenceEncoder()
    trained = train_nca(encoder, training_pool(options.pool, task_named(options.task)), config)
    save_encoder(encoder, trained.weight, options.output)
    print(
        f"Labels of the {NEIGHBOURS} nearest agree with the query's in {trained.after:.1%} of cases on items set aside "
        f"({trained.before:.1%} before), with decay {trained.decay:g} and temperature {trained.temperature:g}.\n{options.output}"
    )
    return 0
