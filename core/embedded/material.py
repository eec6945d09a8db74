"""Cuts the corpus into what episodes are drawn from: labelled items, parallel sentences, running documents."""

import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.data.matching import normal_form
from core.data.tasks import Task
from core.embedded.corpus import Corpus, forbidden_texts
from core.embedded.episodes import Material
from core.embedded.rows import Sentence

LONGEST_PARALLEL = 90  # characters of a sentence in copy and translation episodes
LONGEST_CLUSTERED = 180  # and in cluster episodes
SMALLEST_CLUSTER = 8  # meanings
REMARKS_PER_LANGUAGE = 1500


def build_material(
    corpus: Corpus,
    folder: Path,
    tasks: dict[str, Task],
    languages: tuple[str, ...],
    vectors: dict[str, np.ndarray],
    clusters: int,
) -> Material:
    """Assemble the material. ``vectors`` maps English sides to teacher vectors (D,), for neighbours and clusters."""
    sib = pd.read_parquet(folder / "sib200" / "sib200_devlangs_train_dev.parquet")
    topics = _topics(corpus.train, sib)
    return Material(
        tasks=tasks,
        topics=topics,
        sentiments=_sentiments(folder, languages, forbidden_texts(sib)),
        parallel=_parallel(corpus.train, LONGEST_PARALLEL),
        clusters=_clusters(_parallel(corpus.train, LONGEST_CLUSTERED), vectors, clusters),
        documents=_documents(corpus.train),
        neighbours=_neighbours(topics, vectors),
        words=_words(corpus.train),
    )


def sentences_of(text: pd.DataFrame) -> list[Sentence]:
    """Rows with the columns group, language, text, english as sentences."""
    columns = (text[name].astype(str).tolist() for name in ("group", "language", "text", "english"))
    return [Sentence(*values) for values in zip(*columns, strict=True)]


def _topics(text: pd.DataFrame, sib: pd.DataFrame) -> dict[str, list[Sentence]]:
    demo = sib[sib["devfold"] == "demo"].drop_duplicates("index_id")
    labels = dict(zip(demo["index_id"].astype(str), demo["label"].astype(str), strict=True))
    topics: dict[str, list[Sentence]] = defaultdict(list)
    rows = text[text["source"] == "SIB-200 demo"]
    for sentence in sentences_of(rows):
        label = labels[sentence.group.split("/")[1]]
        topics[sentence.group].append(replace(sentence, label=label))
    return {item: sentences for item, sentences in topics.items() if len(sentences) > 1}


def _sentiments(folder: Path, languages: tuple[str, ...], forbidden: frozenset[str]) -> dict[str, list[Sentence]]:
    remarks: dict[str, list[Sentence]] = defaultdict(list)
    for name in ("nusax_senti", "afrisenti"):
        frame = pd.read_parquet(folder / "sentiment" / f"{name}.parquet")
        frame["language"] = frame["language"].str.split("-").str[0]
        frame = frame[(frame["split"] == "train") & frame["language"].isin(languages)].drop_duplicates(
            ["language", "text"]
        )
        for code, rows in frame.groupby("language"):
            rows = rows.sample(min(len(rows), REMARKS_PER_LANGUAGE), random_state=0)
            for text, label in zip(rows["text"], rows["label"], strict=True):
                if normal_form(text) not in forbidden:
                    remarks[str(code)].append(Sentence(text, str(code), text[:200], "", label))
    return dict(remarks)


def _parallel(text: pd.DataFrame, longest: int) -> list[list[Sentence]]:
    """Meanings with a short sentence in at least two languages; a Tatoeba pair brings its English side along."""
    short = text[(text["text"].str.len() <= longest) & (text["english"] != "") & (text["source"] != "Bible")]
    meanings: dict[str, list[Sentence]] = defaultdict(list)
    for sentence, source in zip(sentences_of(short), short["source"], strict=True):
        key = sentence.english if source == "Tatoeba" else sentence.group
        if source == "Tatoeba" and key not in meanings:
            meanings[key].append(Sentence(key, "eng_Latn", sentence.english, sentence.english))
        meanings[key].append(replace(sentence, group=key))
    return [sentences for sentences in meanings.values() if len({s.language for s in sentences}) > 1]


def _clusters(meanings: list[list[Sentence]], vectors: dict[str, np.ndarray], size: int) -> list[list[list[Sentence]]]:
    """K-means over the vectors of English sides; clusters of too few meanings are left out."""
    from sklearn.cluster import MiniBatchKMeans

    known = [sentences for sentences in meanings if sentences[0].english in vectors]
    matrix = np.stack([vectors[sentences[0].english] for sentences in known])
    assigned = MiniBatchKMeans(min(size, len(known)), random_state=0, n_init=1, batch_size=4096).fit_predict(matrix)
    clusters: dict[int, list[list[Sentence]]] = defaultdict(list)
    for number, sentences in zip(assigned.tolist(), known, strict=True):
        clusters[number].append(sentences)
    return [cluster for _, cluster in sorted(clusters.items()) if len(cluster) >= SMALLEST_CLUSTER]


def _documents(text: pd.DataFrame) -> dict[str, list[str]]:
    documents: dict[str, list[str]] = {}
    for code, rows in text[text["source"] != "SIB-200 demo"].groupby("language", sort=True):
        joined = rows.groupby("document", sort=True)["text"].agg(" ".join)
        short, long = joined[joined.str.len() < 400].tolist(), joined[joined.str.len() >= 400].tolist()
        random.Random(0).shuffle(short)
        documents[str(code)] = [" " + " ".join(short[i : i + 8]) for i in range(0, len(short), 8)]
        documents[str(code)] += [" " + piece for whole in long for piece in _pieces(whole)]
    return documents


def _pieces(text: str, size: int = 1500) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _neighbours(topics: dict[str, list[Sentence]], vectors: dict[str, np.ndarray]) -> dict[str, list[str]]:
    items = list(topics)
    matrix = np.stack([vectors[topics[item][0].english] for item in items])
    cosines = matrix @ matrix.T
    np.fill_diagonal(cosines, -np.inf)
    return {item: [items[j] for j in np.argsort(-cosines[i])[:-1][:48]] for i, item in enumerate(items)}


def _words(text: pd.DataFrame, per_language: int = 60) -> list[str]:
    """Frequent words of four to nine letters, from every language: label words without a meaning of their own."""
    words: set[str] = set()
    for _, lines in text.groupby("language", sort=True)["text"]:
        counts = lines.str.casefold().str.findall(r"\w{4,9}").explode().value_counts()
        words |= set(counts.index[:per_language])
    return sorted(words)
