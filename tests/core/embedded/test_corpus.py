"""The pre-training corpus: nothing kept for evaluation may be learnt from.

Tests of `core.embedded.material`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from toys import SENTENCES

from core.config import read_config
from core.data.matching import normal_form
from core.data.tasks import Task
from core.embedded.config import PretrainConfig
from core.embedded.corpus import COLUMNS, Corpus, forbidden_texts, is_held_out, load_corpus
from core.embedded.material import SMALLEST_CLUSTER, build_material
from core.errors import InvalidData
from core.models.loading import ASSETS

DATA = ASSETS.parent.parent / "shared" / "data"
needs_data = pytest.mark.skipif(
    not (DATA / "sib200").is_dir(), reason="the corpora are not here: ../shared/data is missing"
)

KEPT = next(f"Sentence {n}." for n in range(99) if not is_held_out(f"Sentence {n}."))
MEASURED = next(f"Sentence {n}." for n in range(99) if is_held_out(f"Sentence {n}."))
SECRET, SECRET_FRENCH = "The secret  test sentence.", "La phrase secrète."


def small_corpus(folder: Path) -> Path:
    """A corpus of a few rows in the layout of the real one, with evaluation sentences planted in it."""

    def write(name: str, rows: list[dict[str, Any]]) -> None:
        path = folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_parquet(path)

    ntrex = []
    lines = [
        ("Hello there.", "Bonjour."),
        ("the SECRET test sentence.", "Autre phrase."),
        ("Fine.", SECRET_FRENCH + " "),
    ]
    for line, texts in enumerate(lines):
        for code, kind, text in zip(("eng_Latn", "fra_Latn"), ("source", "ref"), texts, strict=True):
            ntrex.append({"line": line, "doc_id": "d", "language": code, "kind": kind, "text": text})
    ntrex.append({"line": 0, "doc_id": "d", "language": "fra_Latn", "kind": "mt", "text": "Machine."})
    write("parallel/ntrex128", ntrex)
    write(
        "parallel/tico19",
        [
            {"seg_id": "a:1", "language": "eng_Latn", "text": "Wash hands."},
            {"seg_id": "a:1", "language": "fra_Latn-FR", "text": "Lavez-vous les mains."},
            {"seg_id": "a:1", "language": "deu_Latn", "text": "Hände waschen."},
        ],
    )
    write(
        "parallel/tatoeba_laser",
        [
            {"id": "t1", "language": "fra_Latn", "text": "Gardée.", "text_eng": KEPT},
            {"id": "t2", "language": "fra_Latn", "text": "Mesurée.", "text_eng": MEASURED},
            {"id": "t3", "language": "deu_Latn", "text": "Gemessen.", "text_eng": MEASURED.upper()},
        ],
    )
    page = {"story": "s", "n_pages": 1, "page": 1}
    other = {"language": "eng_Latn", "text": "Another page.", "page": 2}
    write("parallel/storybooks", [page | {"language": "fra_Latn", "text": "Une page."}, page | other])
    verses = [
        ("eng-web", "eng_Latn", "In the beginning."),
        ("eng-ylt", "eng_Latn", "Of old."),
        ("fra-x", "fra_Latn", "Au début."),
    ]
    write(
        "parallel/bible_public_domain",
        [{"verse_id": "GEN.1.1", "translation": t, "language": code, "text": text} for t, code, text in verses],
    )
    sib = [
        {"index_id": n, "language": code, "text": text, "label": label, "devfold": "demo"}
        for n, (label, *texts) in enumerate(SENTENCES)
        for code, text in zip(("eng_Latn", "fra_Latn"), texts, strict=False)
    ]
    for code, text in (("eng_Latn", SECRET), ("fra_Latn", SECRET_FRENCH), ("deu_Latn", "Gemessen geheim.")):
        sib.append({"index_id": 77, "language": code, "text": text, "label": "travel", "devfold": "dev_query"})
    write("sib200/sib200_devlangs_train_dev", sib)
    remarks = [
        {"language": code, "text": f"{text} {n}", "label": "positive", "split": split}
        for code, text in (("fra_Latn", "Bien"), ("eng_Latn", "Good"))
        for n, split in enumerate(("train", "train", "test"))
    ]
    secret = {"language": "fra_Latn", "text": SECRET_FRENCH.upper(), "label": "neutral", "split": "train"}
    write("sentiment/nusax_senti", [*remarks, secret])
    write("sentiment/afrisenti", remarks[:1])
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def corpus(small: Path) -> Corpus:
    return load_corpus(small, ("eng_Latn", "fra_Latn", "deu_Latn"))


def test_planted_evaluation_sentences_are_left_out(corpus: Corpus) -> None:
    """By their own text and, for a translation with another text, by their English side."""
    texts = set(corpus.train["text"])
    assert {"Hello there.", "Bonjour.", "Wash hands.", "Hände waschen.", "Une page.", "Au début."} <= texts
    assert not texts & {"the SECRET test sentence.", "Autre phrase.", SECRET_FRENCH, "Gemessen geheim."}
    assert "Fine." in texts  # its French side was an evaluation sentence, it is not


def test_held_out_pairs_are_kept_for_measuring_in_every_language(corpus: Corpus) -> None:
    assert corpus.held_out["text"].tolist() == ["Mesurée.", "Gemessen."]
    assert corpus.train.loc[corpus.train["source"] == "Tatoeba", "text"].tolist() == ["Gardée."]


def test_machine_translations_and_archaic_verses_are_left_out(corpus: Corpus) -> None:
    assert not set(corpus.train["text"]) & {"Machine.", "Of old."}
    assert "In the beginning." in set(corpus.train["text"])


def test_rows_know_their_english_side(corpus: Corpus) -> None:
    english = dict(zip(corpus.train["text"], corpus.train["english"], strict=True))
    assert english["Bonjour."] == "Hello there."
    assert english["Lavez-vous les mains."] == "Wash hands."  # whatever the variety
    assert english["Une page."] == ""
    assert list(corpus.train.columns) == COLUMNS


def test_a_missing_file_is_named(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"tatoeba_laser.parquet is missing; --data must name a folder"):
        load_corpus(tmp_path, ("eng_Latn",))


def test_what_is_held_out_depends_on_the_text_alone() -> None:
    assert is_held_out(f"  {MEASURED.upper()} ")
    # 5 % of 2,000 texts: 100, standard deviation 9.7.
    assert 60 < sum(is_held_out(f"Text number {n}") for n in range(2000)) < 140


def test_material_holds_no_evaluation_sentence(small: Path, corpus: Corpus, tasks: dict[str, Task]) -> None:
    rng = np.random.default_rng(0)
    vectors = {text: rng.normal(size=4) for text in set(corpus.train["english"])}
    material = build_material(corpus, small, tasks, ("eng_Latn", "fra_Latn"), vectors, clusters=2)
    assert set(material.topics) == {f"sib/{n}" for n in range(len(SENTENCES))}
    assert {s.label for sentences in material.topics.values() for s in sentences} == {label for label, *_ in SENTENCES}
    remarks = {s.text for sentences in material.sentiments.values() for s in sentences}
    assert remarks == {"Bien 0", "Bien 1", "Good 0", "Good 1"}  # no test split, no forbidden text, no duplicate
    assert all(item not in near and len(near) == 9 for item, near in material.neighbours.items())
    assert all(len({s.language for s in sentences}) > 1 for sentences in material.parallel)
    running = " ".join(piece for pieces in material.documents.values() for piece in pieces)
    assert SENTENCES[0][1] not in running  # labelled items are for episodes
    assert "Lavez-vous les mains." in running


def test_neighbours_are_the_nearest_by_cosine(small: Path, corpus: Corpus, tasks: dict[str, Task]) -> None:
    angle = {sentence[1]: number / 10 for number, sentence in enumerate(SENTENCES)}  # item n lies at n / 10 radians
    vectors = {
        text: np.array([np.cos(angle.get(text, 3)), np.sin(angle.get(text, 3))])
        for text in set(corpus.train["english"])
    }
    near = build_material(corpus, small, tasks, ("eng_Latn", "fra_Latn"), vectors, clusters=1).neighbours
    assert near["sib/0"] == [f"sib/{n}" for n in range(1, 10)]
    assert set(near["sib/5"][:2]) == {"sib/4", "sib/6"}


def test_clusters_hold_meanings_that_are_near_each_other_and_small_ones_are_left_out(
    small: Path, corpus: Corpus, tasks: dict[str, Task]
) -> None:
    """Labelled items lie around one direction, all else, fewer than eight meanings, around another."""
    rng = np.random.default_rng(0)
    items = {english for _, english, *_ in SENTENCES}
    vectors = {
        text: np.array([1.0, 0.0] if text in items else [0.0, 1.0]) + rng.normal(scale=0.01, size=2)
        for text in set(corpus.train["english"])
    }
    others = {text for text in vectors if text and text not in items}
    assert 2 <= len(others) < SMALLEST_CLUSTER
    material = build_material(corpus, small, tasks, ("eng_Latn", "fra_Latn"), vectors, clusters=2)
    assert len(material.clusters) == 1
    assert {sentence.english for said in material.clusters[0] for sentence in said} == items
    assert all({s.language for s in said} == {"eng_Latn", "fra_Latn"} for said in material.clusters[0])
    whole = build_material(corpus, small, tasks, ("eng_Latn", "fra_Latn"), vectors, clusters=1).clusters
    assert len(whole) == 1
    assert {s.english for said in whole[0] for s in said} == items | {said[0].english for said in material.parallel}


def test_long_sentences_are_for_clusters_alone(small: Path, corpus: Corpus, tasks: dict[str, Task]) -> None:
    texts = {size: "word " * (size // 5) for size in (90, 120, 180, 240)}
    rows = [
        ("NTREX-128", "d", f"long/{size}", code, text, text)
        for size, text in texts.items()
        for code in ("eng_Latn", "fra_Latn")
    ]
    longer = Corpus(pd.concat([corpus.train, pd.DataFrame(rows, columns=COLUMNS)]), corpus.held_out)
    vectors = {text: np.array([1.0, 0.0]) for text in set(longer.train["english"])}
    material = build_material(longer, small, tasks, ("eng_Latn", "fra_Latn"), vectors, clusters=1)
    groups = [{s.group for said in meanings for s in said} for meanings in (material.parallel, material.clusters[0])]
    assert {group for group in groups[0] if group.startswith("long/")} == {"long/90"}
    assert {group for group in groups[1] if group.startswith("long/")} == {"long/90", "long/120", "long/180"}


def test_clusters_repeat_exactly(small: Path, corpus: Corpus, tasks: dict[str, Task]) -> None:
    rng = np.random.default_rng(0)
    vectors = {text: rng.normal(size=4) for text in sorted(set(corpus.train["english"]))}
    first, again = (
        build_material(corpus, small, tasks, ("eng_Latn", "fra_Latn"), vectors, clusters=1) for _ in range(2)
    )
    assert first.clusters == again.clusters
    assert first.parallel == again.parallel
    assert first.words == again.words


# The real corpora ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole() -> Corpus:
    return load_corpus(DATA, read_config(ASSETS / "configs" / "pretrain_cpu.toml", PretrainConfig).languages)


@needs_data
@pytest.mark.slow
def test_no_evaluation_item_of_sib200_is_in_the_real_corpus(whole: Corpus) -> None:
    sib = pd.read_parquet(
        DATA / "sib200" / "sib200_devlangs_train_dev.parquet", columns=["index_id", "text", "devfold"]
    )
    kept_back = sib[sib["devfold"] != "demo"]
    assert len(kept_back) > 50_000
    items = {f"sib/{number}" for number in kept_back["index_id"]}
    assert not set(whole.train["group"]) & items
    forbidden = forbidden_texts(sib)
    assert not set(whole.train["text"].map(normal_form)) & forbidden
    assert not set(whole.train["english"].map(normal_form)) & forbidden


@needs_data
@pytest.mark.slow
def test_held_out_tatoeba_is_not_in_the_real_corpus(whole: Corpus) -> None:
    measured = set(whole.held_out["english"].map(normal_form))
    assert len(whole.held_out) > 500
    learnt = whole.train[whole.train["source"] == "Tatoeba"]
    assert not set(learnt["english"].map(normal_form)) & measured
    # Under any source: no held-out sentence in the language it is measured in.
    pairs = set(zip(whole.held_out["language"], whole.held_out["text"].map(normal_form), strict=True))
    assert not pairs & set(zip(whole.train["language"], whole.train["text"].map(normal_form), strict=True))


@needs_data
@pytest.mark.slow
def test_the_real_corpus_reaches_every_language(whole: Corpus) -> None:
    counts = whole.train["language"].value_counts()
    assert len(counts) == 30
    assert counts.min() > 1000
