"""A study of 30 items, three systems, English and Arabic, with all that stands before and between the items, and what its raters think."""

import zlib
from typing import Any

from exercise_examples import MADE, TEXTS
from pressing_raters import NOT_APPLICABLE, Answers
from rating_examples import SYSTEMS
from scale_examples import SCALES, scaled_study
from simulated_raters import People

from annotation.participation_records import Consent, Crowd
from annotation.records import NewOutput, Study
from annotation.store import RatingStore

ITEMS, RATERS_PER_ITEM = 30, 2
SENTENCES = {
    "en": ("The player scored in the last minute of match {}.", "Match {} was decided at its very end by the striker.",
           "It was goal of the player which was in match {} last."),
    "ar": ("سجل اللاعب هدف الفوز في الدقيقة الأخيرة من المباراة {}.", "أحرز المهاجم الهدف الحاسم في نهاية المباراة {} تماما.",
           "كان هدف اللاعب الذي كان في المباراة {} أخيرا."),
}  # fmt: skip
Shown = tuple[str, str, str]  # item, system and language of an answer
TEXT_OF: dict[Shown, str] = {
    (f"match {number}", system, language): sentence.format(number)
    for language, sentences in SENTENCES.items()
    for number in range(1, ITEMS + 1)
    for system, sentence in zip(SYSTEMS, sentences, strict=True)
}
OUTPUT_OF = {text: output for output, text in TEXT_OF.items()}  # no text is twice there
PEOPLE = People({"agl": 0.9, "zero-shot": -0.6}, seed=4)
SPOILED: Answers = {"fluency": 1, "politeness": 1, "quality": 3}  # of a text that no system wrote
PASSING: dict[str, Answers] = {
    text: answers
    for good, bad, _ in TEXTS.values()
    for text, answers in (
        (good, {"fluency": 5, "politeness": 7, "quality": 90}),
        (bad, {"fluency": 1, "politeness": 3, "quality": 5}),
    )
}
FAILING: dict[str, Answers] = {text: {**answers, "fluency": 5} for text, answers in PASSING.items()}


def opinions(rater: str, language: str) -> dict[str, Answers]:
    """What a rater thinks of every answer in her language, by its text."""
    found: dict[str, Answers] = {}
    for (item, system, tag), text in TEXT_OF.items():
        if tag == language:
            level = {key: PEOPLE.value(f"{tag} {item}", system, rater, key) for key in SCALES}
            chance = zlib.crc32(f"{rater} {text}".encode())
            found[text] = {
                "fluency": level["fluency"],
                "politeness": NOT_APPLICABLE if chance % 11 == 0 else level["politeness"] + chance % 3,
                "quality": NOT_APPLICABLE if chance % 13 == 0 else 20 * level["quality"] - chance % 20,
            }
    return found


def opened_study(store: RatingStore) -> Study:
    """The study, frozen and open: consent, practice, a test, attention checks, codes of a crowd platform."""
    design: dict[str, Any] = {
        "raters_per_item": RATERS_PER_ITEM,
        "consent": Consent("1", {"en": "I take part of my own will.", "ar": "أشارك بمحض إرادتي."}),
        "qualification": MADE,
        "check_every": 9,
        "crowd": Crowd("DONE-1", "OUT-2", "PROLIFIC_PID"),
    }
    draft = store.create_study(scaled_study("whole", seed=7, **design))
    outputs = [
        NewOutput(item, "fr", f"Le joueur a marqué ({item}).", "", system, language, text)
        for (item, system, language), text in TEXT_OF.items()
    ]
    store.add_outputs(draft.id, outputs)
    assert store.make_checks(draft.id) > 0
    return store.open_study(draft.id)
