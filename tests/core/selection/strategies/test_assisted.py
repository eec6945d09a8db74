"""Translation-assisted answering: the prompt letter for letter, what writes its English side, and what is shown."""

from dataclasses import replace
from typing import Any

import pytest
from toys import toy_examples

from core.data.pool import Pool
from core.inference.predictor import Predictor, Question
from core.models.generation import generate
from core.records import Example, Query
from core.workbench import Workbench

SIDES = (
    Example("rus", "match", "rus_Cyrl", "Команда выиграла матч.", "sports"),
    Example("eng", "match", "eng_Latn", "The team won the match.", "sports"),
    Example("alone", "alone", "rus_Cyrl", "Поезд опоздал.", "travel"),
)
QUERY = Query("Bibi anasoma kitabu.", "swh_Latn")
STEPS = """Name the topic of the last sentence. Put the text into English, answer in English, then say the answer in the text's language.

Sentence: Команда выиграла матч.
In English: The team won the match.
Topic: sports
In русский: спорт

Sentence: Bibi anasoma kitabu.
In English:"""


@pytest.fixture(scope="module")
def assisted(bench: Workbench) -> Predictor:
    return Workbench(bench.model, bench.encoder, pools={"topic": Pool((*SIDES, *toy_examples()))}).predictor("topic")  # type: ignore[arg-type]


@pytest.fixture
def writing(assisted: Predictor, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prompts that the model is asked to go on from; it writes one line."""
    seen: list[str] = []

    def write(_model: Any, prompts: list[str], *_rest: Any) -> list[Any]:
        seen.extend(prompts)
        return [type("Line", (), {"text": "The woman reads a book."}) for _ in prompts]

    monkeypatch.setattr("core.selection.model_judge.generate_all", write)
    monkeypatch.setattr(assisted.model_judge, "_translated", {})
    return seen


def test_the_model_translates_and_answers_in_one_prompt(assisted: Predictor, writing: list[str]) -> None:
    question = Question(QUERY, "taco", 1, pool_languages=("rus_Cyrl",), explain=False)
    prediction = assisted.predict(question)
    assert writing == [STEPS]
    answer = prediction.answers[0]
    assert answer.prompt.text == f"{STEPS} The woman reads a book.\nTopic:"
    assert answer.text in assisted.task.verbaliser("swh_Latn").words.values()
    assert [entry.example.id for entry in prediction.selection.demonstrations] == [
        "rus"
    ]  # the other has no English side
    assert prediction.selection.framing.translation == "The woman reads a book."


def test_without_enough_translated_examples_the_others_are_shown_too(assisted: Predictor, writing: list[str]) -> None:
    selection = assisted.select(Question(QUERY, "taco", 2, pool_languages=("rus_Cyrl",)))
    assert {entry.example.id for entry in selection.demonstrations} == {"rus", "alone"}
    assert "Sentence: Поезд опоздал.\nTopic: travel\nIn русский: " in writing[0]


def test_an_english_query_is_its_own_english_side(assisted: Predictor, writing: list[str]) -> None:
    query = Query("The nurse won.", "eng_Latn")
    answer = assisted.predict(Question(query, "taco", 0, explain=False)).answers[0]
    assert answer.prompt.text.endswith("\n\nSentence: The nurse won.\nIn English: The nurse won.\nTopic:")
    assert writing == []


def test_translations_are_written_in_batches_before_an_evaluation_asks(
    assisted: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assisted.model_judge, "_translated", {})
    monkeypatch.setattr(assisted.model_judge, "writing", replace(assisted.model_judge.writing, max_tokens=4))
    calls: list[int] = []

    def counted(model: Any, prompts: list[str], *rest: Any) -> Any:
        calls.append(len(prompts))
        return generate(model, prompts, *rest)

    monkeypatch.setattr("core.models.generation.generate", counted)
    questions = [Question(Query(f"Bibi anasoma {n}.", "swh_Latn"), "taco", 2) for n in range(5)]
    assisted.prepare(questions)
    for question in questions:
        assisted.select(question)
    assert calls == [5]
