"""Written answers: lines that end, circles that are cut, copies that are flagged, and languages that are refused.

Tests of `core.inference.answering`, `core.inference.copying`.
"""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidQuery
from core.inference.copying import copied_from
from core.inference.predictor import Predictor, Question
from core.models import generation
from core.models.generation import ROUNDS, GenerationConfig, circle, generate
from core.models.loading import LanguageModel
from core.records import Query
from core.workbench import Workbench

ENGLISH = Query("The nurse won a race in the desert.", "eng_Latn")


@pytest.fixture(scope="module")
def translator(bench: Workbench) -> Predictor:
    return bench.predictor("translation")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 9), max_size=12), st.lists(st.integers(10, 19), min_size=1, max_size=6), st.integers(6, 8)
)
def test_what_goes_round_is_seen_and_what_does_not_is_left_alone(
    before: list[int], cycle: list[int], rounds: int
) -> None:
    assert 0 < circle([*before, *cycle * rounds]) <= len(cycle)
    assert circle(before[:2]) == 0
    assert circle([*range(100, 100 + len(before)), *cycle[:1]]) == 0


def test_a_word_said_twice_is_no_circle() -> None:
    assert circle([1, 2, 3, 1, 2, 3]) == 0
    assert circle([1, 2, 3] * ROUNDS) == 3
    assert circle([7] * 5) == 0  # "!!!!!"
    assert circle([7] * 6) == 1


def test_a_line_that_goes_round_is_cut_after_its_first_round(model: LanguageModel) -> None:
    row = [ids[0] for ids in model.encode(list("on and on and on and on and "))]
    line = generation._line(model, row, [-0.5] * len(row))
    assert (line.text, line.repeated, line.ended) == ("on and", True, False)
    assert line.confidence == pytest.approx(0.6065, abs=1e-3)  # e^-0.5


def test_confidence_is_that_of_the_networks_own_logits(model: LanguageModel) -> None:
    (line,) = generate(model, ["Sentence: The river"], GenerationConfig(max_tokens=5))
    ids = [*model.start, *model.encode(["Sentence: The river"])[0]]
    logs: list[float] = []
    with torch.inference_mode():
        for _ in range(5):
            row = model.network(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
            ids.append(int(row.argmax()))
            logs.append(float(row.max()))
    shown = generation._line(model, ids[-5:], logs)
    assert (line.text, line.repeated) == (shown.text, shown.repeated)
    assert line.confidence == pytest.approx(shown.confidence, abs=1e-5)


def test_translation_into_the_querys_own_language_is_refused(translator: Predictor) -> None:
    """A model that is asked for it copies, and a copy scores well."""
    for codes in ((), ("eng_Latn",), ("fra_Latn", "eng_Latn")):
        with pytest.raises(InvalidQuery, match="The query is in English already; name another language"):
            translator.predict(Question(ENGLISH, "random", 1, codes))
    french = translator.predict(Question(Query("La rivière traverse un désert.", "fra_Latn"), "random", 1))
    assert [answer.language for answer in french.answers] == ["eng_Latn"]


def test_answers_in_several_languages_are_written_together(
    translator: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = generation.generate

    def spied(model: Any, prompts: Any, *rest: Any) -> Any:
        calls.append(len(prompts))
        return real(model, prompts, *rest)

    monkeypatch.setattr(generation, "generate", spied)
    question = Question(ENGLISH, "random", 1, ("fra_Latn", "swh_Latn"), explain=False)
    *_, last = translator.ask(question)
    assert len(calls) == 1  # two languages, each with demonstrations and without; equal prompts are asked once
    assert calls[0] >= 3
    alone = [
        translator.predict(Question(ENGLISH, "random", 1, (code,), explain=False)).answers[0]
        for code in ("fra_Latn", "swh_Latn")
    ]
    assert [answer.text for answer in last.answers] == [answer.text for answer in alone]


def test_copies_of_the_source_and_of_demonstrations_are_flagged() -> None:
    source, answers = "The nurse treats a fever.", ["Le fleuve traverse un désert.", "Elle a gagné."]
    assert copied_from("the nurse treats a fever", source, answers) == "source"
    assert copied_from("Le fleuve traverse un désert", source, answers) == "demonstration"
    assert copied_from("L'infirmière soigne une fièvre.", source, answers) == ""
    assert copied_from("", source, answers) == ""
    assert copied_from("Oui", source, ["Oui, bien sûr."]) == ""  # too short to be told from chance
