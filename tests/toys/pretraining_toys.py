"""The pre-training recipe at toy size: ten items in three languages, a trained tokenizer, settings, ways to read a row."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from toys import LANGUAGES, SENTENCES
from transformers import LlamaForCausalLM

from core.config import read_config
from core.data.tasks import Task
from core.embedded.architecture import build_decoder, language_shares
from core.embedded.config import DecoderConfig, PretrainConfig
from core.embedded.episodes import Material
from core.embedded.rows import ANSWER, Block, EpisodeWriter, Row, Sentence, SentenceBank
from core.embedded.tokenizer import train_tokenizer
from core.models.loading import ASSETS

WORDS = ["pebble", "lantern", "thistle", "harbour", "velvet", "cinder", "mango"]
ITEMS = range(len(SENTENCES))

# The bundled settings at toy size, whatever else they hold.
SHIPPED = read_config(ASSETS / "configs" / "pretrain_cpu.toml", PretrainConfig)
ENCODER = replace(
    SHIPPED.encoder,
    dimensions=8,
    batch=10,
    epochs=12,
    learning_rate=0.05,
    temperature=0.1,
    word_dropout=0.1,
    sum_weight=1.0,
    bpe_dropout=0.1,
    seed=3,
)
EPISODES = replace(
    SHIPPED.episodes,
    arbitrary_share=0.5,
    clusters=5,
    english_share=0.5,
    focus=("fra_Latn", "swh_Latn"),
    focus_share=0.5,
)
DECODER = replace(
    SHIPPED.decoder,
    hidden=32,
    meaning=8,
    note=8,
    layers=3,
    heads=2,
    feed_forward=16,
    context=256,
    steps=5,
    reading_steps=1,
    rows=2,
    row_tokens=256,
    sentences=6,
    learning_rate=0.01,
    warm_up=2,
    shares_first={"text": 0.5, "topic": 0.5},
    shares_then={"copy": 0.5, "sentiment": 0.5},
    first_part=0.4,
    threads=1,
    circuit=True,
)


def sentence(number: int, code: str) -> Sentence:
    label, *texts = SENTENCES[number]
    return Sentence(f"item-{number}", code, texts[LANGUAGES.index(code)], texts[0], label)


@cache
def toy_tokenizer() -> Tokenizer:
    """A trained tokenizer, so that answers are cut into tokens as in earnest."""
    rows = [(code, sentence(number, code).text) for number in ITEMS for code in LANGUAGES] * 3
    words = [path.read_text(encoding="utf-8") for path in sorted((ASSETS / "verbalisers").glob("*.toml"))]
    return train_tokenizer(pd.DataFrame(rows, columns=["language", "text"]), words, 600, 10_000)


def toy_material(tasks: dict[str, Task]) -> Material:
    said = [[sentence(number, code) for code in LANGUAGES] for number in ITEMS]
    feelings = ["positive", "negative", "neutral"]
    return Material(
        tasks=tasks,
        topics={f"item-{number}": said[number] for number in ITEMS},
        sentiments={code: [replace(sentence(n, code), label=feelings[n % 3]) for n in ITEMS] for code in LANGUAGES},
        parallel=said,
        clusters=[said[n : n + 2] for n in ITEMS[::2]],
        documents={code: [" " + " ".join(sentence(n, code).text for n in ITEMS)] for code in LANGUAGES},
        neighbours={f"item-{n}": [f"item-{m}" for m in ITEMS if m != n] for n in ITEMS},
        words=WORDS,
    )


def toy_teacher() -> dict[str, np.ndarray]:
    """Unit vectors of the English sides."""
    rng = np.random.default_rng(0)
    vectors = {entry[1]: rng.normal(size=8) for entry in SENTENCES}
    return {english: vector / np.linalg.norm(vector) for english, vector in vectors.items()}


def parallel_text() -> pd.DataFrame:
    rows = [(code, sentence(n, code).text, SENTENCES[n][1]) for n in ITEMS for code in LANGUAGES]
    return pd.DataFrame(rows, columns=["language", "text", "english"])


def toy_bank(material: Material) -> SentenceBank:
    """Every toy sentence in every language, for the alignment loss."""
    said = [entry for meaning in material.parallel for entry in meaning]
    return SentenceBank.of(said, lambda texts: [e.ids for e in toy_tokenizer().encode_batch(texts)], 40)


def new_decoder(table: torch.Tensor, config: DecoderConfig = DECODER) -> LlamaForCausalLM:
    return build_decoder(table, language_shares(toy_tokenizer(), parallel_text(), LANGUAGES), config, 0, 1)


def random_decoder(config: DecoderConfig = DECODER, seed: int = 0) -> LlamaForCausalLM:
    """A decoder whose every weight is random: in a new one, the layers add nothing, so that faults in them stay unseen."""
    table = torch.randn(toy_tokenizer().get_vocab_size(), 8, generator=torch.Generator().manual_seed(seed))
    model = new_decoder(table, config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            size = 1.0 if "embed" in name else weight.shape[-1] ** -0.5
            fresh = 1.5 * size * torch.randn(weight.shape, generator=generator)
            weight.copy_(fresh if weight.ndim > 1 else 1 + 0.1 * fresh)
    return model.eval()


@dataclass(frozen=True)
class Written:
    """What a sampler asked its writer to write."""

    task: Task
    code: str
    blocks: list[Block]
    weight: float


class RecordingWriter(EpisodeWriter):
    """An ordinary writer that also keeps what it was asked for."""

    def __init__(self, tokenizer: Tokenizer, start: int, end: int) -> None:
        super().__init__(tokenizer, start, end)
        self.written: list[Written] = []

    def episode(self, task: Task, code: str, blocks: list[Block], longest: int, weight: float = ANSWER) -> Row | None:
        self.written.append(Written(task, code, blocks, weight))
        return super().episode(task, code, blocks, longest, weight)


def alone(row: Row) -> list[Row]:
    """The episodes of a row, each as a row of its own."""
    found, begin = [], 0
    for size in row.lengths:
        end = begin + size
        found.append(
            Row(
                row.ids[begin:end],
                row.weights[begin:end],
                [(place - begin, english) for place, english in row.summaries if begin <= place < end],
                [(place - begin, [t - begin for t in to]) for place, to in row.pointers if begin <= place < end],
                (size,),
            )
        )
        begin = end
    return found


def stretches(row: Row, chosen: Callable[[float], bool]) -> list[str]:
    """Texts of the stretches of an episode whose weights are ``chosen``, without the start and the end token."""
    found: list[list[int]] = []
    inside = False
    for token, value in zip(row.ids[1:-1], row.weights[1:-1], strict=True):
        if chosen(value):
            if not inside:
                found.append([])
            found[-1].append(token)
        inside = chosen(value)
    return [toy_tokenizer().decode(ids).strip() for ids in found]


def answers(episode: Row) -> list[tuple[str, bool]]:
    """Each answer of an episode whose sentences all have an English side, with whether it is learnt."""
    found = []
    for place, _ in episode.summaries:
        text = toy_tokenizer().decode(episode.ids[place + 1 :]).split("\n\n")[0].strip()
        found.append((text, episode.weights[place + 1] > 0))
    return found
