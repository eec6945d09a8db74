"""Romanised prompting: what the model reads is in Latin letters, what is recorded is the text as it came.

Tests of `core.data.romanisation`.
"""

import sys

import pytest
from toys import toy_examples

from core.data import romanisation
from core.data.pool import Pool
from core.errors import ModelUnavailable
from core.inference.predictor import Predictor, Question
from core.records import Example, Query
from core.workbench import Workbench

RUSSIAN = Example("rus", "rus", "rus_Cyrl", "Команда выиграла матч.", "sports")
QUERY = Query("ट्रेन देर से आई।", "hin_Deva")

PROMPT = """Name the topic of the last sentence.

Sentence: Komanda vyigrala match.
Topic: sports

Sentence: ttren der se aaii.
Topic:"""


@pytest.fixture(scope="module")
def romanising(bench: Workbench) -> Predictor:
    pool = Pool((RUSSIAN, *toy_examples()))
    return Workbench(bench.model, bench.encoder, pools={"topic": pool}).predictor("topic")  # type: ignore[arg-type]


def test_query_and_demonstrations_are_read_in_latin_letters(romanising: Predictor) -> None:
    question = Question(QUERY, "romanised", 1, ("eng_Latn",), pool_languages=("rus_Cyrl",))
    prediction = romanising.predict(question)
    (answer,) = prediction.answers
    assert answer.prompt.text == PROMPT
    (shown,) = prediction.selection.demonstrations
    assert shown.example == RUSSIAN  # recorded as it came
    assert prediction.query == QUERY
    assert answer.prompt.demonstrations == (shown,)


def test_pinned_demonstrations_are_romanised_too(romanising: Predictor) -> None:
    chosen = romanising.select(Question(QUERY, "romanised", 1, ("eng_Latn",), ("rus_Cyrl",))).demonstrations
    pinned = romanising.select(Question(QUERY, "romanised", 2, ("eng_Latn",), pinned=chosen))
    prompt = romanising.writer.prompt(QUERY, pinned.demonstrations, "eng_Latn", pinned.framing)
    assert len(prompt.demonstrations) == 2
    assert "Sentence: Komanda vyigrala match.\n" in prompt.text
    assert prompt.text.endswith("Sentence: ttren der se aaii.\nTopic:")


def test_latin_letters_stay_as_they_are_with_their_accents() -> None:
    assert romanisation.romanised("L'équipe a gagné.", "fra_Latn") == "L'équipe a gagné."


def test_without_the_library_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    romanisation._uroman.cache_clear()
    monkeypatch.setitem(sys.modules, "uroman", None)
    with pytest.raises(ModelUnavailable, match="uroman is not installed; run 'pip install uroman'"):
        romanisation.romanised("да, да", "rus_Cyrl")
    monkeypatch.undo()
    romanisation._uroman.cache_clear()
