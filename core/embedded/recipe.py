"""The recipe from end to end: corpus, teacher, encoder; tokenizer, token vectors, language model; folders to ship.

Encoder and language model have tokenizers of their own: the encoder costs nothing by the size of its vocabulary but disk, the
language model's cost grows with it. Every stage leaves its result in the working folder and is skipped when it is there
already, so that a run that was stopped goes on where it was.
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

from core.data.tasks import Task
from core.embedded.architecture import build_decoder, language_shares
from core.embedded.config import EncoderConfig, PretrainConfig, TokenizerConfig
from core.embedded.corpus import Corpus, english_fragments, load_corpus
from core.embedded.decoder import DecoderTrainer
from core.embedded.encoder import save_encoder, teacher_vectors, train_encoder
from core.embedded.episodes import RowSampler
from core.embedded.material import build_material, sentences_of
from core.embedded.rows import EpisodeWriter, SentenceBank, TeacherTable
from core.embedded.tokenizer import END, START, save_tokenizer, train_tokenizer

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
    vectors = _teacher(config, corpus, work, report)
    torch.set_num_threads(config.decoder.threads)
    if not (work / "encoder").is_dir():
        tokenizer = _tokenizer(config.encoder_tokenizer, corpus.train, assets, work / "encoder_tokenizer.json")
        table = _token_vectors(config.encoder, tokenizer, corpus.train, vectors, work / "encoder.pt", report)
        save_encoder(tokenizer, table, work / "encoder.partial")
        (work / "encoder.partial").replace(work / "encoder")
    tokenizer = _tokenizer(config.tokenizer, corpus.train, assets, work / "tokenizer.json")
    table = _token_vectors(config.token_vectors, tokenizer, corpus.train, vectors, work / "token_vectors.pt", report)
    _decoder(config, tokenizer, table, corpus, vectors, data, tasks, work, report)


def _tokenizer(settings: TokenizerConfig, text: pd.DataFrame, assets: Path, path: Path) -> Tokenizer:
    if not path.is_file():
        folders = (assets / "templates", assets / "verbalisers")
        words = [file.read_text(encoding="utf-8") for folder in folders for file in sorted(folder.glob("*.toml"))] * 3
        train_tokenizer(text, words, settings.size, settings.characters_per_language).save(str(path))
    return Tokenizer.from_file(str(path))


def _teacher(
    config: PretrainConfig, corpus: Corpus, work: Path, report: Callable[[str], None]
) -> dict[str, np.ndarray]:
    sentences = sorted(set(corpus.train["english"]) - {""})
    english = sentences + english_fragments(sentences, config.teacher.fragments)
    report(f"teacher: vectors of {len(sentences)} English sentences and {len(english) - len(sentences)} fragments")
    key = hashlib.sha256("\n".join([config.teacher.model, *english]).encode()).hexdigest()[:12]
    cache = work / f"teacher-{key}.npy"
    vectors = teacher_vectors(config.teacher.model, english, config.teacher.dimensions, cache)
    return dict(zip(english, vectors, strict=True))


def _token_vectors(
    config: EncoderConfig,
    tokenizer: Tokenizer,
    text: pd.DataFrame,
    vectors: dict[str, np.ndarray],
    path: Path,
    report: Callable[[str], None],
) -> torch.Tensor:
    if not path.is_file():
        parallel = text.loc[text["english"] != "", ["text", "english"]]
        fragments = sorted(set(vectors) - set(parallel["english"]))
        parallel = pd.concat([parallel, pd.DataFrame({"text": fragments, "english": fragments})], ignore_index=True)
        report(f"{path.stem}: {len(parallel)} texts, {config.epochs} epochs")
        torch.save(train_encoder(tokenizer, parallel, vectors, config, report), path)
    return torch.load(path, weights_only=True)  # type: ignore[no-any-return]


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
    settings = config.decoder
    material = build_material(corpus, data, tasks, config.languages, vectors, config.episodes.clusters)
    writer = EpisodeWriter(tokenizer, start, end)
    sampler = RowSampler(material, writer, config.episodes, settings.row_tokens)
    sentences = sentences_of(corpus.train[corpus.train["english"] != ""])
    bank = SentenceBank.of(sentences, lambda texts: [e.ids for e in tokenizer.encode_batch(texts)], LONGEST_ALIGNED)
    shares = language_shares(tokenizer, corpus.train, config.languages)
    model = build_decoder(table, shares, settings, start, end)
    DecoderTrainer(model, sampler, bank, TeacherTable.of(vectors, settings.meaning), settings, work).run(report)
    model.cpu()
    model.to(torch.float16).save_pretrained(work / "lm")
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, start)])
    save_tokenizer(tokenizer, work / "lm")
    (work / "recipe.json").write_text(json.dumps(dataclasses.asdict(config), indent=1), encoding="utf-8")
