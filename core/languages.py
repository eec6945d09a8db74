"""Language facts, from ``langcodes``: one record per language, looked up by code, BCP-47 tag or English name.

Languages are identified as in FLORES-200, ``xxx_Script`` (``swh_Latn``), because that is what the corpora of the
field use; ``Language.tag`` is the BCP-47 tag that browsers and people use (``sw``). A variety follows a hyphen
(``por_Latn-BR``) and is not part of the identity.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import langcodes
import regex

from core.errors import UnknownLanguage

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
    bare = langcodes.Language.make(language=macro.language)
    default = bare.maximize().script
    tag = bare if script in (default, "Hang") else langcodes.Language.make(language=macro.language, script=script)
    return Language(base, tag.to_tag(), tag.display_name(), tag.autonym(), script)


def resolve_language(text: str, among: Iterable[str]) -> Language:
    """Find the language meant by a code, BCP-47 tag, English name or autonym among ``among`` (codes).

    Raises ``UnknownLanguage`` naming what was seen and what is allowed.
    """
    known = [language(code) for code in among]
    wanted = text.strip().casefold()
    for field in ("code", "tag", "name", "autonym"):
        for candidate in known:
            if getattr(candidate, field).casefold() == wanted:
                return candidate
    meant = _language_and_script(wanted.replace("_", "-"))
    for candidate in known:
        if meant is not None and _language_and_script(candidate.tag) == meant:
            return candidate
    listed = ", ".join(sorted(candidate.tag for candidate in known))
    raise UnknownLanguage(f"{text!r} is not one of the languages at hand; choose one of: {listed}.")


def _language_and_script(tag: str) -> tuple[str, str] | None:
    """What a BCP-47 tag means apart from its region ("pt-BR", "zh-Hans-SG"); None when it is no tag."""
    try:
        parsed = langcodes.Language.get(langcodes.standardize_tag(tag, macro=True))
    except langcodes.tag_parser.LanguageTagError:
        return None
    return (parsed.language, parsed.maximize().script or "") if parsed.language not in (None, "und") else None
