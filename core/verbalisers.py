"""Label verbalisers: which word says a label in a language, and which sentence says it in full."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import InvalidData
from core.templates import read_sections


@dataclass(frozen=True)
class LabelVerbaliser:
    """The words of one task's labels in one language."""

    task: str
    language: str  # FLORES-200 code
    version: str
    words: dict[str, str]  # label -> word, all different
    sentence: str  # holds {label}

    def sentence_of(self, label: str) -> str:
        """The label said as a sentence of the language; a bare word has no sentence meaning to embed."""
        return self.sentence.replace("{label}", self.words[label])


def load_verbalisers(folder: Path) -> dict[tuple[str, str], LabelVerbaliser]:
    """All verbalisers of a folder by (task, language).

    Raises ``InvalidData`` naming file, section and field, also when two labels share one word: they could not be told
    apart. Words that merely begin alike are fine.
    """
    found: dict[tuple[str, str], LabelVerbaliser] = {}
    for path in sorted(folder.glob("*.toml")):
        header, sections = read_sections(path)
        for task, fields in sections.items():
            found[task, header["language"]] = _verbaliser(path, task, header, fields)
    _same_labels(found)
    return found


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


def _same_labels(found: dict[tuple[str, str], LabelVerbaliser]) -> None:
    labels: dict[str, tuple[str, list[str]]] = {}
    for (task, code), verbaliser in found.items():
        first, expected = labels.setdefault(task, (code, list(verbaliser.words)))
        if set(expected) != set(verbaliser.words):
            odd = sorted(set(expected) ^ set(verbaliser.words))
            raise InvalidData(f"The verbalisers of task {task!r} in {first} and {code} differ in the labels {odd}.")
