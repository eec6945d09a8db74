"""Tasks as data: the label set, the prompt templates and the label verbalisers of every language.

A task is made of files, not of code: a template per language (``core.data.templates``) and, for closed tasks, a verbaliser per
language, which names the word that says a label and a sentence that says it in full.
"""

from dataclasses import dataclass
from pathlib import Path
from core.errors import InvalidData
from core.data.templates import PromptTemplate, load_templates, read_sections

FALLBACK = "eng_Latn"


@dataclass(frozen=True)
class LabelVerbaliser:
    """The words of one task's labels in one language."""

    task: str
    language: str  # FLORES-200 code
    version: str
    words: dict[str, str]  # label -> word, all different
    sentence: str  # holds {label}

    def sentence_of(self, label: str) -> str:
        """The label said as a sentence of the language; a single word has no sentence meaning to embed."""
        return self.sentence.replace("{label}", self.words[label])


def load_verbalisers(folder: Path) -> dict[tuple[str, str], LabelVerbaliser]:
    """All verbalisers of a folder by (task, language).

    Raises ``InvalidData`` naming file, section and field, also when two labels share one word: they could not be
    distinguished. Words that merely begin alike are fine.
    """
    verbalisers: dict[tuple[str, str], LabelVerbaliser] = {}
    for path in sorted(folder.glob("*.toml")):
        header, sections = read_sections(path)
        for task, fields in sections.items():
            verbalisers[task, header["language"]] = _verbaliser(path, task, header, fields)
    _same_labels(verbalisers)
    return verbalisers


def _verbaliser(path: Path, task: str, header: dict[str, str], fields: dict[str, object]) -> LabelVerbaliser:
    words, sentence = fields.get("labels"), fields.get("sentence")
    if not isinstance(words, dict) or not words or not all(isinstance(w, str) and w.strip() for w in words.values()):
        raise InvalidData(f"{path}, section [{task}.labels]: every label needs a word; one is missing or empty.")
    if not isinstance(sentence, str) or "{label}" not in sentence:
        raise InvalidData(f"{path}, section [{task}]: field 'sentence' must be a line of text holding {{label}}.")
    by_word: dict[str, str] = {}
    for label, word in words.items():
        other = by_word.setdefault(word.casefold(), label)
        if other != label:
            raise InvalidData(f"{path}, section [{task}.labels]: {other!r} and {label!r} share the word {word!r}.")
    return LabelVerbaliser(task, header["language"], header["version"], dict(words), sentence)


def _same_labels(verbalisers: dict[tuple[str, str], LabelVerbaliser]) -> None:
    labels: dict[str, tuple[str, list[str]]] = {}
    for (task, code), verbaliser in verbalisers.items():
        first, expected = labels.setdefault(task, (code, list(verbaliser.words)))
        if set(expected) != set(verbaliser.words):
            odd = sorted(set(expected) ^ set(verbaliser.words))
            raise InvalidData(f"The verbalisers of task {task!r} in {first} and {code} differ in the labels {odd}.")


@dataclass(frozen=True)
class Task:
    """One task in all languages that have a template for it."""

    name: str
    labels: tuple[str, ...]  # empty: the answer is free text
    templates: dict[str, PromptTemplate]  # by language code
    verbalisers: dict[str, LabelVerbaliser]  # by language code; empty for free text and where items bring their answers

    @property
    def is_closed(self) -> bool:
        """Whether the answer is one of a fixed set of labels."""
        return bool(self.labels)

    @property
    def translates(self) -> bool:
        """Whether the answer is what the item says in another language."""
        return "{target_language}" in self.templates[FALLBACK].output

    @property
    def own_choices(self) -> bool:
        """Whether every item brings the answers along that its labels, "0" and so on, stand for."""
        return self.is_closed and not self.verbalisers

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages the task can be asked and answered in, by code."""
        worded = self.is_closed and not self.own_choices
        return tuple(sorted(code for code in self.templates if not worded or code in self.verbalisers))

    def template(self, code: str) -> PromptTemplate:
        """The template in a language, or the English one where there is none (its ``language`` field names which)."""
        return self.templates.get(code) or self.templates[FALLBACK]

    def verbaliser(self, code: str) -> LabelVerbaliser:
        """The label words in a language, or the English ones where there are none."""
        return self.verbalisers.get(code) or self.verbalisers[FALLBACK]

    def check_label(self, label: str, where: str) -> None:
        """Raise ``InvalidData`` when ``label``, which stands at ``where``, is not one of this task's labels."""
        if self.is_closed and label not in self.labels:
            raise InvalidData(
                f"{where}: label {label!r} has no verbaliser; task {self.name!r} knows {list(self.labels)}."
            )


def load_tasks(assets: Path) -> dict[str, Task]:
    """All tasks described under ``assets/templates`` and ``assets/verbalisers``, by name."""
    templates = load_templates(assets / "templates")
    verbalisers = load_verbalisers(assets / "verbalisers")
    tasks = {}
    for name in sorted({task for task, _ in templates}):
        spoken = {code: verbaliser for (task, code), verbaliser in verbalisers.items() if task == name}
        written = {code: template for (task, code), template in templates.items() if task == name}
        if FALLBACK not in written or (spoken and FALLBACK not in spoken):
            lacks = "template" if FALLBACK not in written else "label words"
            raise InvalidData(f"Task {name!r} has no {lacks} in {FALLBACK}, which other languages fall back to.")
        numbered = tuple(map(str, range(written[FALLBACK].choices)))
        labels = tuple(spoken[FALLBACK].words) if FALLBACK in spoken else numbered
        tasks[name] = Task(name, labels, written, spoken)
    return tasks
