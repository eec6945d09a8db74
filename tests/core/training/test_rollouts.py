"""What is asked while learning: the item's own answers, and nothing twice where nothing changes."""

from pathlib import Path
from typing import Any

import pytest
from toys import toy_examples

from core.records import Example
from core.training.rollouts import Ask, Asker


def test_a_query_with_answers_of_its_own_is_scored_on_them(make_loop: Any, tmp_path: Path) -> None:
    """``query_of`` dropped them, so that the label words of the task were scored in their place."""
    asker = make_loop(tmp_path).learner.asker
    example = Example("1", "1", "eng_Latn", "It rained.", "0", choices=("We got wet.", "We sang."))
    request = asker._request(Ask(example.query, (), "eng_Latn"))
    assert [answer.strip() for answer in request.answers] == ["We got wet.", "We sang."]


@pytest.mark.parametrize("frozen", [True, False])
def test_scores_are_remembered_exactly_where_the_language_model_is_frozen(
    frozen: bool, make_loop: Any, tmp_path: Path
) -> None:
    asker: Asker = make_loop(tmp_path).learner.asker
    asker.frozen = frozen
    asks = [Ask(example.query, (), example.language) for example in toy_examples()[:3]]
    asker.log_probs(asks)
    passes: list[int] = []
    handle = asker.scorer.model.network.get_decoder().register_forward_hook(lambda *_: passes.append(1))
    asker.log_probs(asks)
    handle.remove()
    assert (not passes) == frozen


def test_a_run_of_the_policy_alone_remembers_scores_and_one_that_trains_the_model_does_not(
    make_loop: Any, short: Any, tmp_path: Path
) -> None:
    from dataclasses import replace

    policy = make_loop(
        tmp_path / "policy", optim=replace(short.optim, trained="policy"), losses=replace(short.losses, align=0.0)
    )
    assert policy.learner.asker.frozen
    assert not make_loop(tmp_path / "lora").learner.asker.frozen
