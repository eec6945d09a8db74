"""Order, labels and inputs of an answer, each number against one-by-one computation; what is drawn; what cannot be measured.

Tests of `core.inference.explanation_records`.
"""

import itertools
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from core.errors import InvalidConfig
from core.inference.explanation import WhyConfig, explain, make_up
from core.inference.explanation_records import Change, LabelsAgainstInputs, OrderSensitivity, Unmeasured
from core.inference.perturbation import orders, reinputs, relabelled
from core.inference.predictor import Predictor, Question
from core.records import Demonstration, Prediction, Query
from core.scoring import Request, Scorer
from core.workbench import Workbench

QUERY = Query("The nurse won a race in the desert.", "eng_Latn")
CONFIG = WhyConfig(orders=6, draws=3, seed=1)


@pytest.fixture(scope="module")
def prediction(predictor: Predictor) -> Prediction:
    """Of labels that two items of the pool have, so that each input has one other of its label."""
    by_id = {example.id: example for example in predictor.index.pool.examples}
    shown = tuple(Demonstration(by_id[name], None, None) for name in ("fra_Latn/3", "swh_Latn/1", "fra_Latn/4"))
    codes = ("eng_Latn", "fra_Latn")
    return predictor.predict(Question(QUERY, k=3, answer_languages=codes, fixed=shown, explain=False))


def alone(predictor: Predictor, shown: tuple[Demonstration, ...], code: str) -> np.ndarray:
    """Label probabilities of one context by a padded scorer that knows nothing yet."""
    prompt = predictor.writer.prompt(QUERY, shown, code)
    request = Request(prompt.text, predictor.writer.words(code))
    return np.asarray(special.softmax(Scorer(predictor.model, method="padded").score([request])[0]))


def measured(found: object) -> OrderSensitivity:
    assert isinstance(found, OrderSensitivity)
    return found


@pytest.mark.parametrize("place", [0, 1])
def test_every_order_of_three_equals_its_own_computation(
    predictor: Predictor, prediction: Prediction, place: int
) -> None:
    found = measured(explain(predictor, prediction, place, CONFIG).order)
    answer, shown = prediction.answers[place], prediction.selection.demonstrations
    assert found.every
    assert [order.demonstrations for order in found.orders] == list(itertools.permutations(shown))
    labels = predictor.task.labels
    kept = 0
    for order in found.orders:
        alone_ = alone(predictor, order.demonstrations, answer.language)
        assert order.probability == pytest.approx(alone_[labels.index(found.answer)], abs=1e-4)
        assert order.answer == labels[int(alone_.argmax())]
        kept += order.answer == answer.label
    assert found.answer == answer.label
    assert found.agreement == pytest.approx(kept / 6)
    assert found.orders[0].probability == pytest.approx(answer.confidence, abs=1e-6)
    assert found.lowest == min(order.probability for order in found.orders)
    assert found.highest == max(order.probability for order in found.orders)


def test_the_flip_is_the_other_answer_that_leaves_this_one_the_least(
    predictor: Predictor, prediction: Prediction
) -> None:
    found = measured(explain(predictor, prediction, 0, CONFIG).order)
    first, second, third = found.orders[:3]
    one, two = [label for label in predictor.task.labels if label != found.answer][:2]
    flips = (replace(second, answer=one, probability=0.3), replace(third, answer=two, probability=0.2))
    turned = replace(found, orders=(replace(first, answer=found.answer, probability=0.1), *flips))
    assert turned.flip == flips[1]
    assert turned.agreement == pytest.approx(1 / 3)
    assert replace(turned, orders=turned.orders[:1]).flip is None


def test_orders_are_different_seeded_and_begin_with_the_one_shown(prediction: Prediction) -> None:
    shown = tuple(replace(prediction.selection.demonstrations[0], score=float(number)) for number in range(5))
    drawn = orders(shown, 20, random.Random(3))
    assert len(set(drawn)) == 20
    assert drawn[0] == shown
    assert all(sorted(entry.score for entry in order) == [0, 1, 2, 3, 4] for order in drawn)  # type: ignore[type-var]
    assert drawn == orders(shown, 20, random.Random(3)) != orders(shown, 20, random.Random(4))
    assert len(orders(shown[:4], 24, random.Random(0))) == 24


