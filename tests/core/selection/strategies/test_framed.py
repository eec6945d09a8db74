"""Prompting systems: the prompts they ask by, letter for letter, and answers that are asked just so.

Tests of `core.data.prompting_systems`, `core.selection.model_judge`.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import special

from core.data.prompting_systems import framing_words
from core.data.tasks import Task
from core.errors import InvalidData
from core.evaluation import EvaluationConfig, evaluate
from core.inference.predictor import Predictor, Question, Settings
from core.languages import language
from core.models.generation import generate
from core.prompting import combined, requests_of
from core.records import Example, Query
from core.scoring import Scorer
from core.workbench import Workbench

QUERY = Query("Bibi anasoma kitabu.", "swh_Latn")


@pytest.fixture(scope="module")
def asked(bench: Workbench) -> Predictor:
    return Predictor(bench.tasks["topic"], bench.index("topic"), bench.scorer, None, bench.tasks["translation"])


def prompt_of(asked: Predictor, strategy: str, k: int) -> str:
    return asked.predict(Question(QUERY, strategy, k, explain=False)).answers[0].prompt.text


def test_the_aligner_stands_before_the_query_and_labels_are_in_the_source_language(asked: Predictor) -> None:
    (shown,) = asked.select(Question(QUERY, "x-insta", 1)).demonstrations
    word = asked.task.verbaliser("eng_Latn").words[shown.example.label]
    assert prompt_of(asked, "x-insta", 1) == (
        f"{asked.task.template('swh_Latn').instruction}\n\n"
        f"{asked.task.template('swh_Latn').block(shown.example.text, word)}\n\n"
        "What the words mean, English = Kiswahili: technology = teknolojia; travel = safari; politics = siasa; "
        "sports = michezo; health = afya; entertainment = burudani; geography = jiografia.\n\n"
        f"{asked.task.template('swh_Latn').open_block(QUERY.text)}"
    )


def test_query_alignment_is_nearest_neighbours_in_english(asked: Predictor) -> None:
    found = asked.select(Question(QUERY, "query-alignment", 5)).demonstrations
    near = asked.select(Question(QUERY, "knn", 5, pool_languages=("eng_Latn",))).demonstrations
    assert found == near
    elsewhere = asked.select(Question(Query("She reads.", "eng_Latn"), "query-alignment", 5)).demonstrations
    assert len({entry.example.language for entry in elsewhere}) == 1  # French or Swahili, the only two left


def test_an_aligner_of_the_answers_own_language_is_left_out(asked: Predictor) -> None:
    framing = asked.select(Question(QUERY, "x-insta", 2, ("swh_Latn", "eng_Latn", "fra_Latn"))).framing
    assert set(framing.aligners) == {"swh_Latn", "fra_Latn"}  # the demonstrations are English
    assert "English = français" in framing.aligners["fra_Latn"]


def test_xlt_instructs_in_english_and_asks_in_english(asked: Predictor) -> None:
    assert prompt_of(asked, "xlt", 0) == (
        "You are an expert reader of Swahili. Restate the last text in English for yourself, think about it step by step, then give "
        "only the answer. Name the topic of the last sentence.\n\nSentence: Bibi anasoma kitabu.\nTopic:"
    )


def test_self_translate_asks_about_what_the_model_wrote(asked: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def write(_model: Any, prompts: list[str], *_rest: Any) -> list[Any]:
        seen.extend(prompts)
        return [type("Line", (), {"text": "The woman reads a book."}) for _ in prompts]

    monkeypatch.setattr("core.selection.model_judge.generate_all", write)
    monkeypatch.setattr(asked.model_judge, "_translated", {})
    prediction = asked.predict(Question(QUERY, "self-translate", 2, explain=False))
    assert len(seen) == 1  # remembered after the first
    blocks = seen[0].split("\n\n")
    assert blocks[0] == "Translate the last sentence into English."
    assert len(blocks) == 1 + 4 + 1
    assert all(block.startswith("français: ") and "\nEnglish: " in block for block in blocks[1:-1])
    assert blocks[-1] == "Kiswahili: Bibi anasoma kitabu.\nEnglish:"
    assert prediction.answers[0].prompt.text.endswith("Sentence: The woman reads a book.\nTopic:")
    assert prediction.answers[0].prompt.text.startswith("Name the topic of the last sentence.")
    assert prediction.answers[0].text in asked.task.verbaliser("swh_Latn").words.values()
    english = Query("The woman reads a book.", "eng_Latn")
    near = asked.index.encoder_vectors().numpy() @ asked.index.encoder_vector(english).numpy()
    scores = [entry.score for entry in prediction.selection.demonstrations]
    assert max(scores) == pytest.approx(max(near[asked.index.pool.usable(QUERY)]), abs=1e-6)  # type: ignore[type-var]


def test_translations_made_in_batches_are_those_made_one_by_one(
    asked: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Predictor(asked.task, asked.index, asked.scorer, None, asked.translation) for _ in range(2)]
    for predictor in found:
        predictor.model_judge.writing = replace(predictor.model_judge.writing, max_tokens=8)
    single, batched = found
    queries = [Query(f"{e.text} {e.text[:n]}", e.language, e.item) for n, e in enumerate(asked.index.pool.examples)]
    questions = [Question(query, "self-translate", 2) for query in queries[:24]]  # more than a batch
    selections = [single.select(question) for question in questions]
    calls: list[int] = []

    def counted(model: Any, prompts: list[str], *rest: Any) -> Any:
        calls.append(len(prompts))
        return generate(model, prompts, *rest)

    monkeypatch.setattr("core.models.generation.generate", counted)
    shares: list[float] = []
    batched.prepare(questions, shares.append)
    assert calls == [16]  # of the 24, 8 are English
    assert shares == [1.0]
    assert len(batched.model_judge._translated) == 16
    assert batched.model_judge._translated == single.model_judge._translated
    assert [batched.select(question) for question in questions] == selections
    assert calls == [16]  # all were remembered


def test_an_evaluation_translates_before_it_asks(asked: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(asked.task, asked.index, asked.scorer, None, asked.translation)
    predictor.model_judge.writing = replace(predictor.model_judge.writing, max_tokens=4)
    calls: list[int] = []

    def counted(model: Any, prompts: list[str], *rest: Any) -> Any:
        calls.append(len(prompts))
        return generate(model, prompts, *rest)

    monkeypatch.setattr("core.models.generation.generate", counted)
    queries = [Example(f"q{n}", f"q{n}", "swh_Latn", f"Bibi anasoma {n}.", "travel") for n in range(5)]
    rows = evaluate(predictor, queries, EvaluationConfig(("self-translate",), (0, 1), (0,), None))
    assert calls == [5]  # k = 1 asks by the same translations
    assert len(rows) == 10


def test_a_translation_that_is_in_the_pool_keeps_its_item_out(
    asked: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        asked.model_judge,
        "translated",
        lambda query, _examples: replace(query, text="She won the long race.", language="eng_Latn"),
    )
    shown = asked.select(Question(QUERY, "self-translate", 9)).demonstrations
    assert "item-3" not in {entry.example.item for entry in shown}
    assert len(shown) == 9


def test_clsp_is_the_mean_of_the_distributions_of_its_languages(asked: Predictor) -> None:
    question = Question(QUERY, "clsp", 2, ("swh_Latn", "fra_Latn"), explain=False)
    answer = asked.predict(question).answers[0]
    prompts = (answer.prompt, *answer.further)
    assert [prompt.language for prompt in prompts] == ["swh_Latn", "eng_Latn", "deu_Latn", "spa_Latn", "zho_Hans"]
    scorer, rows = Scorer(asked.model, method="padded"), []
    for prompt in prompts:
        template, verbaliser = asked.task.template(prompt.language), asked.task.verbaliser(prompt.language)
        words = tuple(template.answer(verbaliser.words[label]) for label in asked.task.labels)
        rows.append(
            special.softmax([values.sum() for values in scorer.token_scores([(prompt.text, w) for w in words])])
        )
    assert answer.with_context is not None
    assert list(answer.with_context.probabilities.values()) == pytest.approx(np.mean(rows, axis=0), abs=1e-4)


@pytest.mark.parametrize("strategy", ["x-insta", "task-alignment", "self-translate", "xlt", "clsp", "taco"])
@pytest.mark.parametrize("calibration", ["none", "contextual"])
def test_an_answer_is_scored_by_the_prompts_it_shows_and_as_evaluation_does(
    asked: Predictor, strategy: str, calibration: str
) -> None:
    found = Predictor(asked.task, asked.index, asked.scorer, Settings(calibration=calibration), asked.translation)
    found.model_judge.writing = replace(found.model_judge.writing, max_tokens=6)
    question = Question(QUERY, strategy, 2)
    prediction = found.predict(question)
    answer = prediction.answers[0]
    requests = requests_of(found.writer, QUERY, prediction.selection, "swh_Latn")
    assert [request.context for request in requests] == [p.text for p in (answer.prompt, *answer.further)]
    assert answer.with_context is not None
    scores = list(answer.with_context.log_probs.values())
    same = special.softmax(combined(found.scorer.score(requests))) == pytest.approx(special.softmax(scores), abs=1e-5)
    assert same == (calibration == "none")
    assert len(prediction.effects) == 2
    pinned = found.predict(replace(question, fixed=prediction.selection.demonstrations, explain=False))
    assert pinned.answers[0].prompt.text == answer.prompt.text  # chosen by hand, framed all the same


def test_every_task_language_has_an_aligner_of_its_own_that_names_all_labels(tasks: dict[str, Task]) -> None:
    words = framing_words()
    assert set(words.aligners) == set(tasks["topic"].languages)
    codes = tasks["topic"].languages
    for task in (tasks["topic"], tasks["sentiment"]):
        for source, target in pairwise((*codes, codes[0])):
            line = words.aligned(task, [source, source], target)
            assert "\n" not in line
            assert "{" not in line
            for label in task.labels:
                assert f"{task.verbaliser(source).words[label]} = {task.verbaliser(target).words[label]}" in line
            assert f"{language(source).autonym} = {language(target).autonym}" in line


def test_a_framing_file_without_a_hole_is_refused(tmp_path: Any) -> None:
    head = 'language = "eng_Latn"\nversion = "1"\nauthor = "a"\nprovenance = "p"\n'
    (tmp_path / "eng_Latn.toml").write_text(
        head + '[aligner]\nline = "no holes"\npair = "{word} {meaning}"\nbetween = ";"\n'
    )
    with pytest.raises(InvalidData, match=r"eng_Latn\.toml, section \[aligner\]: field 'line' must be .*\{source\}"):
        framing_words(tmp_path)
