"""Self-Translate-Train (Ri et al. 2024, arXiv 2407.00454): the model translates the labelled queries itself, and learns from both.

A query of one language is translated into another by the translation task's template after a few parallel sentences that are bundled with
the project, greedily, by the model before training. What passes the filters that written pairs pass too (script, language, length, copy)
is a query of its own with the label and the item of its source, so that no translation of it is ever shown to it. The paper's
code-switched sentences are left out.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.data.matching import normal_form
from core.data.pool import Pool
from core.data.tasks import Task
from core.data.templates import clean
from core.errors import InvalidConfig, InvalidData
from core.inference.copying import copied_from
from core.language_id import language_fault
from core.models.generation import Generated, GenerationConfig, generate_all
from core.models.loading import LanguageModel
from core.prompting import PromptConfig, PromptWriter
from core.records import Demonstration, Example
from core.run_record import write_record
from core.seeds import random_of
from core.training.bank.build import spread
from core.training.config import WritingConfig
from core.training.tuning.config import TuneConfig

FILE = "translations.json"  # in the folder of a run
SHOTS = 4  # parallel sentences that a translation is written after
MAX_TOKENS = 128
REASONS = {
    "unfinished": "the line did not end within the tokens allowed, or went round in a circle",
    "empty": "no text, or no letter in it",
    "script": "fewer than half of the letters are of the language's script",
    "language": "another language is likelier than the one asked for",
    "length": "too short or too long beside its source, as the parallel sentences are long beside theirs",
    "copy": "it repeats its source or one of the parallel sentences",
    "duplicate": "another query was translated by the same words",
}


@dataclass(frozen=True)
class Translations:
    """What the model wrote."""

    requested: int
    kept: tuple[Example, ...]
    rejected: dict[str, int]  # by reason, see REASONS

    @property
    def facts(self) -> dict[str, Any]:
        """As a record holds them, without texts."""
        languages = Counter(example.language for example in self.kept)
        return {
            "requested": self.requested,
            "kept": len(self.kept),
            "rejected": dict(sorted(self.rejected.items())),
            "languages": dict(sorted(languages.items())),
        }


@dataclass(frozen=True)
class _Draft:
    source: Example
    language: str
    sides: tuple[tuple[str, str], ...]  # of the parallel sentences: source, target
    prompt: str


def translate_queries(
    config: TuneConfig,
    model: LanguageModel,
    task: Task,
    prompt: PromptConfig,
    queries: Sequence[Example],
    codes: Sequence[str],
    parallel: Sequence[Example],
    folder: Path,
    report: Callable[[str], None] = lambda _: None,
) -> Translations:
    """At most ``config.translations`` of ``queries`` put into each of ``codes``, or read from ``folder`` where it holds them.

    ``task`` is the translation task, ``parallel`` what its examples come from. Queries that stand in a language already are not put into
    it, and with ``config.sources`` nor are any into those. Raises ``InvalidData`` where no language can be translated into.
    """
    drafts = _drafts(
        config, PromptWriter(task, Pool(tuple(parallel)), model, replace(prompt, reserve=MAX_TOKENS)), queries, codes
    )
    key = hashlib.sha256("\0".join((model.fingerprint, *(draft.prompt for draft in drafts))).encode()).hexdigest()[:16]
    stored = _stored(folder / FILE, key)
    if stored is not None:
        return stored
    report(f"translating {len(drafts)} queries")
    settings = GenerationConfig(MAX_TOKENS)
    lines = generate_all(
        model, [draft.prompt for draft in drafts], settings, lambda share: report(f"translating queries, {share:.0%}")
    )
    made = _filtered(drafts, lines, (*codes, *(query.language for query in queries)))
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder / FILE, {"key": key, "kept": [asdict(example) for example in made.kept]} | _counts(made))
    return made


def _drafts(config: TuneConfig, writer: PromptWriter, queries: Sequence[Example], codes: Sequence[str]) -> list[_Draft]:
    items: dict[str, set[str]] = {}
    for example in writer.pool.examples:
        items.setdefault(example.language, set()).add(example.item)
    drafts = []
    for code in codes:
        if code in config.sources or code not in items:
            continue
        usable = [q for q in queries if q.language != code and len(items.get(q.language, set()) & items[code]) > SHOTS]
        for query in spread(usable, config.translations, config.seed):
            common = sorted(items[query.language] & items[code])
            order = random_of("parallel", config.seed, query.language, code).sample(common, len(common))
            own = writer.pool.items_of(query.query)  # where the queries are the bundled ones: never its own translation
            names = [name for name in order if name not in own][:SHOTS]
            shown = [side for name in names if (side := writer.pool.side(name, query.language)) is not None]
            prompt = writer.prompt(query.query, [Demonstration(example, None, None) for example in shown], code)
            sides = tuple(
                (entry.example.text, writer.answer_of(entry.example, code) or "") for entry in prompt.demonstrations
            )
            drafts.append(_Draft(query, code, sides, prompt.text))
    if not drafts:
        raise InvalidData(
            f"No query can be translated into {', '.join(codes)}: there are fewer than {SHOTS} parallel sentences for it, or sources names "
            "them all; set translations=0 or other languages."
        )
    return drafts


def _filtered(drafts: Sequence[_Draft], lines: Sequence[Generated], among: Sequence[str]) -> Translations:
    kept: list[Example] = []
    rejected: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for draft, line in zip(drafts, lines, strict=True):
        text = clean(line.text)
        reason = _fault(draft, text, line, among)
        if not reason and (draft.language, normal_form(text)) in seen:
            reason = "duplicate"
        if reason:
            rejected[reason] += 1
            continue
        seen.add((draft.language, normal_form(text)))
        identity = f"translated-{draft.language}-{draft.source.id}"
        kept.append(Example(identity, draft.source.item, draft.language, text, draft.source.label, "generated"))
    return Translations(len(drafts), tuple(kept), dict(rejected))


def _fault(draft: _Draft, text: str, line: Generated, among: Sequence[str]) -> str:
    """The reason against a translation, "" for none."""
    if not line.ended:
        return "unfinished"
    if fault := language_fault(text, draft.language, among):
        return fault
    ratio = sum(len(target) for _, target in draft.sides) / sum(len(source) for source, _ in draft.sides)
    if not WritingConfig.shortest <= len(text) / (ratio * len(draft.source.text)) <= WritingConfig.longest:
        return "length"
    return "copy" if copied_from(text, draft.source.text, [target for _, target in draft.sides]) else ""


def _counts(made: Translations) -> dict[str, Any]:
    return {"requested": made.requested, "rejected": made.rejected}


def _stored(path: Path, key: str) -> Translations | None:
    """What a run that goes on has written already; None where it has not, or by another model or from other queries."""
    if not path.is_file():
        return None
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        if entry["key"] != key:
            return None
        return Translations(entry["requested"], tuple(Example(**one) for one in entry["kept"]), entry["rejected"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidConfig(
            f"{path} cannot be read ({type(error).__name__}); remove it, and it is written again."
        ) from error