def test_every_change_equals_its_own_computation(predictor: Predictor, prediction: Prediction) -> None:
    found = explain(predictor, prediction, 1, CONFIG).against
    assert isinstance(found, LabelsAgainstInputs)
    shown, labels, pool = prediction.selection.demonstrations, predictor.task.labels, predictor.index.pool
    usable, whole = pool.usable(QUERY), alone(predictor, shown, "fra_Latn")
    contexts = {how: relabelled(shown, how, labels, 3, 1, QUERY.text) for how in ("permuted", "random", "swapped")}
    contexts |= {
        "other_inputs": reinputs(shown, pool, usable, False, 3, 1, QUERY.text),
        "fitting_inputs": reinputs(shown, pool, usable, True, 3, 1, QUERY.text),
    }
    place = labels.index(found.answer)
    assert [change.how for change in found.changes] == list(contexts)
    for change in found.changes:
        rows = [alone(predictor, context, "fra_Latn") for context in contexts[change.how]]
        assert change.draws == len(rows) > 0
        assert change.probability == pytest.approx(np.mean([row[place] for row in rows]), abs=1e-4)
        assert change.kl == pytest.approx(np.mean([stats.entropy(whole, row) for row in rows]), abs=1e-3)
        assert change.agreement == pytest.approx(np.mean([row.argmax() == place for row in rows]))
    assert found.probability == pytest.approx(whole[place], abs=1e-4)


def test_labels_change_under_the_same_inputs_and_inputs_under_the_same_labels(
    predictor: Predictor, prediction: Prediction
) -> None:
    shown, pool = prediction.selection.demonstrations, predictor.index.pool
    own = [entry.example for entry in shown]
    for how in ("permuted", "random", "swapped"):
        drawn = relabelled(shown, how, predictor.task.labels, 4, 0, "q")
        assert len(set(drawn)) == len(drawn)
        for context in drawn:
            assert [entry.example.text for entry in context] == [one.text for one in own]
            assert [entry.example.label for entry in context] != [one.label for one in own]
    gold = {(one.text, one.language): one.label for one in pool.examples}
    usable = pool.usable(QUERY)
    for fitting in (False, True):
        for context in reinputs(shown, pool, usable, fitting, 4, 0, "q"):
            examples = [entry.example for entry in context]
            assert [one.label for one in examples] == [one.label for one in own]
            assert len({one.item for one in examples}) == 3
            assert not {one.item for one in examples} & {one.item for one in own}
            assert all(usable[[e.id for e in pool.examples].index(one.id)] for one in examples)
            if fitting:
                assert all(gold[one.text, one.language] == one.label for one in examples)


def test_alike_labels_have_no_other_permutation_and_a_lone_item_no_other_input(
    predictor: Predictor, prediction: Prediction
) -> None:
    shown = tuple(
        replace(entry, example=replace(entry.example, label="sports")) for entry in prediction.selection.demonstrations
    )
    assert relabelled(shown, "permuted", predictor.task.labels, 4, 0, "q") == []
    none = np.zeros(len(predictor.index.pool), dtype=bool)
    assert reinputs(shown, predictor.index.pool, none, False, 4, 0, "q") == []


def against(labels: float | None, inputs: float | None) -> LabelsAgainstInputs:
    changes = (Change("random", 8, 0.5, 0.5, labels), Change("other_inputs", 8, 0.5, 0.5, inputs))
    return LabelsAgainstInputs("sports", 0.8, changes)


def test_the_verdict_needs_twice_the_shift_and_more_than_a_little() -> None:
    assert against(0.4, 0.2).verdict == "labels"
    assert against(0.2, 0.4).verdict == "inputs"
    assert against(0.39, 0.2).verdict == "both"
    assert against(0.04, 0.001).verdict == "neither"
    assert against(None, 0.2).verdict is None


def test_a_swap_that_is_followed_says_so(predictor: Predictor, prediction: Prediction) -> None:
    label = prediction.answers[0].label or ""
    shown = tuple(
        replace(entry, example=replace(entry.example, label=label)) for entry in prediction.selection.demonstrations
    )
    fixed = predictor.predict(Question(QUERY, k=3, fixed=shown, explain=False))
    found = explain(predictor, fixed, 0, CONFIG).against
    assert isinstance(found, LabelsAgainstInputs)
    swapped = found.by("swapped")
    drawn = relabelled(shown, "swapped", predictor.task.labels, 3, 1, QUERY.text)
    follows = [
        predictor.task.labels[int(alone(predictor, context, "eng_Latn").argmax())] == context[0].example.label
        for context in drawn
    ]
    expected = np.mean(follows) if fixed.answers[0].label == label else None
    assert swapped.followed == (None if expected is None else pytest.approx(expected))
    assert found.by("permuted") == Change("permuted", 0, None, None, None)


