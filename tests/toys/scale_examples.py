"""Criteria on three scales, with and without "not applicable", and seeded answers to them."""

from dataclasses import replace

import numpy as np
from rating_examples import new_study
from simulated_raters import rating

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import Criterion, NewStudy, RatingRecord
from annotation.scales import Scale

SEVEN = Scale(1, 7, not_applicable=True)
HUNDRED = Scale(0, 100, not_applicable=True)
POLITENESS = Criterion(
    "politeness",
    {"en": "How polite is the answer?", "ar": "ما مدى تهذيب الإجابة؟"},
    {"en": ("rude", "", "", "neither", "", "", "courteous"), "ar": ("فظّة", "", "", "", "", "", "مهذبة")},
    label={"en": "Politeness", "ar": "التهذيب"},
    scale=SEVEN,
)
QUALITY = Criterion(
    "quality",
    {"en": "How good is the answer as a whole?", "ar": "ما جودة الإجابة ككل؟"},
    {"en": ("useless", "halfway", "perfect"), "ar": ("بلا فائدة", "ممتازة")},
    label={"en": "Quality", "ar": "الجودة"},
    scale=HUNDRED,
)
CRITERIA = (DEFAULT_CRITERIA[0], POLITENESS, QUALITY)
SCALES = {one.key: one.scale for one in CRITERIA}


def scaled_study(slug: str = "scales", **design: object) -> NewStudy:
    return replace(new_study(slug), criteria=CRITERIA, **design)  # type: ignore[arg-type]


def records(scale: Scale, criterion: str, items: int = 12, raters: int = 4, seed: int = 3) -> list[RatingRecord]:
    """Two systems, one better by an eighth of the scale; a tenth of the answers is "not applicable", as many are missing."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in range(items):
        level = rng.uniform(0.2, 0.7)
        for system, better in (("agl", 0.125), ("knn", 0.0)):
            for rater in range(raters):
                share = np.clip(level + better + rng.normal(0, 0.15), 0, 1)
                value = int(np.rint(scale.low + share * scale.span))
                kind = rng.choice(["value", "none", "missing"], p=[0.8, 0.1, 0.1])
                if kind == "missing":
                    continue
                row = rating(f"i{item}", system, f"r{rater}", value, criterion)
                rows.append(row if kind == "value" else replace(row, value=None, not_applicable=True))
    return rows
