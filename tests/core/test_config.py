"""Settings checked by their annotations: every kind of bound has its sentence."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from core.config import Count, Natural, Positive, Share, Weight, build, check
from core.errors import InvalidConfig


@dataclass(frozen=True)
class Settings:
    k: Count = 4
    near: Share = 0.5
    teacher: Literal["ema", "base"] = "ema"
    weight: Weight = 1.0
    temperature: Positive = 1.0
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.5
    part: Annotated[float, Field(gt=0, lt=1)] = 0.5
    sizes: tuple[Natural, ...] = (0, 1)
    most: Count | None = None

    def __post_init__(self) -> None:
        check(self, "policy.")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"k": 0}, "policy.k is 0; it must be 1 or more."),
        ({"near": 2.0}, "policy.near is 2.0; it must lie between 0 and 1."),
        ({"teacher": "me"}, "policy.teacher is 'me'; allowed are ema, base."),
        ({"weight": -0.1}, "policy.weight is -0.1; it must be a number of 0 or more."),
        ({"weight": float("inf")}, "policy.weight is inf; it must be a number of 0 or more."),
        ({"weight": float("nan")}, "policy.weight is nan; it must be a number of 0 or more."),
        ({"temperature": 0.0}, "policy.temperature is 0.0; it must be above 0."),
        ({"decay": 1.0}, "policy.decay is 1.0; it must be 0 or more and below 1."),
        ({"part": 1.0}, "policy.part is 1.0; it must lie between 0 and 1."),
        ({"sizes": (0, -1)}, "policy.sizes is -1; it must be 0 or more."),
        ({"most": 0}, "policy.most is 0; it must be 1 or more."),
        ({"k": True}, "policy.k is True, but must be of type int."),
        ({"k": "4"}, "policy.k is '4', but must be of type int."),
        ({"most": "a"}, "policy.most is 'a', but must be of type int or nothing."),
    ],
)
def test_a_setting_off_its_annotation_is_told_with_its_value_and_what_is_allowed(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidConfig, match=f"^{re.escape(sentence)}$"):
        Settings(**changes)


def test_whole_numbers_are_floats_and_what_is_allowed_passes() -> None:
    assert Settings(near=1, weight=2, sizes=(), most=3).near == 1
    assert build(Settings, {"sizes": [1, 2], "near": 1, "teacher": "base"}, "f") == Settings(
        sizes=(1, 2), near=1.0, teacher="base"
    )


def test_a_file_is_told_by_its_name_for_a_wrong_type_and_by_the_section_for_a_wrong_value() -> None:
    with pytest.raises(InvalidConfig, match=r"^f, most is 'a', but must be of type int or nothing\.$"):
        build(Settings, {"most": "a"}, "f")
    with pytest.raises(InvalidConfig, match=r"^policy\.teacher is 'me'; allowed are ema, base\.$"):
        build(Settings, {"teacher": "me"}, "f")
