"""What languages have in common, and means over languages that have it in common.

Facts are in ``assets/languages.csv``, which names their sources. Resource class: the six classes of Joshi et al. (2020,
https://aclanthology.org/2020.acl-main.560), 0 ("the left-behinds") to 5 ("the winners"); we call 0 to 2 low, 3 middle, 4 and 5 high.
A language without an entry is "unknown" in every grouping and keeps its row there.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from core.models import ASSETS

UNKNOWN = "unknown"
RESOURCES = ("low (0-2)", "middle (3)", "high (4-5)")
GROUPINGS = ("family", "genus", "script", "macroarea", "resource")


@dataclass(frozen=True)
class LanguageFacts:
    """What is known of a written language; ``UNKNOWN`` or None where it is not."""

    code: str  # FLORES-200 style
    counts_as: (
        str  # varieties with the same value weigh as one language; the code's first part where nothing else is known
    )
    family: str
    genus: str
    macroarea: str
    latitude: float | None  # degrees, north positive
    longitude: float | None  # degrees, east positive
    resource_class: int | None  # 0 to 5

    @property
    def script(self) -> str:
        """ISO 15924, from the code."""
        return self.code.partition("_")[2] or UNKNOWN

    @property
    def resource(self) -> str:
        """The resource class in words, with its numbers."""
        if self.resource_class is None:
            return UNKNOWN
        low, middle, high = RESOURCES
        return low if self.resource_class < 3 else middle if self.resource_class == 3 else high


def facts(code: str) -> LanguageFacts:
    """Facts of a FLORES-200 style code; a variety (``por_Latn-BR``) has those of its language."""
    base = code.split("-")[0]
    unknown = LanguageFacts(base, base.partition("_")[0], UNKNOWN, UNKNOWN, UNKNOWN, None, None, None)
    return _table().get(base, unknown)


def group_of(code: str, grouping: str) -> str:
    """The group of a language in one of ``GROUPINGS``."""
    return str(getattr(facts(code), grouping))


def mean_over_languages(values: Mapping[str, float]) -> float:
    """Mean over languages, the varieties of one (``counts_as``) averaged first: ten kinds of Arabic weigh as much as one Basque.

    ``values`` maps codes to numbers and has at least one.
    """
    kinds: dict[str, list[float]] = {}
    for code, value in values.items():
        kinds.setdefault(facts(code).counts_as, []).append(value)
    return sum(sum(several) / len(several) for several in kinds.values()) / len(kinds)


def means_by_group(values: Mapping[str, float], grouping: str) -> dict[str, tuple[float, tuple[str, ...]]]:
    """Group -> (mean over its languages, their codes), groups in the order of their names (resource: low first) and "unknown" last."""
    members: dict[str, list[str]] = {}
    for code in values:
        members.setdefault(group_of(code, grouping), []).append(code)
    return {
        group: (mean_over_languages({code: values[code] for code in members[group]}), tuple(sorted(members[group])))
        for group in sorted(members, key=_order)
    }


def _order(group: str) -> tuple[bool, int, str]:
    return group == UNKNOWN, RESOURCES.index(group) if group in RESOURCES else 0, group


@lru_cache
def _table() -> dict[str, LanguageFacts]:
    lines = (ASSETS / "languages.csv").read_text(encoding="utf-8").splitlines()
    found = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        found[row["code"]] = LanguageFacts(
            row["code"],
            row["counts_as"],
            row["family"] or UNKNOWN,
            row["genus"] or UNKNOWN,
            row["macroarea"] or UNKNOWN,
            float(row["latitude"]) if row["latitude"] else None,
            float(row["longitude"]) if row["longitude"] else None,
            int(row["resource_class"]) if row["resource_class"] else None,
        )
    return found
