"""Asking: every field of a prediction recomputed or held to its range; refusals; generation.

Tests of `core.inference.question`.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import special, stats
from toys import SENTENCES

from core.errors import InvalidQuery, PoolTooSmall, PromptTooLong
from core.inference.predictor import LONGEST_QUERY, Predictor, Question, checked
from core.models.generation import GenerationConfig, generate
from core.models.loading import LanguageModel
from core.prompting import PromptConfig, PromptWriter
from core.records import Demonstration, Prediction, Query
from core.scoring import Request, Scorer
from core.workbench import Workbench

QUERY = Query("The nurse won a race in the desert.", "eng_Latn")
CODES = ("eng_Latn", "fra_Latn", "zho_Hans")


@pytest.fixture(scope="module")
def prediction(predictor: Predictor) -> Prediction:
    return predictor.predict(Question(QUERY, k=3, answer_languages=CODES))


def without_times(prediction: Prediction) -> Prediction:
    return replace(prediction, seconds={})


def label_scores(predictor: Predictor, context: str, code: str) -> np.ndarray:
    """Scores by a scorer of its own that keeps nothing of the one under test."""
    template, words = predictor.task.template(code), predictor.task.verbaliser(code).words
    request = Request(context, tuple(template.answer(words[label]) for label in predictor.task.labels))
    return Scorer(predictor.model, method="padded").score([request])[0]


def test_every_field_of_a_prediction_is_in_its_range(prediction: Prediction, predictor: Predictor) -> None:
    assert [answer.language for answer in prediction.answers] == list(CODES)
    assert len(prediction.selection.demonstrations) == 3
    assert set(prediction.seconds) == {"choose", "answer", "explain"}
    assert all(seconds >= 0 for seconds in prediction.seconds.values())
    for answer in prediction.answers:
        words = predictor.task.verbaliser(answer.language).words
        assert answer.label in words
        assert answer.text == words[answer.label]
        assert answer.zero_shot_text in words.values()
        assert 1 / 7 <= answer.confidence <= 1  # the best of seven labels
        assert answer.adherence is not None
        assert 0 <= answer.adherence <= 1
        assert answer.coherence is not None
        assert -1 - 1e-6 <= answer.coherence <= 1 + 1e-6
        assert answer.kl is not None
        assert answer.kl >= 0
        assert answer.with_context is not None
        assert sum(answer.with_context.probabilities.values()) == pytest.approx(1)
        assert answer.prompt.dropped == ()
        tokens = len(predictor.model.start) + len(answer.prompt.text.encode())
        assert answer.prompt.tokens == tokens  # one token per byte
        assert answer.sentence == predictor.task.verbaliser(answer.language).sentence_of(answer.label or "")
    provenance = prediction.provenance
    assert provenance["fingerprint"] == predictor.model.fingerprint
    assert (provenance["strategy"], provenance["k"], provenance["seed"]) == ("agl", "3", "0")


def test_distributions_and_kl_equal_recomputation(prediction: Prediction, predictor: Predictor) -> None:
    for answer in prediction.answers:
        scores = label_scores(predictor, answer.prompt.text, answer.language)
        bare = predictor.writer.prompt(QUERY, (), answer.language)
        plain = label_scores(predictor, bare.text, answer.language)
        assert answer.with_context is not None
        assert answer.without_context is not None
        assert list(answer.with_context.log_probs.values()) == pytest.approx(special.log_softmax(scores), abs=1e-4)
        assert list(answer.without_context.log_probs.values()) == pytest.approx(special.log_softmax(plain), abs=1e-4)
        probabilities = special.softmax(scores)
        assert answer.kl == pytest.approx(stats.entropy(probabilities, special.softmax(plain)), abs=1e-4)
        assert answer.confidence == pytest.approx(probabilities.max(), abs=1e-4)
        assert answer.label == predictor.task.labels[int(scores.argmax())]


def test_adherence_is_the_share_of_the_asked_languages_words(prediction: Prediction, predictor: Predictor) -> None:
    for answer in prediction.answers:
        lead = predictor.task.template(answer.language).lead
        own = [lead + word for word in predictor.task.verbaliser(answer.language).words.values()]
        words = {lead + word for code in CODES for word in predictor.task.verbaliser(code).words.values()}
        foreign = sorted(words - set(own))
        scores = Scorer(predictor.model).score([Request(answer.prompt.text, (*own, *foreign))])[0]
        assert answer.adherence == pytest.approx(special.softmax(scores)[: len(own)].sum(), abs=1e-4)


def test_adherence_cannot_be_told_with_one_language(predictor: Predictor) -> None:
    assert predictor.predict(Question(QUERY, k=1)).answers[0].adherence is None


def test_leave_one_out_equals_asking_without_each(prediction: Prediction, predictor: Predictor) -> None:
    answer = prediction.answers[0]
    assert len(prediction.effects) == 3
    for place, effect in enumerate(prediction.effects):
        shown = prediction.selection.demonstrations
        assert effect.demonstration == shown[place]
        rest = shown[:place] + shown[place + 1 :]
        context = predictor.writer.prompt(QUERY, rest, "eng_Latn").text
        share = special.softmax(label_scores(predictor, context, "eng_Latn"))
        expected = answer.confidence - share[predictor.task.labels.index(answer.label or "")]
        assert effect.change == pytest.approx(expected, abs=1e-4)
    assert max(abs(effect.change) for effect in prediction.effects) > 1e-3  # the toy model does read its context


def test_coherence_is_symmetric_with_ones_on_the_diagonal(prediction: Prediction, predictor: Predictor) -> None:
    matrix = np.array(prediction.coherence)
    assert matrix.shape == (4, 4)  # the query and three answers
    assert matrix == pytest.approx(matrix.T)
    assert np.diag(matrix) == pytest.approx(np.ones(4), abs=1e-5)
    assert matrix[0, 1:].tolist() == pytest.approx([answer.coherence for answer in prediction.answers], abs=1e-5)
    texts = [QUERY.text, *(answer.sentence for answer in prediction.answers)]
    vectors = predictor.index.projection(predictor.index.vectors.raw(texts), ["eng_Latn", *CODES])
    assert matrix == pytest.approx(vectors @ vectors.T, abs=1e-5)


def test_the_same_question_has_the_same_answer(prediction: Prediction, bench: Workbench) -> None:
    """To the last bit from a fresh start; scores remembered from other batches may differ by rounding alone."""
    question = Question(QUERY, k=3, answer_languages=CODES)
    first, second = (
        Workbench(bench.model, bench.encoder, pools={"topic": bench.pool("topic")}).predictor("topic").predict(question)
        for _ in range(2)
    )
    assert without_times(first) == without_times(second)
    assert first.selection.demonstrations == prediction.selection.demonstrations
    assert [answer.label for answer in first.answers] == [answer.label for answer in prediction.answers]
    assert [answer.kl for answer in first.answers] == pytest.approx(
        [answer.kl for answer in prediction.answers], abs=1e-4
    )


def test_a_prediction_grows_from_the_choice_to_everything(predictor: Predictor, prediction: Prediction) -> None:
    steps = list(predictor.ask(Question(QUERY, k=3, answer_languages=CODES)))
    assert [len(step.answers) for step in steps] == [0, 1, 1, 2, 3, 3]
    assert steps[0].selection == prediction.selection
    assert [bool(step.effects) for step in steps] == [False, False, True, True, True, True]
    assert [bool(step.coherence) for step in steps] == [False] * 5 + [True]
    assert steps[4].answers == steps[5].answers == prediction.answers
    assert [list(step.seconds) for step in steps[:2]] == [["choose"], ["choose", "answer"]]


def test_effects_are_left_out_when_not_asked_for(predictor: Predictor) -> None:
    prediction = predictor.predict(Question(QUERY, k=2, explain=False))
    assert prediction.effects == ()
    assert prediction.answers[0].kl is not None


def test_fixed_demonstrations_are_shown_as_given(predictor: Predictor) -> None:
    fixed = tuple(Demonstration(predictor.index.pool.examples[place], None, None) for place in (7, 4))
    prediction = predictor.predict(Question(QUERY, strategy="agl", k=5, fixed=fixed))
    assert prediction.selection.demonstrations == fixed
    assert (
        prediction.answers[0].prompt.demonstrations == fixed[::-1]
    )  # the first given is preferred and stands next to the query
    assert len(prediction.effects) == 2


def test_zero_shot_and_k_zero_show_nothing_and_change_nothing(predictor: Predictor) -> None:
    for question in (Question(QUERY, strategy="zero-shot", k=4), Question(QUERY, k=0)):
        prediction = predictor.predict(question)
        assert prediction.selection.demonstrations == ()
        assert prediction.answers[0].kl == pytest.approx(0.0, abs=1e-9)
        assert prediction.effects == ()


def test_demonstrations_that_do_not_fit_are_dropped_whole_least_preferred_first(predictor: Predictor) -> None:
    demonstrations = tuple(Demonstration(predictor.index.pool.examples[3 * n + 1], None, None) for n in range(5))
    whole = predictor.writer.prompt(QUERY, demonstrations, "eng_Latn")
    assert len(whole.demonstrations) == 5
    for kept in (4, 2, 0):
        wanted = predictor.writer.prompt(QUERY, demonstrations[:kept], "eng_Latn")
        reserve = predictor.model.context - wanted.tokens  # exactly so much room that these fit
        tight = PromptWriter(predictor.task, predictor.index.pool, predictor.model, PromptConfig(reserve=reserve))
        prompt = tight.prompt(QUERY, demonstrations, "eng_Latn")
        assert prompt.text == wanted.text
        assert prompt.tokens == predictor.model.context - reserve
        assert prompt.dropped == demonstrations[kept:][::-1]
    tight = PromptWriter(
        predictor.task, predictor.index.pool, predictor.model, PromptConfig(reserve=predictor.model.context - 60)
    )
    with pytest.raises(PromptTooLong, match=r"at most 1024 of which 964"):
        tight.prompt(QUERY, demonstrations, "eng_Latn")


REFUSED = {
    "": "empty",
    " \t\n": "empty",
    "\x00\u202e\u2066": "empty",
    "?!… ،": "no letter or digit",
    "a" * (LONGEST_QUERY + 1): "2001 characters; at most 2000",
}


@pytest.mark.parametrize("text", REFUSED)
def test_queries_that_cannot_be_asked_are_refused(predictor: Predictor, text: str) -> None:
    with pytest.raises(InvalidQuery, match=REFUSED[text]):
        predictor.predict(Question(Query(text, "eng_Latn")))


@pytest.mark.parametrize("text", ["7", "漢", "a" * LONGEST_QUERY, " a\u202e b\n"])
def test_queries_at_the_edge_are_asked_as_one_clean_line(text: str) -> None:
    assert checked(Query(text, "eng_Latn", "item")) == Query(
        " ".join(text.replace("\u202e", " ").split()), "eng_Latn", "item"
    )


def test_unknown_strategy_task_and_negative_k_are_refused(predictor: Predictor, bench: Workbench) -> None:
    with pytest.raises(InvalidQuery, match=r"no strategy 'best'; choose one of agl, knn"):
        predictor.predict(Question(QUERY, strategy="best"))
    with pytest.raises(InvalidQuery, match=r"no task 'rhyme'; choose one of .*sentiment, topic, translation"):
        bench.predictor("rhyme")
    for strategy in ("agl", "random", "zero-shot"):
        with pytest.raises(InvalidQuery, match=r"^-1 demonstrations were asked for"):
            predictor.predict(Question(QUERY, strategy=strategy, k=-1))


def test_more_demonstrations_than_items_are_refused(predictor: Predictor) -> None:
    with pytest.raises(PoolTooSmall, match=r"^11 demonstrations.*only 10 different items"):
        predictor.predict(Question(QUERY, k=11))


def test_pool_languages_narrow_the_choice(predictor: Predictor) -> None:
    prediction = predictor.predict(Question(QUERY, k=4, pool_languages=("swh_Latn",)))
    assert {entry.example.language for entry in prediction.selection.demonstrations} == {"swh_Latn"}


# Free text -----------------------------------------------------------------------------------------------------------


def test_translation_shows_the_other_side_and_measures_the_text(bench: Workbench) -> None:
    predictor = bench.predictor("translation")
    assert predictor.index is bench.index("topic")  # the pool is shared
    prediction = predictor.predict(Question(QUERY, k=2, answer_languages=("fra_Latn",), pool_languages=("swh_Latn",)))
    answer = prediction.answers[0]
    assert (answer.label, answer.with_context, answer.kl) == (None, None, None)
    french = {example.text for example in predictor.index.pool.examples if example.language == "fra_Latn"}
    assert sum(text in answer.prompt.text for text in french) == 2
    assert 0 <= answer.confidence <= 1
    assert (answer.coherence is None) == (answer.text == "")
    assert prediction.effects == ()


PROMPTS = ["A:", "The bus leaves for the coast.", "Un fleuve traverse le désert et la plaine."]


def test_batched_generation_equals_one_by_one(model: LanguageModel) -> None:
    together = generate(model, PROMPTS, GenerationConfig(max_tokens=12))
    for prompt, batched in zip(PROMPTS, together, strict=True):
        single = generate(model, [prompt], GenerationConfig(max_tokens=12))[0]
        assert batched.text == single.text
        assert batched.confidence == pytest.approx(single.confidence, abs=1e-5)
    assert len({written.text for written in together}) > 1


def test_greedy_generation_takes_the_likeliest_token_every_time(model: LanguageModel) -> None:
    ids = [*model.start, *model.encode([PROMPTS[1]])[0]]
    logs: list[float] = []
    for _ in range(12):
        with torch.inference_mode():
            row = model.network(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        token = int(row.argmax())
        if token == model.tokenizer.eos_token_id or "\n" in model.tokenizer.decode([*ids[-1:], token])[1:]:
            break
        ids.append(token)
        logs.append(float(row[token]))
    written = generate(model, [PROMPTS[1]], GenerationConfig(max_tokens=12))[0]
    start = len(model.start) + len(PROMPTS[1].encode())
    assert written.text == model.tokenizer.decode(ids[start:]).strip()
    assert written.confidence == pytest.approx(math.exp(sum(logs) / len(logs)), abs=1e-5)


class Scripted:
    """Stands in for a network whose continuation is known: logits favour the next byte of a script for every row."""

    def __init__(self, model: LanguageModel, scripts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        real = model.network.forward
        steps = iter(range(1000))

        def forward(*rest: Any, **named: Any) -> Any:
            output = real(*rest, **named)
            step = next(steps)
            output.logits = torch.full_like(output.logits, -10.0)
            for row, script in enumerate(scripts):
                token = model.encode([script])[0][step] if step < len(script.encode()) else model.tokenizer.eos_token_id
                output.logits[row, -1, token] = -7.0 if script[step : step + 1] == "\n" else 10.0  # still the highest
            return output

        monkeypatch.setattr(model.network, "forward", forward)


def test_generation_stops_each_row_at_its_own_line_break(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = [" first\nmore text follows", " the second is longer\nand more", " third ends by itself"]
    Scripted(model, scripts, monkeypatch)
    written = generate(model, PROMPTS, GenerationConfig(max_tokens=40))
    assert [line.text for line in written] == ["first", "the second is longer", "third ends by itself"]
    # Every kept token has probability 1 / (1 + 257 exp(-20)); the line break, of 1 / (1 + 257 exp(-3)), is not kept.
    assert [line.confidence for line in written] == pytest.approx([1 / (1 + 257 * math.exp(-20))] * 3, abs=1e-6)


def test_generation_runs_no_longer_than_its_longest_line(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    Scripted(model, [" ab\nxyz" * 9], monkeypatch)
    scripted = model.network.forward
    calls: list[int] = []
    monkeypatch.setattr(model.network, "forward", lambda *rest, **named: (calls.append(1), scripted(*rest, **named))[1])
    assert generate(model, ["A:"], GenerationConfig(max_tokens=40))[0].text == "ab"
    assert len(calls) == 4  # space, a, b, line break


def test_an_empty_line_has_no_confidence(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    Scripted(model, [""], monkeypatch)
    written = generate(model, ["A:"])[0]
    assert (written.text, written.confidence) == ("", 0.0)


def test_sampled_generation_depends_on_its_generator_alone(model: LanguageModel) -> None:
    config = GenerationConfig(max_tokens=10, temperature=1.0)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(len(drawn))
        drawn.append(generate(model, PROMPTS, config, torch.Generator().manual_seed(seed)))
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_a_query_from_the_pool_is_never_shown_its_translations(predictor: Predictor) -> None:
    prediction = predictor.predict(Question(Query(SENTENCES[0][1], "eng_Latn"), k=9))
    assert "item-0" not in {entry.example.item for entry in prediction.selection.demonstrations}
