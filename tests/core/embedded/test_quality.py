"""Measuring the embedded models: worked examples, translation on toys against the predictor, and the command.

Tests of `core.embedded.quality_retrieval`, `core.embedded.quality_translation`.
"""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer
from toys import LANGUAGES, SENTENCES, LetterEncoder, raw_byte_tokenizer

import train
from core.data.pool import Pool
from core.embedded import quality_translation as translation
from core.embedded.corpus import is_held_out
from core.embedded.quality import QualityConfig, means
from core.embedded.quality_retrieval import (
    bits_per_byte,
    nearest_labels,
    pairs_by_language,
    precision_at_one,
    tokens_by_language,
    tokens_per_character,
    topic_accuracy,
    vote,
)
from core.embedded.quality_translation import chrf_table, facing, held_out_pairs, parallel_pool, translate
from core.errors import InvalidConfig, InvalidData
from core.inference.predictor import Predictor, Question
from core.metrics import chrf
from core.models.generation import Generated
from core.models.loading import LanguageModel
from core.records import Example, Query
from core.scoring import Scorer
from core.workbench import Workbench

# Tokens and bits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokenizer", [raw_byte_tokenizer(start=True), raw_byte_tokenizer(start=False)])
def test_tokens_are_counted_with_the_leading_space_and_without_special_tokens(tokenizer: Tokenizer) -> None:
    """One token a byte: " ab" and " c" are five bytes of five characters, " é" is three bytes of two."""
    text = pd.DataFrame({"language": ["x", "y", "x"], "text": ["ab", "é", "c"]})
    assert tokens_by_language(tokenizer, text) == {"x": 5, "y": 3}
    assert tokens_per_character(tokenizer, text) == {"x": 1.0, "y": 1.5}


