"""Built-in corpora: which rows are queries, which the pool, what is left out and why, on a few rows of our own.

Tests of `core.data.corpora.base`, `core.data.corpora.load`, `core.data.corpora.mgsm`, `core.data.corpora.parallel`,
`core.data.corpora.pawsx`, `core.data.corpora.sentiment`, `core.data.corpora.sib200`, `core.data.corpora.xcopa`,
`core.data.corpora.xquad`.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import corpus_files
import pandas as pd
import pytest

from core.data.corpora import CORPORA, CORPUS_OF_TASK, Loaded, languages_of, load_corpus, with_most_items
from core.errors import InvalidConfig, InvalidData
from core.data.pool import Pool
from core.data.tasks import Task

REAL = Path(__file__).resolve().parents[5] / "shared" / "data"


@pytest.fixture
def load(tmp_path: Path, tasks: dict[str, Task]) -> Any:
    def loaded(name: str, languages: list[str], shown: list[str] | None = None, target: str | None = None) -> Loaded:
        getattr(corpus_files, name)(tmp_path)
        corpus = CORPORA[name]
        return load_corpus(corpus, tasks[corpus.task], str(tmp_path), languages, shown, target)

    return loaded


def numbers(examples: Any) -> list[str]:
    return [example.id.rsplit("/", 1)[1] for example in examples]


def test_sib200_asks_its_development_fold_and_leaves_kikuyu_out_of_bambara(load: Any) -> None:
    found = load("sib200", ["bam_Latn"], ["ita_Latn", "bam_Latn"])
    assert numbers(found.queries) == ["4", "6"]  # 5 is Kikuyu
    assert [example.id for example in found.pool if example.language == "bam_Latn"] == [
        "sib200/bam_Latn/0",
        "sib200/bam_Latn/2",
        "sib200/bam_Latn/3",
    ]
    assert {example.language for example in found.pool} == {"bam_Latn", "ita_Latn"}  # Kikuyu was only read along
    reason = "Bambara rows that are Kikuyu"
    assert found.dropped == {"queries": {reason: 1}, "pool": {reason: 1}}
    assert found.queries[0].item == "sib200/4"


def test_no_arabic_variety_is_shown_to_another(load: Any) -> None:
    found = load("sib200", ["ars_Arab"])
    pool = Pool(found.pool)
    usable = pool.usable(found.queries[0].query)
    shown = {example.language for example, good in zip(pool.examples, usable, strict=True) if good}
    assert shown == {"bam_Latn", "kik_Latn", "ita_Latn"}


def test_afrisenti_keeps_one_of_equal_texts_and_none_seen_in_training(load: Any) -> None:
    found = load("afrisenti", ["pcm_Latn"])
    assert [example.text for example in found.queries] == ["New bus", "Old bus"]
    assert [example.text for example in found.pool if example.language == "hau_Latn"] == ["Good day", "Bad road"]
    assert found.dropped == {
        "queries": {"queries whose text is in the pool's split": 1, "texts that stand more than once": 1},
        "pool": {"one text with several labels": 4, "texts that stand more than once": 2},  # in two languages
    }


def test_nusax_translations_share_an_item(load: Any) -> None:
    found = load("nusax", ["jav_Latn"], ["sun_Latn"])
    assert [example.item for example in found.queries] == ["nusax/test/0", "nusax/test/1", "nusax/test/2"]
    assert {example.language for example in found.pool} == {"sun_Latn"}
    assert {example.item for example in found.pool} == {"nusax/train/0", "nusax/train/1", "nusax/train/2"}


def test_brighter_asks_texts_with_one_emotion(load: Any) -> None:
    found = load("brighter", ["deu_Latn", "zul_Latn", "por_Latn"])
    assert [(example.language, example.label) for example in found.queries] == [
        ("deu_Latn", "anger"),
        ("zul_Latn", "sadness"),
        ("por_Latn", "joy"),
    ]
    # The development split is the pool where there is no training split.
    assert [(example.language, example.label) for example in found.pool] == [("deu_Latn", "joy"), ("zul_Latn", "fear")]
    assert found.dropped == {"queries": {"no emotion": 1}, "pool": {"no emotion": 1, "several emotions": 1}}


def test_xcopa_asks_what_most_languages_ask_and_its_choices_are_the_answers(load: Any) -> None:
    found = load("xcopa", ["tha_Thai"])
    assert [example.text for example in found.queries] == [  # Thai has no template of its own
        "The cup 0 fell. This happened because:",
        "The cup 1 fell. This happened because:",
    ]
    assert found.queries[0].choices == ("Someone pushed it.", "It broke.")
    assert found.dropped["queries"] == {"choices that say the same": 1}
    assert {example.language for example in found.pool} == {"ita_Latn", "tha_Thai"}  # no machine translation
    assert found.pool[0].item == "xcopa/dev/0"


def test_pawsx_leaves_out_what_was_never_translated_or_agreed_on(load: Any) -> None:
    found = load("pawsx", ["deu_Latn"], ["fra_Latn"])
    assert [(example.text, example.label) for example in found.queries] == [
        ("The cat 2 sleeps. — The cat 2 is asleep.", "yes")
    ]
    assert found.dropped["queries"] == {"never translated": 1, "no agreed label": 1}
    assert [example.label for example in found.pool] == ["yes", "no"]


def test_xquad_shows_no_article_that_is_asked_about(load: Any) -> None:
    found = load("xquad", ["deu_Latn"], ["arb_Arab"])
    assert [example.item for example in found.queries] == ["xquad/barn", "xquad/car"]
    assert [example.item for example in found.pool] == ["xquad/apple", "xquad/door"]
    assert found.queries[0].text == "The barn is red. Frage: What colour is the barn?"
    assert found.queries[0].label == "red"


def test_mgsm_shows_exemplars_with_their_number(load: Any) -> None:
    found = load("mgsm", ["deu_Latn"], ["eng_Latn"])
    assert [(example.text, example.label) for example in found.pool] == [
        ("One cup and 1 more?", "2"),
        ("One cup and 2 more?", "3"),
    ]
    assert [example.label for example in found.queries] == ["2", "3", "4"]
    assert not {example.item for example in found.queries} & {example.item for example in found.pool}


def test_translation_has_references_and_a_pool_of_other_documents(load: Any) -> None:
    found = load("ntrex", ["deu_Latn", "spa_Latn"], ["fra_Latn"], "eng_Latn")
    # Documents 0 and 2 are lines 0 to 2 and 6 to 8; the English side of line 0 is missing.
    assert [example.item for example in found.queries if example.language == "deu_Latn"] == [
        f"ntrex/{line}" for line in (1, 2, 6, 7, 8)
    ]
    assert found.queries[0].label == "News 1 in eng."
    assert found.dropped["queries"] == {
        "a second translation": 6,
        "no translation into the language asked for": 2,
    }
    assert Counter(example.language for example in found.pool) == {"eng_Latn": 5, "fra_Latn": 5}
    assert Pool(found.pool).side("ntrex/3", "eng_Latn") is not None


def test_a_smaller_pool_has_the_same_items_in_all_languages(load: Any) -> None:
    pool = load("nusax", ["jav_Latn"]).pool
    few = with_most_items(pool, 2)
    items = {code: {example.item for example in few if example.language == code} for code in ("jav_Latn", "sun_Latn")}
    assert items["jav_Latn"] == items["sun_Latn"]
    assert len(items["jav_Latn"]) == 2
    assert with_most_items(pool, 9) == pool
    with pytest.raises(InvalidConfig, match="At most 0 items"):
        with_most_items(pool, 0)


def test_languages_are_those_of_the_file(tmp_path: Path) -> None:
    corpus_files.ntrex(tmp_path)
    assert languages_of(CORPORA["ntrex"], str(tmp_path)) == ["deu_Latn", "eng_Latn", "fra_Latn", "spa_Latn"]
    with pytest.raises(InvalidData, match=r"nusax_senti.parquet does not exist; --data names the folder"):
        languages_of(CORPORA["nusax"], str(tmp_path))


def test_equal_ids_and_unknown_labels_are_refused(tmp_path: Path, tasks: dict[str, Task]) -> None:
    corpus_files.nusax(tmp_path)
    path = tmp_path / "sentiment/nusax_senti.parquet"
    rows = pd.read_parquet(path)
    for change, message in (
        ({"id": "x"}, "The id 'x' stands on 3 rows"),
        ({"label": "good"}, "'good' has no verbaliser"),
    ):
        rows.assign(**change).to_parquet(path)
        with pytest.raises(InvalidData, match=message):
            load_corpus(CORPORA["nusax"], tasks["sentiment"], str(tmp_path), ["jav_Latn"], ["sun_Latn"])


def test_every_task_has_a_corpus(tasks: dict[str, Task]) -> None:
    assert set(CORPUS_OF_TASK) == set(tasks)
    assert (CORPUS_OF_TASK["sentiment"], CORPUS_OF_TASK["translation"]) == ("nusax", "ntrex")


HUB_ROWS: dict[str, tuple[str, str, dict[str, list[dict[str, Any]]]]] = {
    "sib200": (
        "ita_Latn",
        "ita_Latn",
        {
            "train": [{"index_id": 1, "category": "travel", "text": "Il bus parte."}],
            "validation": [{"index_id": 2, "category": "health", "text": "Il medico."}],
            "test": [{"index_id": 3, "category": "health", "text": "Mai letto."}],
        },
    ),
    "nusax": (
        "jav_Latn",
        "jav",
        {"train": [{"id": 1, "text": "A", "label": "neutral"}], "test": [{"id": 2, "text": "B", "label": "neutral"}]},
    ),
    "afrisenti": (
        "hau_Latn",
        "hau",
        {"train": [{"tweet": "A", "label": "neutral"}], "test": [{"tweet": "B", "label": "negative"}]},
    ),
    "brighter": (
        "deu_Latn",
        "deu",
        {
            "train": [{"id": "a", "text": "A", "joy": 1, "fear": 0}],
            "test": [{"id": "b", "text": "B", "joy": 0, "fear": 1}],
        },
    ),
    "xquad": (
        "deu_Latn",
        "xquad.de",
        {
            "validation": [
                {
                    "id": f"q{n}",
                    "context": f"Text {n}.",
                    "question": "Wer?",
                    "answers": {"text": ["Du"], "answer_start": [0]},
                }
                for n in range(10)
            ]
        },
    ),
    "mgsm": (
        "deu_Latn",
        "de",
        {
            "train": [{"question": "Frage: 1 + 1?", "answer": "2 ist es: 2", "answer_number": 2}],
            "test": [{"question": "2 + 2?", "answer": None, "answer_number": 4}],
        },
    ),
    "pawsx": (
        "deu_Latn",
        "de",
        {
            "validation": [{"id": 1, "sentence1": "A", "sentence2": "B", "label": 1}],
            "test": [{"id": 1, "sentence1": "C", "sentence2": "D", "label": 0}],
        },
    ),
}


@pytest.mark.parametrize("name", HUB_ROWS)
def test_rows_of_the_hub_become_the_same_examples(
    name: str, tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    code, config, splits = HUB_ROWS[name]
    asked = []

    def load_dataset(repository: str, configuration: str) -> Any:
        asked.append((repository, configuration))
        return datasets.DatasetDict({split: datasets.Dataset.from_list(rows) for split, rows in splits.items()})

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    corpus = CORPORA[name]
    found = load_corpus(corpus, tasks[corpus.task], "hub", [code], [code])
    assert corpus.hub is not None
    assert asked == [(corpus.hub.name, config)]
    assert found.queries
    assert found.pool
    assert {example.language for example in (*found.queries, *found.pool)} == {code}
    assert not {example.item for example in found.queries} & {example.item for example in found.pool}


def test_the_hub_is_asked_for_named_languages_and_says_what_went_wrong(
    tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_dataset(*_: str) -> Any:
        raise ConnectionError("no way there")

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    with pytest.raises(InvalidConfig, match="name those of the pool with --pool-languages"):
        load_corpus(CORPORA["nusax"], tasks["sentiment"], "hub", ["jav_Latn"])
    with pytest.raises(InvalidData, match=r"could not be loaded for 'jav' \(ConnectionError: no way there\)"):
        load_corpus(CORPORA["nusax"], tasks["sentiment"], "hub", ["jav_Latn"], ["jav_Latn"])
    with pytest.raises(InvalidConfig, match="ntrex is read from a folder alone"):
        load_corpus(CORPORA["ntrex"], tasks["translation"], "hub", ["deu_Latn"], ["fra_Latn"], "eng_Latn")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the corpora are not in {REAL}")
@pytest.mark.parametrize(
    ("name", "language", "queries"),
    [
        ("sib200", "bam_Latn", 192),  # 200 of the fold less 8 in Kikuyu
        ("nusax", "jav_Latn", 400),
        ("xcopa", "tha_Thai", 500),
        ("pawsx", "deu_Latn", 1968),
        ("mgsm", "swh_Latn", 250),
        ("xquad", "ell_Grek", 785),
    ],
)
def test_the_files_hold_as_many_queries_as_they_should(
    name: str, language: str, queries: int, tasks: dict[str, Task]
) -> None:
    corpus = CORPORA[name]
    found = load_corpus(corpus, tasks[corpus.task], str(REAL), [language], [language])
    assert len(found.queries) == queries
    assert not {example.item for example in found.queries} & {example.item for example in found.pool}