def test_all_contexts_are_scored_in_one_call_of_the_scorer(
    predictor: Predictor, prediction: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    score = predictor.scorer.score
    monkeypatch.setattr(predictor.scorer, "score", lambda asked, _=None: (calls.append(len(asked)), score(asked))[1])
    why = explain(predictor, prediction, 0, CONFIG)
    assert len(calls) == 1
    assert why.make_up == make_up(predictor, prediction)


def test_the_make_up_counts_the_chosen_against_what_could_have_been_chosen(
    predictor: Predictor, prediction: Prediction
) -> None:
    found = make_up(predictor, prediction)
    assert not isinstance(found, Unmeasured)
    chosen = [entry.example for entry in prediction.selection.demonstrations]
    # The toy pool: ten items in three languages, of which English is the query's own.
    assert (found.chosen, found.pool) == (3, 20)
    assert {share.name: share.pool for share in found.languages} == {"fra_Latn": 10, "swh_Latn": 10}
    assert {share.name: share.chosen for share in found.languages if share.chosen} == Counter(
        e.language for e in chosen
    )
    assert {share.name: share.pool for share in found.families} == {"Indo-European": 10, "Niger-Congo": 10}
    assert {share.name: share.pool for share in found.labels}["sports"] == 4
    assert [(share.name, share.chosen, share.pool) for share in found.origins] == [("pool", 3, 20)]
    counts = list(Counter(example.label for example in chosen).values())
    assert found.label_entropy == pytest.approx(stats.entropy(counts))
    # Per language: sports, travel and health twice, the four others once.
    assert found.pool_label_entropy == pytest.approx(stats.entropy([2, 2, 2, 1, 1, 1, 1]))
    vectors = predictor.index.own([e.text for e in chosen], [e.language for e in chosen]).astype(float)
    eigenvalues = np.linalg.eigvalsh(vectors @ vectors.T / 3)
    assert found.diversity == pytest.approx(np.exp(stats.entropy(eigenvalues.clip(0))) / 3, abs=1e-4)
    only = predictor.predict(Question(QUERY, k=2, pool_languages=("swh_Latn",), explain=False))
    narrowed = make_up(predictor, only)
    assert not isinstance(narrowed, Unmeasured)
    assert [(share.name, share.pool) for share in narrowed.languages] == [("swh_Latn", 10)]


def test_what_cannot_be_measured_says_why(predictor: Predictor) -> None:
    bare = explain(predictor, predictor.predict(Question(QUERY, k=0)), 0, CONFIG)
    assert (bare.order, bare.against, bare.make_up) == (Unmeasured("none_shown"),) * 3
    one = explain(predictor, predictor.predict(Question(QUERY, k=1)), 0, CONFIG)
    assert one.order == Unmeasured("one_shown")
    assert isinstance(one.against, LabelsAgainstInputs)
    with pytest.raises(InvalidConfig, match="draws is 0"):
        WhyConfig(draws=0)


def test_free_text_is_judged_by_the_likelihood_of_what_was_written(bench: Workbench) -> None:
    pools = {"translation": bench.predictor("topic").index.pool}
    predictor = Workbench(bench.model, bench.encoder, pools=pools).predictor("translation")
    asked = Question(QUERY, k=2, answer_languages=("fra_Latn",), pool_languages=("swh_Latn",), explain=False)
    prediction = predictor.predict(asked)
    answer = replace(prediction.answers[0], text="Elle a gagné.")
    prediction = replace(prediction, answers=(answer,))
    why = explain(predictor, prediction, 0, CONFIG)
    found = measured(why.order)
    assert (found.agreement, found.flip, found.every) == (None, None, True)
    for order in found.orders:
        prompt = predictor.writer.prompt(QUERY, order.demonstrations, "fra_Latn").text
        said = predictor.task.template("fra_Latn").answer("Elle a gagné.")
        (summed,) = Scorer(predictor.model, method="padded").score([Request(prompt, (said,))])
        # One token a byte, so the text's share of a token is its sum over its bytes.
        assert np.log(order.probability) == pytest.approx(summed[0] / len(said.encode()), abs=1e-4)
    assert why.against == Unmeasured("free_text")
    assert not isinstance(why.make_up, Unmeasured)
    assert (why.make_up.labels, why.make_up.label_entropy) == ((), None)
    silent = replace(prediction, answers=(replace(answer, text=""),))
    assert explain(predictor, silent, 0, CONFIG).order == Unmeasured("nothing_written")
