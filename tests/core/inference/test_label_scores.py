"""Label scores: the rule for labels of several tokens, calibration for one question, and priors that are estimated once.

Tests of `core.inference.label_priors`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special
from toys import toy_examples

from core.data.pool import Pool
from core.errors import InvalidConfig
from core.inference.label_priors import SENTENCES, LabelPriors
from core.inference.label_scores import Ask, LabelScorer
from core.inference.predictor import Predictor, Question, Settings
from core.records import PLAIN, Example, Framing, Query
from core.scoring import Scorer
from core.selection.strategies import STRATEGIES
from core.workbench import Workbench

QUERY = Query("The nurse won a race in the desert.", "eng_Latn")
TOY = toy_examples()


@pytest.fixture(scope="module")
def predictor(bench: Workbench) -> Predictor:
    return bench.predictor("topic")


def ask_of(predictor: Predictor, k: int = 3) -> Ask:
    return Ask(QUERY, predictor.select(Question(QUERY, "random", k)).demonstrations, "eng_Latn")


def test_domain_calibration_divides_by_the_prior_and_prior_belief_adds_the_calibrated_zero_shot(
    predictor: Predictor,
) -> None:
    ask = ask_of(predictor)
    zero = replace(ask, demonstrations=())
    by_name = {
        name: predictor.with_settings(Settings(calibration=name)).labels.scores([ask, zero])
        for name in ("none", "domain", "prior-belief")
    }
    raw = [scores.raw for scores in by_name["none"]]
    priors = [predictor.priors.prior(QUERY, count, "eng_Latn", PLAIN) for count in (3, 0)]
    # By hand: p(y|x,C) / prior(y), normalised; then the product of the two experts.
    evidence, belief = (
        special.log_softmax(special.log_softmax(row) - prior) for row, prior in zip(raw, priors, strict=True)
    )
    assert by_name["domain"][0].calibrated == pytest.approx(evidence, abs=1e-4)
    assert by_name["domain"][1].calibrated == pytest.approx(belief, abs=1e-4)
    assert by_name["prior-belief"][0].calibrated == pytest.approx(special.log_softmax(evidence + belief), abs=1e-4)
    assert by_name["prior-belief"][1].calibrated == pytest.approx(belief, abs=1e-4)
    assert np.abs(evidence - special.log_softmax(raw[0])).max() > 0.1


def test_the_prior_is_the_mean_probability_over_unlabelled_sentences(predictor: Predictor) -> None:
    """The toy pool has ten English sentences; all of them, none of their labels."""
    prior = predictor.priors.prior(QUERY, 0, "eng_Latn", PLAIN)
    own = [example for example in predictor.index.pool.examples if example.language == "eng_Latn"]
    asks = [Ask(example.query, (), "eng_Latn") for example in own]
    rows = [
        special.softmax(scores.raw)
        for scores in LabelScorer(predictor.writer, predictor.scorer, predictor.priors).scores(asks)
    ]
    assert np.exp(prior) == pytest.approx(np.mean(rows, axis=0), abs=1e-5)
    assert len(own) < SENTENCES


def test_a_prior_is_estimated_once_and_kept_on_disk(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = LabelPriors(predictor.writer, predictor.scorer, tmp_path)
    assert first.missing(QUERY, 2, "eng_Latn", PLAIN)
    prior = first.prior(QUERY, 2, "eng_Latn", PLAIN)
    monkeypatch.setattr(Scorer, "score", lambda *rest: pytest.fail("the model was asked again"))
    again = LabelPriors(predictor.writer, predictor.scorer, tmp_path)
    assert not again.missing(QUERY, 2, "eng_Latn", PLAIN)
    assert np.array_equal(again.prior(QUERY, 2, "eng_Latn", PLAIN), prior)
    (path,) = tmp_path.glob("priors-*.json")
    path.write_text("{torn", encoding="utf-8")
    assert LabelPriors(predictor.writer, predictor.scorer, tmp_path).missing(QUERY, 2, "eng_Latn", PLAIN)


def test_priors_differ_by_number_language_prompt_and_framing(predictor: Predictor) -> None:
    priors, french = predictor.priors, Query("La nuit.", "fra_Latn")
    keys = [
        priors._key(QUERY, 2, "eng_Latn", PLAIN),
        priors._key(QUERY, 3, "eng_Latn", PLAIN),
        priors._key(french, 2, "eng_Latn", PLAIN),
        priors._key(QUERY, 2, "fra_Latn", PLAIN),
        priors._key(QUERY, 2, "eng_Latn", Framing(instruction="Say it.")),
        predictor.with_settings(Settings(label_score="mean")).priors._key(QUERY, 2, "eng_Latn", PLAIN),
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == priors._key(replace(QUERY, text="Another."), 2, "eng_Latn", PLAIN)


def test_leaving_one_out_is_calibrated_by_the_prior_of_the_whole(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a change of the prior would look like the work of a demonstration."""
    calibrated = predictor.with_settings(Settings(calibration="domain"))
    counts: list[int] = []
    real = LabelPriors.prior

    def spied(self: LabelPriors, query: Query, count: int, *rest: Any) -> np.ndarray:
        counts.append(count)
        return real(self, query, count, *rest)

    monkeypatch.setattr(LabelPriors, "prior", spied)
    prediction = calibrated.predict(Question(QUERY, "random", 3))
    assert len(prediction.effects) == 3
    assert sorted(counts) == [0, 3, 3, 3, 3]
    answer = prediction.answers[0]
    assert answer.uncalibrated is not None
    assert answer.with_context is not None
    assert answer.uncalibrated != answer.with_context


