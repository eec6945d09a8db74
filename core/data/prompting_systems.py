"""The words of prompting systems: data files, one per language, as templates and verbalisers are.

``assets/framings/<code>.toml`` holds the aligner, a line in this language that says what label words mean in another, and in
English also the words of cross-lingual-thought prompting and of translation-assisted answering.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.errors import InvalidData
from core.languages import language
from core.config import ASSETS
from core.data.tasks import FALLBACK, Task
from core.data.templates import clean, read_sections

FOLDER = ASSETS / "framings"


@dataclass(frozen=True)
class Aligner:
    """How one language says what words mean in another."""

    line: str  # holds {source}, {target} and {pairs}
    pair: str  # holds {word} and {meaning}
    between: str  # pairs


@dataclass(frozen=True)
class FramingWords:
    """All words of all prompting systems."""

    aligners: dict[str, Aligner]  # by the language they are written in
    versions: dict[str, str]  # of the files, by language code
    thought: str  # instruction of XLT; holds {language} and {instruction}
    assisted: str  # instruction of TaCo; holds {instruction}
    english: str  # TaCo's line for a text in English; ends with {text}
    back: str  # TaCo's line for an answer in another language; holds {language} and {word}

    def aligned(self, task: Task, sources: Sequence[str], target: str) -> str:
        """What the label words of ``sources`` mean in ``target``, one line a source, in its own words or else in English ones.

        A source that has the target's words is left out; "" when none is left.
        """
        lines = []
        for source in dict.fromkeys(sources):
            words, meanings = task.verbaliser(source).words, task.verbaliser(target).words
            if words == meanings:
                continue
            spoken = self.aligners.get(source) or self.aligners[FALLBACK]
            pairs = [_filled(spoken.pair, word=words[label], meaning=meanings[label]) for label in task.labels]
            names = {"source": language(source).autonym, "target": language(target).autonym}
            lines.append(_filled(spoken.line, **names, pairs=spoken.between.join(pairs)))
        return "\n".join(lines)

    def thinking(self, task: Task, code: str) -> str:
        """The instruction of XLT for queries in a language: the task's English instruction with what goes before it."""
        return _filled(self.thought, language=language(code).name, instruction=task.template(FALLBACK).instruction)


    def assisting(self, task: Task) -> str:
        """The instruction of TaCo: the task's English instruction with the steps to take."""
        return _filled(self.assisted, instruction=task.template(FALLBACK).instruction)

    def with_english(self, block: str, text: str) -> str:
        """An open block with ``text``, in English, on a line of its own before the last, where the answer begins."""
        head, stub = block.rsplit("\n", 1)
        return f"{head}\n{_filled(self.english, text=clean(text))}\n{stub}"

    def before_english(self, block: str) -> str:
        """An open block up to where its text in English begins."""
        head, _ = block.rsplit("\n", 1)
        return f"{head}\n{_filled(self.english, text='').rstrip(' ')}"

    def in_own_language(self, word: str, code: str) -> str:
        """The line that says an answer in a language."""
        return _filled(self.back, language=language(code).autonym, word=word)


def _filled(line: str, **parts: str) -> str:
    for name, part in parts.items():
        line = line.replace("{" + name + "}", part)
    return line


@cache
def framing_words(folder: Path = FOLDER) -> FramingWords:
    """The words of a folder. Raises ``InvalidData`` naming file, section and field."""
    aligners: dict[str, Aligner] = {}
    versions: dict[str, str] = {}
    words: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        header, sections = read_sections(path)
        code = header["language"]
        versions[code] = header["version"]
        aligners[code] = Aligner(
            _field(path, sections, "aligner", "line", "source", "target", "pairs"),
            _field(path, sections, "aligner", "pair", "word", "meaning"),
            _field(path, sections, "aligner", "between"),
        )
        if code == FALLBACK:
            words["thought"] = _field(path, sections, "xlt", "instruction", "language", "instruction")
            words["assisted"] = _field(path, sections, "taco", "instruction", "instruction")
            words["english"] = _field(path, sections, "taco", "english", "text")
            words["back"] = _field(path, sections, "taco", "back", "language", "word")
    if FALLBACK not in aligners:
        raise InvalidData(f"{folder} has no file for {FALLBACK}, which other languages fall back to; restore it.")
    return FramingWords(aligners, versions, **words)


def _field(path: Path, sections: dict[str, dict[str, object]], section: str, field: str, *holes: str) -> str:
    value = sections.get(section, {}).get(field)
    if not isinstance(value, str) or not value or any("{" + hole + "}" not in value for hole in holes):
        need = " holding " + ", ".join("{" + hole + "}" for hole in holes) if holes else ""
        raise InvalidData(f"{path}, section [{section}]: field {field!r} must be a line of text{need}.")
    return value
