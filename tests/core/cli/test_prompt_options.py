"""Options of prompts and label scores, and what ``ask`` prints of demonstrations that the prompt has no room for.

Tests of `core.cli.ask`, `core.cli.options`, `core.cli.prompts`, `core.prompting`.
"""

import argparse
from dataclasses import replace

import pytest

from core.cli.ask import demonstration_lines
from core.cli.options import prompt_arguments, prompted
from core.errors import InvalidConfig
from core.inference.predictor import Predictor, Question, Settings
from core.prompting import PromptConfig
from core.records import Query


def options(*typed: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    prompt_arguments(parser)
    return parser.parse_args(typed)


def test_nothing_typed_changes_nothing() -> None:
    settings = Settings(prompt=PromptConfig.of("english"), calibration="domain")
    assert prompted(settings, options()) == settings


def test_prompt_calibration_and_rule_override_the_card() -> None:
    settings = prompted(
        Settings(), options("--prompt", "english-listed", "--calibration", "domain", "--label-score", "mean")
    )
    assert (settings.prompt.variant, settings.calibration, settings.label_score) == ("english-listed", "domain", "mean")


def test_the_calibrated_score_is_the_sum_divided_by_the_prior() -> None:
    settings = prompted(Settings(), options("--label-score", "calibrated"))
    assert (settings.label_score, settings.calibration) == ("sum", "domain")
    with pytest.raises(InvalidConfig, match="--calibration is none; leave one of them out"):
        prompted(Settings(), options("--label-score", "calibrated", "--calibration", "none"))


def test_demonstrations_without_room_are_told_as_left_out_and_not_as_shown(predictor: Predictor) -> None:
    """The model never read them, so that an answer must not seem to rest on them."""
    query = Query("The nurse won a race in the desert.", "eng_Latn")
    question = Question(query, "random", 3, explain=False)
    whole = predictor.predict(question).answers[0].prompt
    reserve = predictor.model.context - whole.tokens + 10  # ten tokens too few for all three
    tight = predictor.with_settings(replace(predictor.settings, prompt=PromptConfig(reserve=reserve)))
    prediction = tight.predict(question)
    prompt = prediction.answers[0].prompt
    assert prompt.reasons == ("no_room",) * len(prompt.dropped)
    assert len(prompt.dropped) >= 1
    lines = demonstration_lines(prediction)
    assert len(lines) == 3
    assert sum("left out (no room in the context)" in line for line in lines) == len(prompt.dropped)
    shown = [entry.example.text for entry in prompt.demonstrations]
    assert all(any(text in line and "left out" not in line for line in lines) for text in shown)