def test_the_mean_rule_divides_by_tokens_and_can_turn_an_order(predictor: Predictor) -> None:
    ask = ask_of(predictor)
    total = predictor.labels.scores([ask])[0].raw
    mean = predictor.with_settings(Settings(label_score="mean")).labels.scores([ask])[0].raw
    words = predictor.writer.words("eng_Latn")
    lengths = np.array([len(word.encode()) for word in words])  # the toy tokenizer reads bytes
    exact = mean * lengths
    assert exact - total == pytest.approx(np.full(7, exact[0] - total[0]), abs=1e-3)  # sums lack one constant
    assert (
        mean.argsort().tolist() != total.argsort().tolist()
    )  # the longest word is last by the sum, and third by the mean


def test_rule_prompt_and_calibration_stand_in_every_provenance(predictor: Predictor) -> None:
    settings = Settings(calibration="domain", label_score="mean")
    provenance = predictor.with_settings(settings).predict(Question(QUERY, "random", 1, explain=False)).provenance
    assert (provenance["prompt"], provenance["chat_template"]) == ("native", "none")
    assert (provenance["calibration"], provenance["label_score"]) == ("domain", "mean")


def test_an_unknown_rule_is_refused() -> None:
    wrong: Any = "median"
    with pytest.raises(InvalidConfig, match="label_score is 'median'; allowed are sum, mean"):
        Settings(label_score=wrong)


def test_a_pool_without_the_querys_language_estimates_by_other_sentences(predictor: Predictor) -> None:
    prior = predictor.priors.prior(Query("Der Fluss.", "deu_Latn"), 1, "deu_Latn", PLAIN)
    assert special.logsumexp(prior) == pytest.approx(0, abs=1e-5)


FRAMED = [name for name, strategy in STRATEGIES.items() if strategy.framed]


@pytest.mark.parametrize("strategy", FRAMED)
def test_under_a_prompting_system_queries_of_a_language_share_one_prior(
    bench: Workbench, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What framings said of single demonstrations and of the query was once part of the key, and every query had its own prior."""
    pool = [
        replace(e, id=f"x/{e.id}", item=f"x/{e.item}", text=f"Так: {e.text}") for e in TOY if e.language == "eng_Latn"
    ]
    russian = [replace(example, language="rus_Cyrl") for example in pool]
    predictor = Workbench(bench.model, bench.encoder, pools={"topic": Pool((*TOY, *russian))}).predictor("topic")  # type: ignore[arg-type]
    written = iter(f"Line {n}." for n in range(99))
    line = type("Line", (), {"text": property(lambda _self: next(written))})
    monkeypatch.setattr(
        "core.selection.model_judge.generate_all", lambda _model, prompts, *_rest: [line() for _ in prompts]
    )
    estimated: list[str] = []
    real = LabelPriors._estimate

    def spied(self: LabelPriors, key: str, *rest: Any) -> None:
        estimated.append(key)
        real(self, key, *rest)

    monkeypatch.setattr(LabelPriors, "_estimate", spied)
    calibrated = predictor.with_settings(Settings(calibration="domain"))
    for text in ("Команда выиграла матч.", "Поезд опоздал.", "Врач читает книгу."):
        calibrated.predict(Question(Query(text, "rus_Cyrl"), strategy, 2, explain=False))
    # One after two demonstrations, and that of the answer without any.
    assert len(estimated) == 2, estimated


def test_the_prior_of_a_system_is_estimated_in_its_own_way_of_writing(bench: Workbench) -> None:
    russian = Example("a", "a", "rus_Cyrl", "Поезд опоздал.", "travel")
    pool = Pool((russian, Example("b", "a", "eng_Latn", "The train was late.", "travel"), *TOY))
    predictor = Workbench(bench.model, bench.encoder, pools={"topic": pool}).predictor("topic")  # type: ignore[arg-type]
    (latin,) = predictor.priors._requests(russian, (), "rus_Cyrl", Framing(style="romanised"))
    assert "Poyezd opozdal." in latin.context
    steps = Framing(style="translated", translation="Whatever the query says.", codes=("eng_Latn",))
    (translated,) = predictor.priors._requests(russian, (), "rus_Cyrl", steps)
    assert translated.context.endswith("Sentence: Поезд опоздал.\nIn English: The train was late.\nTopic:")
