"""Written languages: identity (code, tag, names, script), typological facts, and means over groups of languages.

Languages are identified as in FLORES-200, ``xxx_Script`` (``swh_Latn``), because that is what the corpora of the
field use; ``Language.tag`` is the BCP-47 tag that browsers and people use (``sw``), from ``langcodes``. A variety follows a
hyphen (``por_Latn-BR``) and is not part of the identity.

Family, genus, area and resource class are read from ``assets/languages.csv``, which names their sources. Resource class: the
six classes of Joshi et al. (2020, https://aclanthology.org/2020.acl-main.560), 0 ("the left-behinds") to 5 ("the winners"); we call
0 to 2 low, 3 middle, 4 and 5 high. A language without an entry is "unknown" in every grouping and keeps its row there.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import langcodes
import regex

from core.config import ASSETS
from core.data.matching import normal_form
from core.errors import UnknownLanguage

UNKNOWN = "unknown"
RESOURCES = ("low (0-2)", "middle (3)", "high (4-5)")
GROUPINGS = ("family", "genus", "script", "macroarea", "resource")


@dataclass(frozen=True)
class LanguageFacts:
    """Typological facts of a written language; ``UNKNOWN`` or None where the table has none."""

    code: str  # FLORES-200 style
    counts_as: str  # varieties with the same value weigh as one language; default: the code's first part
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


def language_facts(code: str) -> LanguageFacts:
    """Facts of a FLORES-200 style code; a variety (``por_Latn-BR``) has those of its language."""
    base = code.split("-")[0]
    unknown = LanguageFacts(base, base.partition("_")[0], UNKNOWN, UNKNOWN, UNKNOWN, None, None, None)
    return _table().get(base, unknown)


def group_of(code: str, grouping: str) -> str:
    """The group of a language in one of ``GROUPINGS``."""
    return str(getattr(language_facts(code), grouping))


def mean_over_languages(values: Mapping[str, float]) -> float:
    """Mean over languages, the varieties of one (``counts_as``) averaged first: ten kinds of Arabic weigh as much as one Basque.

    ``values`` maps codes to numbers and has at least one.
    """
    kinds: dict[str, list[float]] = {}
    for code, value in values.items():
        kinds.setdefault(language_facts(code).counts_as, []).append(value)
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
    table = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        table[row["code"]] = LanguageFacts(
            row["code"],
            row["counts_as"],
            row["family"] or UNKNOWN,
            row["genus"] or UNKNOWN,
            row["macroarea"] or UNKNOWN,
            float(row["latitude"]) if row["latitude"] else None,
            float(row["longitude"]) if row["longitude"] else None,
            int(row["resource_class"]) if row["resource_class"] else None,
        )
    return table


_ARABIC = frozenset(
    ["acm", "acq", "aeb", "ajp", "apc", "arb", "arq", "ars", "ary", "arz"]
)  # varieties whose tags do not share a beginning
_CODE = re.compile(r"^[a-z]{3}_[A-Z][a-z]{3}(-[A-Za-z0-9]+)?$")

# ISO 15924 codes that stand for several Unicode scripts, or for a variant of one (https://unicode.org/iso15924).
_UNICODE_SCRIPTS = {
    "Hans": ("Han",),
    "Hant": ("Han",),
    "Jpan": ("Han", "Hiragana", "Katakana"),
    "Kore": ("Hangul", "Han"),
    "Hang": ("Hangul",),
}
_RIGHT_TO_LEFT = frozenset({"Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg", "Mand", "Samr"})


@dataclass(frozen=True)
class Language:
    """One written language."""

    code: str  # FLORES-200 style, e.g. "swh_Latn"
    tag: str  # shortest BCP-47 tag, e.g. "sw"
    name: str  # English name, e.g. "Swahili"
    autonym: str  # the language's name in itself, e.g. "Kiswahili"
    script: str  # ISO 15924, e.g. "Latn"

    @property
    def group(self) -> str:
        """The macrolanguage's tag, e.g. "ar" for every Arabic variety, "zh" for Chinese in both scripts.

        Texts of one group may be the same sentence, so none is a cross-lingual demonstration for another.
        """
        return "ar" if self.code[:3] in _ARABIC else self.tag.split("-")[0]

    @property
    def direction(self) -> str:
        """``"rtl"`` or ``"ltr"``, by script."""
        return direction_of(self.script)

    def share_of_script(self, text: str) -> float | None:
        """Share of the letters of ``text`` that belong to this language's script, in [0, 1]; None without letters."""
        letters = len(_letters().findall(text))
        return len(_script_pattern(self.script).findall(text)) / letters if letters else None


def direction_of(script: str) -> str:
    """``"rtl"`` or ``"ltr"`` for an ISO 15924 script."""
    return "rtl" if script in _RIGHT_TO_LEFT else "ltr"


@lru_cache
def _letters() -> "regex.Pattern[str]":
    return regex.compile(r"\p{L}")


@lru_cache
def _script_pattern(script: str) -> "regex.Pattern[str]":
    names = _UNICODE_SCRIPTS.get(script, (script,))
    inside = "".join(rf"\p{{Script={name}}}" for name in names)
    try:
        return regex.compile(rf"(?=\p{{L}})[{inside}]")
    except regex.error as error:
        raise UnknownLanguage(f"{script!r} is not a script that Unicode knows; use an ISO 15924 code.") from error


@lru_cache(maxsize=1024)
def language(code: str) -> Language:
    """The record of a FLORES-200 style code. Raises ``UnknownLanguage`` when the code is malformed or unassigned."""
    base = code.split("-")[0]
    if not _CODE.match(code):
        raise UnknownLanguage(f"{code!r} is not a language code; write it like 'swh_Latn' (language, script).")
    macro = langcodes.Language.get(langcodes.standardize_tag(base.replace("_", "-"), macro=True))
    if not macro.is_valid():
        raise UnknownLanguage(f"{code!r} names no language or script that is assigned; see the FLORES-200 list.")
    script = base.split("_")[1]
    macrolanguage = langcodes.Language.make(language=macro.language)
    default = macrolanguage.maximize().script
    tag = (
        macrolanguage
        if script in (default, "Hang")
        else langcodes.Language.make(language=macro.language, script=script)
    )
    return Language(base, tag.to_tag(), tag.display_name(), tag.autonym(), script)


def resolve_language(text: str, among: Iterable[str]) -> Language:
    """Find the language meant by a code, BCP-47 tag, English name or autonym among ``among`` (codes).

    Raises ``UnknownLanguage`` naming what was seen and what is allowed.
    """
    candidates = [language(code) for code in among]
    name = normal_form(text)
    for field in ("code", "tag", "name", "autonym"):
        for candidate in candidates:
            if normal_form(getattr(candidate, field)) == name:
                return candidate
    meant = _language_and_script(name.replace("_", "-"))
    for candidate in candidates:
        if meant is not None and _language_and_script(candidate.tag) == meant:
            return candidate
    listed = ", ".join(sorted(candidate.tag for candidate in candidates))
    raise UnknownLanguage(f"{text!r} is not one of the languages at hand; choose one of: {listed}.")


def _language_and_script(tag: str) -> tuple[str, str] | None:
    """What a BCP-47 tag means apart from its region ("pt-BR", "zh-Hans-SG"); None when it is no tag."""
    try:
        parsed = langcodes.Language.get(langcodes.standardize_tag(tag, macro=True))
    except langcodes.tag_parser.LanguageTagError:
        return None
    return (parsed.language, parsed.maximize().script or "") if parsed.language not in (None, "und") else None
