"""Which prompt variant and calibration suit a model: every one of them on items of the pool."""

import argparse
from pathlib import Path

from core.cli.evaluation_data import language_code, named
from core.cli.options import parts, progress
from core.data.corpora import languages_of, load_corpus
from core.data.pool import Pool
from core.evaluation import refuse_overwrite
from core.experiments.prompt_choice import PromptChoiceConfig, prompt_choice
from core.experiments.runner import printed
from core.models.catalogue import DEFAULT
from core.models.loading import ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.run_record import write_record
from core.workbench import Workbench

LANGUAGES = "eng_Latn,fra_Latn,hin_Deva,swh_Latn,zho_Hans,arb_Arab"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--task", default="topic", help="a task with labels, or a built-in corpus such as sib200")
    parser.add_argument("--data", required=True, help="folder of the built-in corpora")
    parser.add_argument("--languages", default=LANGUAGES, help=f"of the queries; default {LANGUAGES}")
    parser.add_argument("--items", type=int, default=60, help="different items of the pool")
    parser.add_argument("--each", type=int, default=2, help="languages that an item is asked in")
    parser.add_argument("--variants", default="", help="prompt variants with commas; default all")
    parser.add_argument("--strategy", default="knn", help="of the demonstrations")
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--models", default=DEFAULT, help="default, tiny, folders, .gguf files or Hub ids, with commas")
    parser.add_argument("--precision", default="auto", help="fp32, bf16 or nf4; default as suits the device")
    parser.add_argument("--output", type=Path, required=True, help="folder for record.json")


def run(options: argparse.Namespace, began: float) -> int:
    """Compare prompt variants and calibrations and write a record."""
    refuse_overwrite(options.output)
    task, corpus = named(options.task)
    at_hand = languages_of(corpus, options.data)
    codes = tuple(language_code(name, at_hand) for name in parts(options.languages))
    shared = tuple(code for code in task.languages if code in at_hand)
    pool = load_corpus(corpus, task, options.data, codes, sorted({*shared, *codes})).pool
    config = PromptChoiceConfig(
        codes, options.items, options.each, options.strategy, options.k, tuple(parts(options.variants))
    )
    benches = [
        Workbench(
            load_model(ModelConfig(name, options.precision)),
            SentenceEncoder(),
            cache=None,
            pools={task.name: Pool(pool)},
        )
        for name in parts(options.models)
    ]
    with progress("prompts") as report:
        entry = prompt_choice(benches, task, pool, config, report)
    write_record(options.output / "record.json", entry)
    print(printed(entry))
    return 0
