"""A criterion by form: what each press writes into the field that the design is saved from.

Tests of `app.study.own_criteria`.
"""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from scale_examples import CRITERIA, POLITENESS, QUALITY

from annotation.errors import InvalidRecord
from annotation.scales import Scale
from annotation.validation import check_criterion
from app.study.criterion_entry import choices, entered, labels_written, look, put, take
from app.study.own_criteria import SCALES, as_text, labels_on, own_criteria


def require(session: object) -> None:
    if session != "in":
        raise InvalidRecord("organisers only")


TAB: Any = SimpleNamespace(
    authority=SimpleNamespace(require=require),
    form=type("Form", (), {"__getitem__": lambda _, name: name})(),
)
POLITE = ("Politeness", "en", "How polite is it?", "1–7", "1: rude\n4: neither\n7: courteous", True)


def test_a_press_adds_a_criterion_and_another_language_joins_it() -> None:
    first = put(TAB, "in", "", "en", None, *POLITE)
    assert "Save the design" in first["criterion_note"]
    arabic = ("التهذيب", "ar", "ما مدى تهذيبها؟", "1–7", "1: فظّة\n7: مهذبة", True)
    (one,) = own_criteria(put(TAB, "in", first["own"], "en", "politeness", *arabic)["own"])
    check_criterion(one)
    assert one.scale == Scale(1, 7, True)
    assert one.label == {"en": "Politeness", "ar": "التهذيب"}
    assert one.anchors == {
        "en": ("rude", "", "", "neither", "", "", "courteous"), "ar": ("فظّة", "", "", "", "", "", "مهذبة"),
    }  # fmt: skip
    shown = look(TAB, "in", as_text([one]), "politeness", "en")
    assert [shown[f"criterion_{name}"] for name in ("name", "question", "scale", "labels", "none")] == [
        POLITE[0], *POLITE[2:],
    ]  # fmt: skip
    assert look(TAB, "in", as_text([one]), "politeness", "sw")["criterion_labels"] == ""
    assert choices(TAB, "in", as_text([one]))["criterion_which"]["choices"] == [("Politeness", "politeness")]
    assert take(TAB, "in", as_text([one, QUALITY]), "en", "politeness")["own"] == as_text([QUALITY])


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (("Politeness", "en", "?", "1–7", "1: rude", False), "anchor 7 of politeness"),
        (("Politeness", "en", "?", "1–7", "1: rude\n9: kind", False), "not points of a scale from 1 to 7"),
        (("Politeness", "en", "", "1–2", "rude\nkind", False), "question of politeness"),
        (("Politeness", "en", "?", "1–3", "rude\nkind", False), "needs 3 anchors"),
        (("Quality", "en", "?", "0–100", "0: bad\n42: so\n100: good", False), "not points of a scale from 0 to 100"),
    ],
)
def test_what_cannot_be_shown_to_raters_is_refused_in_a_sentence_and_changes_nothing(
    fields: tuple[Any, ...], complaint: str
) -> None:
    updates = put(TAB, "in", "", "en", None, *fields)
    assert set(updates) == {"criterion_note"} and complaint in updates["criterion_note"].replace("&#x27;", "'")


def test_a_name_makes_a_key_that_no_other_criterion_has() -> None:
    entry = dict(zip(("name", "language", "question", "scale", "labels", "none"), POLITE, strict=True))
    keys = [
        entered({**entry, "name": name}, None, {"politeness"}).key
        for name in ("Politeness", "Fluency", "التهذيب", "2 b")
    ]
    assert keys == ["politeness_2", "fluency_2", "criterion", "criterion"]


def test_labels_stand_where_their_points_are() -> None:
    assert labels_written(" 0: bad\n\n100 = good ") == {0: "bad", 100: "good"}
    assert labels_written("bad\nso so: 3\ngood") == ["bad", "so so: 3", "good"]
    hundred = Scale(0, 100)
    assert labels_on(hundred, {"0": "bad", "100": "good"}) == ("bad", "good")
    assert labels_on(hundred, {0: "bad", 50: "so", 100: "good"}) == ("bad", "so", "good")
    assert labels_on(hundred, {0: "none", 33: "some", 67: "most", 100: "all"}) == ("none", "some", "most", "all")
    assert labels_on(Scale(0, 3), {0: "bad", 3: "good"}) == ("bad", "", "", "good")


def test_json_carries_scales_and_reads_those_without_as_1_to_5() -> None:
    assert own_criteria(as_text(CRITERIA[1:])) == CRITERIA[1:]
    text = json.dumps([{"key": "a", "question": "?", "anchors": ["1", "2", "3", "4", "5"]}])
    assert own_criteria(text)[0].scale == Scale(1, 5)
    plain = {
        "key": "b",
        "question": "?",
        "scale": [0, 100],
        "not_applicable": True,
        "anchors": {"0": "bad", "100": "good"},
    }
    assert own_criteria(json.dumps([plain]))[0].anchors == {"en": ("bad", "good")}
    with pytest.raises(InvalidRecord, match="cannot be read"):
        own_criteria(json.dumps([{**plain, "scale": [1]}]))


def test_every_scale_that_the_form_offers_is_allowed() -> None:
    assert SCALES[0] == "1–5" and {"1–2", "1–11", "0–10", "0–100"} < set(SCALES)
    for scale in SCALES:
        low, high = scale.split("–")
        fields = {
            "name": "X",
            "language": "en",
            "question": "?",
            "scale": scale,
            "labels": f"{low}: a\n{high}: b",
            "none": False,
        }
        check_criterion(entered(fields, None, set()))
    assert POLITENESS.scale.not_applicable


def test_nobody_but_an_organiser_is_answered() -> None:
    own = as_text([POLITENESS])
    assert put(TAB, "", own, "en", None, *POLITE) == take(TAB, "forged", own, "en", "politeness")
    assert "organisers only" in put(TAB, "", own, "en", None, *POLITE)["criterion_note"]
    assert look(TAB, "", own, "politeness", "en") == {}
    assert choices(TAB, "", own)["criterion_which"]["choices"] == []
