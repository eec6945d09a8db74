"""The recipe from end to end: corpus, tokenizer, teacher, encoder, language model, folders to ship.

Every stage leaves its result in the working folder and is skipped when it is there already.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer, processors

from core.pretraining.config import PretrainConfig
from core.pretraining.corpus import Corpus, load_corpus
from core.pretraining.decoder import DecoderTrainer, SentenceBank, build_decoder, teacher_table
from core.pretraining.encoder import save_encoder, train_encoder
from core.pretraining.episodes import RowSampler
from core.pretraining.material import build_material, sentences_of
from core.pretraining.teacher import teacher_vectors
from core.pretraining.tokenizer import END, START, save_tokenizer, train_tokenizer
from core.tasks import Task

LONGEST_ALIGNED = 64  # tokens of a sentence in the alignment loss


def pretrain(
    config: PretrainConfig,
    data: Path,
    assets: Path,
    tasks: dict[str, Task],
    work: Path,
    report: Callable[[str], None],
) -> None:
    """Run all stages; the finished models land in ``work/lm`` and ``work/encoder``."""
    work.mkdir(parents=True, exist_ok=True)
    corpus = load_corpus(data, config.languages)
    report(f"corpus: {len(corpus.train)} sentences to learn from, {len(corpus.held_out)} held out")
    tokenizer = _tokenizer(config, corpus.train, assets, work)
    vectors = _teacher(config, corpus, work, report)
    table = _encoder(config, tokenizer, corpus.train, vectors, work, report)
    _decoder(config, tokenizer, table, corpus, vectors, data, tasks, work, report)


def _tokenizer(config: PretrainConfig, text: pd.DataFrame, assets: Path, work: Path) -> Tokenizer:
    path = work / "tokenizer.json"
    if not path.is_file():
        folders = (assets / "templates", assets / "verbalisers")
        words = [file.read_text(encoding="utf-8") for folder in folders for file in sorted(folder.glob("*.toml"))] * 3
        settings = config.tokenizer
        train_tokenizer(text, words, settings.size, settings.characters_per_language).save(str(path))
    return Tokenizer.from_file(str(path))


def _teacher(
    config: PretrainConfig, corpus: Corpus, work: Path, report: Callable[[str], None]
) -> dict[str, np.ndarray]:
    english = sorted(set(corpus.train["english"]) - {""})
    report(f"teacher: vectors of {len(english)} English sentences")
    key = hashlib.sha256("\n".join([config.encoder.teacher, *english]).encode()).hexdigest()[:12]
    cache = work / f"teacher-{key}.npy"
    vectors = teacher_vectors(config.encoder.teacher, english, config.encoder.dimensions, cache)
    return dict(zip(english, vectors, strict=True))


def _encoder(
    config: PretrainConfig,
    tokenizer: Tokenizer,
    text: pd.DataFrame,
    vectors: dict[str, np.ndarray],
    work: Path,
    report: Callable[[str], None],
) -> torch.Tensor:
    path = work / "encoder.pt"
    if path.is_file():
        return torch.load(path, weights_only=True)  # type: ignore[no-any-return]
    parallel = text[text["english"] != ""].reset_index(drop=True)
    torch.set_num_threads(config.decoder.threads)
    table = train_encoder(tokenizer, parallel, vectors, config.encoder, report)
    save_encoder(tokenizer, table, work / "encoder")
    torch.save(table, path)
    return table


def _decoder(
    config: PretrainConfig,
    tokenizer: Tokenizer,
    table: torch.Tensor,
    corpus: Corpus,
    vectors: dict[str, np.ndarray],
    data: Path,
    tasks: dict[str, Task],
    work: Path,
    report: Callable[[str], None],
) -> None:
    start, end = int(tokenizer.token_to_id(START) or 0), int(tokenizer.token_to_id(END) or 0)
    material = build_material(corpus, data, tasks, config.languages, vectors)
    sampler = RowSampler(material, tokenizer, config.decoder.row_tokens, start, end)
    parallel = corpus.train[corpus.train["english"] != ""]
    sentences = sentences_of(parallel)
    bank = SentenceBank.of(sentences, lambda texts: [e.ids for e in tokenizer.encode_batch(texts)], LONGEST_ALIGNED)
    model = build_decoder(table, config.decoder, start, end)
    DecoderTrainer(model, sampler, bank, teacher_table(vectors), config.decoder, work).run(report)
    model.to(torch.float16).save_pretrained(work / "lm")
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, start)])
    save_tokenizer(tokenizer, work / "lm")
    (work / "recipe.json").write_text(json.dumps(dataclasses.asdict(config), indent=1), encoding="utf-8")
