"""Prompt templates: data files, one per language, that say how a query and a demonstration are written out.

A template has an instruction and a block of two lines, input and output. A demonstration is a filled block; the
query is a block that ends where the answer begins. The space before an answer belongs to the answer, because
tokenisers attach it there; languages written without spaces have none.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import regex

from core.errors import InvalidData
from core.languages import language

SEPARATOR = "\n\n"
_LISTS = {  # what stands between the entries of a list and after the last, by script, where it is not ", " and "."
    "Arab": ("، ", "."),
    "Beng": (", ", "।"),
    "Deva": (", ", "।"),
    "Hans": ("、", "。"),
    "Hant": ("、", "。"),
    "Jpan": ("、", "。"),
}
_PART = regex.compile(r"\{(\w+)\}")
_CONTROL = regex.compile(r"[\p{Cc}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\p{Bidi_Control}]+")


def clean(text: str) -> str:
    """One line of text: control and direction-override characters out, white space folded to single spaces.

    Keeps a text from faking the block structure of a prompt. Letters, marks and joiners stay as they are.
    """
    return " ".join(_CONTROL.sub(" ", text).split())


@dataclass(frozen=True)
class PromptTemplate:
    """How one task is written in one language."""

    task: str
    language: str  # of the template's own words, FLORES-200 code
    version: str
    instruction: str
    input: str  # a line with {text}
    output: str  # a line that ends with {answer}
    texts: dict[str, str] = field(
        default_factory=dict, hash=False
    )  # how parts of an item become its text, by name, with {part}s
    choices: int = 0  # answers that every item brings along, 0 where label words are the answers

    def text(self, name: str, parts: dict[str, str]) -> str:
        """One text out of the named parts of an item, such as a premise and a question."""
        written = self.texts[name]
        return str(_PART.sub(lambda match: clean(parts[match.group(1)]), written))

    def block(self, text: str, answer: str, source: str = "") -> str:
        """A filled block: one demonstration. ``source`` is the language code of ``text``."""
        return self.open_block(text, source) + self.lead + clean(answer)

    def open_block(self, text: str, source: str = "") -> str:
        """The block of a query, up to where the answer begins."""
        return self._named(self.input, source).replace("{text}", clean(text)) + "\n" + self._named(self._stub, source)

    def open_input(self, source: str = "") -> tuple[str, str, str]:
        """A block up to where its text begins, the white space before the text, and what must follow the text on its line."""
        head, tail = self.input.split("{text}")
        lead = " " if head.endswith(" ") else ""
        return self._named(head.rstrip(" "), source), lead, self._named(tail, source)

    def listing(self, words: Sequence[str]) -> str:
        """The instruction with the answers to choose from after it, in its own punctuation: "Name the topic: sport, health."."""
        script = self.language.split("_")[1]
        between, end = _LISTS.get(script, (", ", "."))
        colon = "：" if script in ("Hans", "Hant", "Jpan") else ": "
        return self.instruction.rstrip(" .。।۔") + colon + between.join(words) + end

    def answer(self, word: str) -> str:
        """An answer as it continues ``open_block``: with its leading space where the language writes one."""
        return self.lead + word

    @property
    def lead(self) -> str:
        """The white space between the output line's words and the answer."""
        return " " if self.output.split("{answer}")[0].endswith(" ") else ""

    @property
    def _stub(self) -> str:
        return self.output.split("{answer}")[0].rstrip(" ")

    def _named(self, line: str, source: str) -> str:
        if "{source_language}" in line:
            line = line.replace("{source_language}", language(source).autonym if source else "?")
        return line.replace("{target_language}", language(self.language).autonym)


def load_templates(folder: Path) -> dict[tuple[str, str], PromptTemplate]:
    """All templates of a folder by (task, language). Raises ``InvalidData`` naming file and field."""
    templates = {}
    for path in sorted(folder.glob("*.toml")):
        header, sections = read_sections(path)
        for task, fields in sections.items():
            template = _template(path, task, header, fields)
            templates[task, template.language] = template
    if not templates:
        raise InvalidData(f"No prompt template was found in {folder}; expected one TOML file per language.")
    return templates


def read_sections(path: Path) -> tuple[dict[str, str], dict[str, dict[str, object]]]:
    """Header fields and per-task sections of a template or verbaliser file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidData(f"{path} cannot be read as TOML ({error}); mend the file.") from error
    header = {key: value for key, value in content.items() if isinstance(value, str)}
    for name in ("language", "version", "author", "provenance"):
        if name not in header:
            raise InvalidData(f"{path} has no field {name!r}; give it as a line of text at the top of the file.")
    language(header["language"])
    return header, {key: value for key, value in content.items() if isinstance(value, dict)}


def _template(path: Path, task: str, header: dict[str, str], fields: dict[str, object]) -> PromptTemplate:
    lines = {}
    for name, placeholder in (("instruction", ""), ("input", "{text}"), ("output", "{answer}")):
        value = fields.get(name)
        if not isinstance(value, str) or placeholder not in value:
            need = f" holding {placeholder}" if placeholder else ""
            raise InvalidData(f"{path}, section [{task}]: field {name!r} must be a line of text{need}.")
        lines[name] = value
    if not lines["output"].endswith("{answer}"):
        raise InvalidData(f"{path}, section [{task}]: field 'output' must end with {{answer}}.")
    texts, choices = fields.get("texts", {}), fields.get("choices", 0)
    if not isinstance(texts, dict) or not all(isinstance(text, str) and _PART.search(text) for text in texts.values()):
        raise InvalidData(
            f"{path}, section [{task}.texts]: every text must be a line holding parts such as {{premise}}."
        )
    if not isinstance(choices, int) or choices < 0 or choices == 1:
        raise InvalidData(f"{path}, section [{task}]: field 'choices' must be a whole number of 2 or more.")
    return PromptTemplate(task, header["language"], header["version"], **lines, texts=texts, choices=choices)