def test_a_model_that_knows_nothing_needs_the_log_of_its_vocabulary(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uniform over V tokens, a token a byte: log2 V bits."""
    scorer = Scorer(model)
    size = len(model.tokenizer)
    monkeypatch.setattr(
        scorer, "token_scores", lambda pairs: [np.full(len(answer.encode()), -math.log(size)) for _, answer in pairs]
    )
    assert bits_per_byte(["ab", "é"], scorer) == pytest.approx(math.log2(size))


# Retrieval ------------------------------------------------------------------------------------------------------------


def test_retrieval_counts_sentences_that_find_their_own_side() -> None:
    """Sentences at 0, 90 and 170 degrees; English sides at 10, 80 and 20: the third is nearest to the second side."""
    pairs = pd.DataFrame({"text": ["a", "b", "c"], "english": ["A", "B", "C"]})
    angles = np.deg2rad([0, 90, 170, 10, 80, 20])
    seen: list[tuple[list[str], list[str]]] = []

    def embed(texts: list[str], codes: list[str]) -> np.ndarray:
        seen.append((texts, codes))
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    assert precision_at_one(pairs, "fra_Latn", embed) == pytest.approx(2 / 3)
    assert seen == [(["a", "b", "c", "A", "B", "C"], ["fra_Latn"] * 3 + ["eng_Latn"] * 3)]


def test_languages_with_few_different_english_sides_are_left_out() -> None:
    rows = [("fra_Latn", "a", "A"), ("fra_Latn", "b", "B"), ("deu_Latn", "c", "C"), ("deu_Latn", "d", "C")]
    found = pairs_by_language(pd.DataFrame(rows, columns=["language", "text", "english"]), 2)
    assert {code: part["text"].tolist() for code, part in found.items()} == {"fra_Latn": ["a", "b"]}


# Nearest neighbours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "similarities", "winner"),
    [
        ("aabbc", [0.1, 0.1, 0.3, 0.2, 0.9], "b"),  # a and b twice each: 0.2 against 0.5
        ("aabbc", [0.4, 0.2, 0.3, 0.2, 0.9], "a"),
        ("abbbc", [0.9, 0.1, 0.1, 0.1, 0.9], "b"),  # the count comes first
        ("ab", [0.2, 0.3], "b"),
    ],
)
def test_the_most_frequent_label_wins_and_similarity_breaks_ties(
    labels: str, similarities: list[float], winner: str
) -> None:
    assert vote(list(labels), similarities) == winner


def example(item: int, code: str, label: str) -> Example:
    return Example(f"{item}/{code}", str(item), code, f"text {item}", label)


def test_five_usable_neighbours_of_other_items_vote() -> None:
    """The nearest is the query's own item, the second may not vote; of the next five two say b, two c, one a."""
    pool = Pool(tuple(example(n, "eng_Latn", label) for n, label in enumerate("aabbccab")))
    similarities = np.array([[0.99, 0.98, 0.9, 0.5, 0.8, 0.7, 0.6, 0.1]])  # b, b: 1.4; c, c: 1.5
    usable = np.array([True, False, True, True, True, True, True, True])
    assert nearest_labels([example(0, "fra_Latn", "a")], pool, similarities, usable) == ["c"]
    # Without the mask and for another item, a and c have two votes each, and a the nearer ones.
    assert nearest_labels([example(99, "fra_Latn", "a")], pool, similarities, np.ones(8, bool)) == ["a"]


def test_topics_are_sought_in_english_and_in_the_other_languages(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = bench.index("topic")
    own = index.pool.examples
    queries = [replace(e, id=f"q{e.id}", item=f"q{e.item}") for e in own if e.language in ("fra_Latn", "swh_Latn")]
    masks: list[set[str]] = []

    def watch(queries: list[Example], pool: Pool, similarities: np.ndarray, usable: np.ndarray) -> list[str]:
        masks.append({e.language for e, use in zip(pool.examples, usable, strict=True) if use})
        best = (similarities * usable).argmax(1)
        return [pool.examples[place].label for place in best]

    monkeypatch.setattr("core.embedded.quality_retrieval.nearest_labels", watch)
    table = topic_accuracy(queries, index).set_index("language")
    assert masks == [{"eng_Latn"}, {"eng_Latn", "swh_Latn"}] * 2 + [{"eng_Latn"}, {"eng_Latn", "fra_Latn"}] * 2
    assert table["queries"].to_dict() == {"fra_Latn": 10, "swh_Latn": 10}
    # By hand for French against English by the encoder.
    french, english = ([e for e in own if e.language == code] for code in ("fra_Latn", "eng_Latn"))
    cosines = index.encoder.vectors([e.text for e in french]) @ index.encoder.vectors([e.text for e in english]).T
    right = [english[place].label == e.label for place, e in zip(cosines.argmax(1), french, strict=True)]
    assert table.loc["fra_Latn", "encoder_english"] == pytest.approx(np.mean(right))


# Translation ----------------------------------------------------------------------------------------------------------


def corpus_rows() -> pd.DataFrame:
    rows = [
        ("NTREX-128", f"n{n}", code, f"{code} {n}", f"english {n}")
        for n in range(30)
        for code in ("fra_Latn", "swh_Latn")
    ]
    rows += [
        ("Tatoeba", "t1", "fra_Latn", "Bien.", "Good."),
        ("Tatoeba", "t2", "swh_Latn", "Vizuri.", "Good."),
        ("Tatoeba", "t3", "fra_Latn", "Barré.", "Barred."),
        ("TICO-19", "c1", "fra_Latn", "x" * 91, "Too long."),
        ("TICO-19", "c2", "fra_Latn", "Trop long.", "x" * 91),
        ("TICO-19", "c3", "fra_Latn", "Sans anglais.", ""),
        ("TICO-19", "c4", "eng_Latn", "English alone.", "English alone."),
        ("Bible", "b1", "fra_Latn", "Au début.", "In the beginning."),
        ("Storybooks", "s1", "fra_Latn", "Deux\nlignes.", "Two lines."),
    ]
    return pd.DataFrame(rows, columns=["source", "group", "language", "text", "english"])


def test_the_pool_holds_short_training_sentences_with_their_english_sides() -> None:
    pool = parallel_pool(corpus_rows(), {"barred."})
    said = {(e.item, e.language): e.text for e in pool.examples}
    assert len(pool) == 30 * 3 + 3 + 2
    assert {said["tatoeba/Good.", code] for code in ("eng_Latn", "fra_Latn", "swh_Latn")} == {
        "Good.",
        "Bien.",
        "Vizuri.",
    }
    assert said["s1", "fra_Latn"] == "Deux lignes."
    assert len({e.id for e in pool.examples}) == len(pool)


def test_a_full_language_still_shares_its_items_with_the_others() -> None:
    pool = parallel_pool(corpus_rows(), set(), most=5)
    items = {code: {e.item for e in pool.examples if e.language == code} for code in LANGUAGES}
    assert len(items["fra_Latn"]) == len(items["swh_Latn"]) == 5
    assert len(items["fra_Latn"] & items["swh_Latn"]) >= 3  # two independent draws of 5 of 32 would share one
    assert items["eng_Latn"] == items["fra_Latn"] | items["swh_Latn"]
    assert {e.item for e in facing(pool, "fra_Latn").examples} == items["fra_Latn"]


def test_a_corpus_without_pairs_is_refused() -> None:
    with pytest.raises(InvalidData, match="no training pair of at most 90 characters"):
        parallel_pool(corpus_rows()[-3:-1], set())


def test_held_out_pairs_are_drawn_once_and_a_language_without_any_is_named() -> None:
    rows = [("fra_Latn", f"f{n}", f"e{n % 8}") for n in range(10)]
    frame = pd.DataFrame(rows, columns=["language", "text", "english"])
    drawn = held_out_pairs(frame, "fra_Latn", 5)
    assert drawn == held_out_pairs(frame, "fra_Latn", 5)
    assert len({english for _, english in drawn}) == 5
    assert len(held_out_pairs(frame, "fra_Latn")) == 8
    others = pd.DataFrame([("fra_Latn", f"g{n}", f"o{n}") for n in range(9)], columns=frame.columns)
    more = held_out_pairs(frame, "fra_Latn", 12, others)
    assert more[:8] == held_out_pairs(frame, "fra_Latn")
    assert len({english for _, english in more if english.startswith("o")}) == 4
    assert held_out_pairs(frame, "fra_Latn", 5, others) == drawn
    with pytest.raises(InvalidData, match=r"no held-out pairs in 'hau_Latn'; choose from fra_Latn"):
        held_out_pairs(frame, "hau_Latn")


@pytest.fixture(scope="module")
def translator(model: LanguageModel, encoder: LetterEncoder, pool: Pool) -> Predictor:
    bench = Workbench(model, encoder, pools={"translation": pool})  # type: ignore[arg-type]
    predictor = bench.predictor("translation")
    predictor.answerer.generation = replace(predictor.answerer.generation, max_tokens=6)
    return predictor


PAIRS = [("The bus was very late today.", "Le bus était en retard."), ("A nurse won.", "Une infirmière a gagné.")]


def test_translations_are_those_of_the_predictor(translator: Predictor) -> None:
    found = translate(translator, PAIRS, "eng_Latn", "fra_Latn", 3)
    assert [(entry.text, entry.reference) for entry in found] == PAIRS
    for entry in found:
        query = Query(entry.text, "eng_Latn")
        answer = translator.predict(Question(query, "agl", 3, ("fra_Latn",), ("eng_Latn", "swh_Latn"))).answers[0]
        assert (entry.translation, entry.zero_shot) == (answer.text, answer.zero_shot_text)


def test_demonstrations_lead_from_a_third_language_into_the_target(translator: Predictor) -> None:
    french = {swahili: french for _, _, french, swahili in SENTENCES}
    for entry in translate(translator, PAIRS, "eng_Latn", "fra_Latn", 3):
        assert len(entry.demonstrations) == 3
        assert all(french[text] == answer for text, answer in entry.demonstrations)
        assert entry.copied_demonstration == entry.demonstrations[-1][1]  # the best stands last


def test_the_nearest_training_sentence_lends_its_translation(translator: Predictor) -> None:
    """The toy encoder counts letter pairs, so nearly the same letters are nearest."""
    texts = [("The mayor lost the votes.", ""), ("A river crosses the desert!", "")]
    found = translate(translator, texts, "eng_Latn", "swh_Latn", 1)
    assert [entry.copied_nearest for entry in found] == ["Meya alishindwa katika kura.", "Mto unapita jangwani."]


def test_chrf_is_that_of_each_direction(translator: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["Le bus était en retard.", "zzz", "qqq", "zzz"])
    monkeypatch.setattr(
        translation, "generate", lambda model, prompts, config: [Generated(next(lines), 1.0) for _ in prompts]
    )
    found = translate(translator, PAIRS, "eng_Latn", "fra_Latn", 2)
    row = chrf_table(found).iloc[0]
    assert (row["copies"], row["empty"]) == (0, 0)
    references = [reference for _, reference in PAIRS]
    assert (row["source"], row["target"], row["pairs"], row["shown"]) == ("eng_Latn", "fra_Latn", 2, 2)
    assert row["with_demonstrations"] == pytest.approx(chrf(["Le bus était en retard.", "zzz"], references))
    assert 0 < row["with_demonstrations"] < 100
    assert row["zero_shot"] == 0
    assert row["copied_shown"] == pytest.approx(chrf([entry.copied_demonstration for entry in found], references))


def test_copies_and_empty_answers_are_counted(translator: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    (text, reference) = PAIRS[0]
    shown = translate(translator, PAIRS[:1], "eng_Latn", "fra_Latn", 2, "knn")[0].demonstrations[0][1]
    lines = iter([text, "", shown, "", "", "", "", ""])
    monkeypatch.setattr(
        translation, "generate", lambda model, prompts, config: [Generated(next(lines), 1.0) for _ in prompts]
    )
    found = translate(translator, [(text, reference)] * 4, "eng_Latn", "fra_Latn", 2, "knn")
    assert [entry.copies for entry in found] == ["source", "", "demonstration", ""]
    row = chrf_table(found).iloc[0]
    assert (row["copies"], row["other_language"], row["empty"], row["pairs"]) == (2, 1, 2, 4)  # the source is English


def test_chrf_worked_example() -> None:
    """Hypothesis "abc", reference "abd", beta 2: orders 1 and 2 have precision = recall = 2/3 and 1/2, order 3 has 0.

    Averaged over the three orders that exist: 7/18 for both, and so for their F.
    """
    assert chrf(["abc"], ["abd"]) == pytest.approx(100 * 7 / 18, abs=1e-6)
    assert chrf(["same text"], ["same text"]) == 100


# The command ----------------------------------------------------------------------------------------------------------


def write_corpora(folder: Path) -> Path:
    """Corpora of a few rows in the layout of the real ones, with twelve held-out French pairs."""
    english = [f"Sentence number {n}." for n in range(2000)]
    measured = [text for text in english if is_held_out(text)][:12]
    learnt = [text for text in english if not is_held_out(text)][:6]
    three = [
        (number, code, text, label)
        for number, (label, *texts) in enumerate(SENTENCES)
        for code, text in zip(LANGUAGES, texts, strict=True)
    ]
    tables: dict[str, list[dict[str, Any]]] = {
        "parallel/ntrex128": [
            {"line": n, "doc_id": "d", "kind": "ref", "language": code, "text": f"{text} {n}."}
            for n, code, text, _ in three
        ],
        "parallel/tico19": [{"seg_id": "a:1", "language": "eng_Latn", "text": "Wash hands."}],
        "parallel/tatoeba_laser": [
            {"id": f"t{n}", "language": "fra_Latn", "text": f"Phrase {text[9:]}", "text_eng": text}
            for n, text in enumerate(measured + learnt)
        ],
        "parallel/storybooks": [{"story": "s", "n_pages": 1, "page": 1, "language": "eng_Latn", "text": "A page."}],
        "parallel/bible_public_domain": [
            {"verse_id": "GEN.1.1", "translation": "eng-web", "language": "eng_Latn", "text": "In the beginning."}
        ],
        "sib200/sib200_devlangs_train_dev": [
            {"id": f"{fold}{n}{code}", "index_id": n + place, "language": code, "text": f"{text}{mark}", "label": label}
            | {"devfold": fold}
            for place, (fold, mark) in ((0, ("demo", "")), (100, ("dev_query", "!")))
            for n, code, text, label in three
        ],
    }
    for name, rows in tables.items():
        path = folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_parquet(path)
    return folder


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture
def toy_models(model: LanguageModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("core.cli.quality.load_model", lambda config: model)
    monkeypatch.setattr("core.cli.quality.SentenceEncoder", NamedLetters)
    monkeypatch.chdir(tmp_path)


class NamedLetters(LetterEncoder):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def test_every_part_leaves_its_record(
    corpora: Path, toy_models: None, model: LanguageModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    output = tmp_path / "out"
    arguments = ["quality", "--data", str(corpora), "--output", str(output), "--translate", "fr", "--k", "2"]
    assert train.main(arguments) == 0
    entries = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in output.glob("*.json")}
    assert set(entries) == {"retrieval", "tokens", "knn", "translation"}
    for entry in entries.values():
        assert {"command", "commit", "model", "seconds", "rows", "mean"} <= set(entry)
        assert entry["model"]["fingerprint"] == model.fingerprint
    assert [(row["language"], row["pairs"]) for row in entries["retrieval"]["rows"]] == [("fra_Latn", 12)]
    assert [row["language"] for row in entries["tokens"]["rows"]] == list(LANGUAGES)
    assert entries["tokens"]["rows"][0]["premium"] == 1
    assert [row["bits_per_byte"] is None for row in entries["tokens"]["rows"]] == [True, False, True]
    assert entries["knn"]["majority"] == 0.2  # two of ten
    # The toy queries are the toy pool with another mark at the end: the nearest of another language decide, not a copy.
    assert all(row["queries"] == 10 for row in entries["knn"]["rows"])
    assert entries["translation"]["text"] == "held-out Tatoeba"
    directions = [(row["source"], row["target"], row["pairs"]) for row in entries["translation"]["rows"]]
    assert directions == [("eng_Latn", "fra_Latn", 12), ("fra_Latn", "eng_Latn", 12)]
    lines = [json.loads(line) for line in (output / "translation.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 24
    assert {line["reference"] for line in lines[:12]} == {line["text"] for line in lines[12:]}
    assert all(len(line["demonstrations"]) == 2 for line in lines)
    shown = {answer for line in lines for _, answer in line["demonstrations"]}
    assert not shown & {line["reference"] for line in lines}
    printed = capsys.readouterr().out
    assert all(part in printed for part in entries)


def test_pairs_beyond_those_held_out_are_kept_out_of_the_pool(corpora: Path, toy_models: None, tmp_path: Path) -> None:
    output = tmp_path / "out"
    arguments = [
        "quality",
        "--data",
        str(corpora),
        "--output",
        str(output),
        "--parts",
        "translation",
        "--translate",
        "fr",
    ]
    assert train.main([*arguments, "--k", "1", "--strategy", "knn", "--pairs", "61", "--only-from-english"]) == 0
    entry = json.loads((output / "translation.json").read_text(encoding="utf-8"))
    assert entry["text"] == "Tatoeba, held out first; all kept out of the pool"
    assert entry["strategy"] == "knn"
    (row,) = entry["rows"]
    assert (row["source"], row["target"]) == ("eng_Latn", "fra_Latn")
    assert row["pairs"] > 12  # those held out, and others
    lines = [json.loads(line) for line in (output / "translation.jsonl").read_text(encoding="utf-8").splitlines()]
    shown = {answer for line in lines for _, answer in line["demonstrations"]}
    assert shown
    assert not shown & {line["reference"] for line in lines}


def test_a_part_can_be_measured_alone(corpora: Path, toy_models: None, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert train.main(["quality", "--data", str(corpora), "--output", str(output), "--parts", "tokens"]) == 0
    assert [path.name for path in output.iterdir()] == ["tokens.json"]


BAD = {
    "unknown part": (
        ["--parts", "tokens,speed"],
        "parts to measure are 'speed'; choose from retrieval, tokens, knn, tr",
    ),
    "no part": (["--parts", ","], "parts to measure are none"),
    "English beside English": (["--translate", "en"], "Translation is from and into English"),
    "unknown language": (["--translate", "Klingon"], "'Klingon' is not one of the languages at hand"),
    "language without pairs": (["--parts", "translation", "--translate", "ha"], "no held-out pairs in 'hau_Latn'"),
    "no pairs": (["--pairs", "0"], "0 pairs of a language were asked for"),
    "a strategy of labels": (
        ["--strategy", "clsp"],
        "'clsp' chooses no demonstrations of a translation; choose one of agl",
    ),
    "no demonstrations": (["--k", "0"], "0 demonstrations of a translation were asked for"),
    "k beyond the pool": (
        ["--parts", "translation", "--translate", "fr", "--k", "99"],
        "99 demonstrations were asked for",
    ),
    "missing corpora": (["--data", "nowhere"], "There is no folder 'nowhere'; name one with Parquet files"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_input_to_quality_ends_with_one_sentence_and_code_2(
    fault: str, corpora: Path, toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = BAD[fault]
    assert train.main(["quality", "--data", str(corpora), "--output", str(tmp_path / "out"), *arguments]) == 2
    last = capsys.readouterr().err.strip().split("\n")[-1]
    assert message in last
    assert not (tmp_path / "out").exists()


def test_the_mean_is_over_measures_that_are_there() -> None:
    table = pd.DataFrame({"language": ["x", "y"], "pairs": [10, 20], "p1": [0.25, 0.75], "bits": [2.0, None]})
    assert means(table) == {"p1": 0.5, "bits": 2.0}


def test_a_measurement_without_parts_or_languages_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="choose from retrieval"):
        QualityConfig((), None, 4)
    with pytest.raises(InvalidConfig, match="name one or more other languages"):
        QualityConfig(("knn",), (), 4)
