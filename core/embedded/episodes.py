"""What the language model learns from: running text, translations, and episodes whose context has to be read.

Label words of most labelled episodes are permuted or replaced by arbitrary words (symbol tuning, Wei et al. 2023,
arXiv 2305.08298): then only the demonstrations say what a label means. Kinds:

- ``copy``         every demonstration has an arbitrary label; each query is a translation of a demonstration
- ``cluster``      demonstrations and queries from a few clusters of meaning, each cluster with an arbitrary label
- ``topic``        SIB-200 ``demo`` items in several languages, half of the demonstrations near the query in meaning
- ``sentiment``    labelled remarks
- ``translation``  the same sentence in two languages
- ``text``         consecutive sentences of one document
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from core.data.tasks import Task
from core.embedded.config import EpisodeConfig
from core.embedded.rows import TEXT, Block, EpisodeWriter, Row, Sentence, pack


@dataclass(frozen=True)
class Material:
    """Everything that episodes are drawn from."""

    tasks: dict[str, Task]
    topics: dict[str, list[Sentence]]  # SIB-200 demo, by item
    sentiments: dict[str, list[Sentence]]  # by language
    parallel: list[list[Sentence]]  # short sentences, one inner list per meaning, at least two languages
    clusters: list[list[list[Sentence]]]  # meanings that are near each other, each with its sentences
    documents: dict[str, list[str]]  # by language: running text
    neighbours: dict[str, list[str]]  # topic item -> other items, nearest first
    words: list[str]  # arbitrary label words


class RowSampler:
    """Draws training rows; the random source is an argument, so a row depends on (seed, step, index) alone."""

    def __init__(self, material: Material, writer: EpisodeWriter, config: EpisodeConfig, length: int) -> None:
        """``length`` of a row in tokens."""
        self.material, self.writer, self.config, self.length = material, writer, config, length
        self._kinds: dict[str, Callable[[random.Random, int], Row | None]] = {
            "text": self._text,
            "copy": self._copy,
            "cluster": self._cluster,
            "topic": self._topic,
            "sentiment": self._sentiment,
            "translation": self._translation,
        }
        self._by_language: dict[str, list[int]] = {}
        for index, sentences in enumerate(material.parallel):
            for code in {sentence.language for sentence in sentences}:
                self._by_language.setdefault(code, []).append(index)

    def row(self, rng: random.Random, shares: dict[str, float]) -> Row:
        """One row of episodes of one kind, drawn by ``shares``."""
        kind = self._kinds[rng.choices(list(shares), weights=list(shares.values()))[0]]
        return pack(lambda budget: kind(rng, budget), self.length)

    def _text(self, rng: random.Random, budget: int) -> Row | None:
        code = rng.choice(list(self.material.documents))
        return self.writer.running(rng.choice(self.material.documents[code]), budget)

    def _copy(self, rng: random.Random, budget: int) -> Row | None:
        meanings = rng.sample(self.material.parallel, rng.randint(2, 8))
        task = self.material.tasks[rng.choice(["topic", "sentiment"])]
        code = rng.choice(task.languages)
        labels, demonstrations, queries = {}, [], []
        for sentences in meanings:
            first, second = rng.sample(sentences, 2)
            labels[first.group] = self._some_word(rng, task, code)
            demonstrations.append(first)
            queries.append(second)
        queries = rng.sample(queries, rng.randint(1, len(queries)))
        blocks = [Block(sentence, labels[sentence.group], learnt=False) for sentence in demonstrations]
        blocks += [Block(sentence, labels[sentence.group]) for sentence in queries]
        return self.writer.episode(task, code, blocks, budget)

    def _cluster(self, rng: random.Random, budget: int) -> Row | None:
        task = self.material.tasks[rng.choice(["topic", "sentiment"])]
        code = rng.choice(task.languages)
        drawn = rng.sample(self.material.clusters, rng.randint(2, 5))
        words = self._arbitrary_words(rng, task, code, len(drawn))
        members, labels = [], {}
        for cluster, word in zip(drawn, words, strict=True):
            for sentences in rng.sample(cluster, min(len(cluster), rng.randint(1, 4))):
                sentence = rng.choice(sentences)
                labels[sentence.group] = word
                members.append(sentence)
        rng.shuffle(members)
        labels_so_far: set[str] = set()
        blocks = []
        for sentence in members[:10]:
            blocks.append(Block(sentence, labels[sentence.group], labels[sentence.group] in labels_so_far))
            labels_so_far.add(labels[sentence.group])
        return self.writer.episode(task, code, blocks, budget)

    def _topic(self, rng: random.Random, budget: int) -> Row | None:
        task, topics = self.material.tasks["topic"], self.material.topics
        code = rng.choice(task.languages)
        item = rng.choice(list(topics))
        query = rng.choice(topics[item])
        size = rng.choice([2, 4, 6, 8, 8])
        near = self.material.neighbours[item][:24]
        items = rng.sample(near, size // 2) if near else []
        items += rng.sample([other for other in topics if other != item and other not in items], size - len(items))
        sentences = [rng.choice([s for s in topics[other] if s.language != query.language]) for other in items]
        rng.shuffle(sentences)
        return self._labelled(rng, task, code, [*sentences, query], budget)

    def _sentiment(self, rng: random.Random, budget: int) -> Row | None:
        task, remarks = self.material.tasks["sentiment"], self.material.sentiments
        sentences = [rng.choice(remarks[rng.choice(list(remarks))]) for _ in range(rng.choice([3, 5, 7, 9]))]
        return self._labelled(rng, task, rng.choice(task.languages), sentences, budget)

    def _translation(self, rng: random.Random, budget: int) -> Row | None:
        task = self.material.tasks["translation"]
        focused = rng.random() < self.config.focus_share
        spoken = [code for code in task.languages if code in self._by_language]
        code = rng.choice([code for code in self.config.focus if focused and code in spoken] or spoken)
        blocks: list[Block] = []
        count = rng.randint(1, 5)
        for _ in range(20):
            sentences = self.material.parallel[rng.choice(self._by_language[code])]
            targets = [sentence for sentence in sentences if sentence.language == code]
            sources = [sentence for sentence in sentences if sentence.language != code]
            english = [sentence for sentence in sources if sentence.language == "eng_Latn"]
            if english and rng.random() < self.config.english_share:
                sources = english
            blocks.append(Block(rng.choice(sources), rng.choice(targets).text))
            if len(blocks) == count:
                break
        return self.writer.episode(task, code, blocks, budget, TEXT)

    def _labelled(
        self, rng: random.Random, task: Task, code: str, sentences: list[Sentence], budget: int
    ) -> Row | None:
        """An episode over labelled sentences; an answer can be learnt once its label was shown."""
        words = dict(task.verbaliser(code).words)
        if rng.random() < self.config.arbitrary_share:
            words = dict(zip(words, self._arbitrary_words(rng, task, code, len(words)), strict=True))
        labels_so_far: set[str] = set()
        blocks = []
        for sentence in sentences:
            blocks.append(Block(sentence, words[sentence.label], sentence.label in labels_so_far))
            labels_so_far.add(sentence.label)
        return self.writer.episode(task, code, blocks, budget)

    def _arbitrary_words(self, rng: random.Random, task: Task, code: str, size: int) -> list[str]:
        """Different label words: the task's own, permuted, or any words."""
        own = list(task.verbaliser(code).words.values())
        if len(own) >= size and rng.random() < 0.6:
            return rng.sample(own, size)
        return rng.sample(self.material.words, size)

    def _some_word(self, rng: random.Random, task: Task, code: str) -> str:
        return self._arbitrary_words(rng, task, code, 1)[0]
