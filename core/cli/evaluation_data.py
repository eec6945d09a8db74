"""The queries and the pool of ``train.py evaluate``: a built-in corpus, or any two files with the columns of ``core.data.examples``.

The corpora of ``train.py unseen --tasks``.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.cli.options import parts, to_stderr
from core.data.checks import unguarded
from core.data.corpora import (
    CORPORA,
    CORPUS_OF_TASK,
    HUB,
    NO_REFERENCE,
    Corpus,
    languages_of,
    load_corpus,
    with_most_items,
)
from core.data.examples import read_examples, with_references
from core.data.pool import Pool
from core.data.row_reader import distinct_values
from core.data.tasks import FALLBACK, Task, load_tasks
from core.errors import InvalidConfig, InvalidData
from core.experiments.unseen_tasks import TaskData
from core.languages import language, resolve_language
from core.models.loading import ASSETS
from core.records import Example


def corpora(options: argparse.Namespace) -> list[TaskData]:
    """What --tasks names, each with queries and a pool in the languages asked for. Raises ``InvalidConfig`` or ``InvalidData``."""
    if options.queries or options.pool:
        raise InvalidConfig("--tasks reads built-in corpora from --data; leave out --queries and --pool.")
    if not options.data:
        raise InvalidConfig("--tasks needs --data, the folder of the built-in corpora (or 'hub').")
    by_corpus: dict[str, TaskData] = {}
    for name in parts(options.tasks):
        task, corpus = named(name)
        if corpus.name not in by_corpus:
            by_corpus[corpus.name] = _read(options, task, corpus)
    return list(by_corpus.values())


def seen_tasks(options: argparse.Namespace) -> tuple[str, ...]:
    """Tasks that --seen-tasks names, by themselves or by a corpus of theirs. Raises ``InvalidConfig``."""
    return tuple(dict.fromkeys(named(name)[0].name for name in parts(options.seen_tasks)))


def _read(options: argparse.Namespace, task: Task, corpus: Corpus) -> TaskData:
    requested = [language(name).code for name in parts(options.languages)]
    if options.data == HUB:
        codes = requested or list(task.languages)
    else:
        there = languages_of(corpus, options.data)
        codes = [code for code in (requested or task.languages) if code in there]
        if len(codes) < 2:
            raise InvalidConfig(
                f"{corpus.name} has {len(codes)} of the languages asked for; a context is cross-lingual, so name two or more of "
                f"{', '.join(there)} in --languages, or leave {corpus.name} out of --tasks."
            )
    loaded = load_corpus(corpus, task, options.data, codes, codes)
    return TaskData(corpus.name, task, loaded.queries, with_most_items(loaded.pool, options.pool_most))


OTHERS, BUNDLED = "others", "bundled"


@dataclass(frozen=True)
class EvaluationData:
    """What is evaluated on."""

    task: Task
    queries: tuple[Example, ...]
    pool: Pool
    pool_languages: tuple[str, ...] | None  # that demonstrations may come from; None: every language but the query's
    answers: str | None  # language of all answers; None: the query's own
    facts: dict[str, Any]  # for the record


def evaluation_data(options: argparse.Namespace) -> EvaluationData:
    """Read what the options name. Raises ``InvalidConfig``, ``InvalidData`` or ``UnknownLanguage``."""
    task, corpus = named(options.task)
    if bool(options.queries) != bool(options.pool):
        present, lacking = ("--queries", "--pool") if options.queries else ("--pool", "--queries")
        raise InvalidConfig(f"{present} was given without {lacking}; give both files, or neither for a built-in task.")
    answers = target(options, task)
    queries, pool, pool_languages, facts = (
        _files(options, task, answers) if options.queries else _built_in(options, task, corpus, answers)
    )
    if answers is not None:
        pool_codes = pool_languages if pool_languages is not None else sorted({example.language for example in pool})
        pool_languages = tuple(code for code in pool_codes if code != answers)
    _refuse_nothing("query to evaluate", queries, facts["left_out"]["queries"], "--languages")
    _refuse_nothing("example in the pool", pool, facts["left_out"]["pool"], "--pool-languages")
    chosen = Pool(with_most_items(pool, options.pool_most))
    return EvaluationData(task, tuple(queries), chosen, pool_languages, answers, facts)


def _refuse_nothing(what: str, rows: Sequence[Example], left_out: dict[str, int], option: str) -> None:
    if not rows:
        reasons = "; ".join(f"{count} left out ({why})" for why, count in left_out.items())
        raise InvalidData(f"There is no {what}; check {option} and the data{f': {reasons}' if reasons else ''}.")


def named(name: str) -> tuple[Task, Corpus]:
    """The task and the corpus that a name, of either, stands for. Raises ``InvalidConfig``."""
    tasks = load_tasks(ASSETS)
    if name in CORPORA:
        return tasks[CORPORA[name].task], CORPORA[name]
    if name in tasks and name in CORPUS_OF_TASK:
        return tasks[name], CORPORA[CORPUS_OF_TASK[name]]
    raise InvalidConfig(
        f"There is no task {name!r}; choose one of {', '.join(tasks)}, or a corpus: {', '.join(CORPORA)}."
    )


def target(options: argparse.Namespace, task: Task) -> str | None:
    """The language of all answers: that of --to for translation, else None, the query's own. Raises ``InvalidConfig``."""
    if task.translates:
        return language_code(options.to or FALLBACK, task.languages)
    if options.to:
        raise InvalidConfig(f"--to is for translation; task {task.name!r} is answered in the query's language.")
    return None


def language_code(name: str, among: Sequence[str]) -> str:
    """The code of the language that ``name`` means among those at hand."""
    return resolve_language(name, among).code


def _pool_languages(options: argparse.Namespace, task: Task, at_hand: Sequence[str]) -> tuple[str, ...] | None:
    if options.pool_languages == OTHERS:
        return None
    if options.pool_languages == BUNDLED:
        return task.languages
    return tuple(language_code(name, at_hand) for name in parts(options.pool_languages))


Loaded = tuple[Sequence[Example], Sequence[Example], tuple[str, ...] | None, dict[str, Any]]


def _built_in(options: argparse.Namespace, task: Task, corpus: Corpus, answers: str | None) -> Loaded:
    if not options.data:
        raise InvalidConfig(
            f"{corpus.name} is read from a data folder; name it with --data (or 'hub'), or give files with --queries and --pool."
        )
    if options.data == HUB:
        if not options.languages or options.pool_languages == OTHERS:
            raise InvalidConfig(
                "From the Hub, languages are read one by one; list them with --languages and --pool-languages."
            )
        languages = [language(name).code for name in parts(options.languages)]
        listed = options.pool_languages == BUNDLED
        pool_languages = (
            task.languages if listed else tuple(language(name).code for name in parts(options.pool_languages))
        )
    else:
        at_hand = languages_of(corpus, options.data)
        languages = [language_code(name, at_hand) for name in parts(options.languages)] or at_hand
        pool_languages = _pool_languages(options, task, at_hand)  # type: ignore[assignment]
    loaded = load_corpus(corpus, task, options.data, languages, pool_languages, answers)
    source = corpus.hub.name if options.data == HUB and corpus.hub else list(corpus.files)
    facts = {"data": {"corpus": corpus.name, "source": source, "notes": list(loaded.notes)}, "left_out": loaded.dropped}
    return loaded.queries, loaded.pool, pool_languages, facts


def _files(options: argparse.Namespace, task: Task, answers: str | None) -> Loaded:
    """Two files. Of a column ``split`` the queries take "test", the pool "train", where such rows are there."""
    files = {}
    for part, source, split in (("queries", options.queries, "test"), ("pool", options.pool, "train")):
        values = distinct_values(source, ("language", "split"))
        files[part] = (values["language"], {"split": [split]} if split in values["split"] else {})
    spelled, where = files["queries"]
    at_hand = sorted({language(code).code for code in spelled})
    languages = [language_code(name, at_hand) for name in parts(options.languages)] or at_hand
    requested = {*languages, *([answers] if answers else [])}
    queries = read_examples(
        options.queries, task, where | {"language": [c for c in spelled if language(c).code in requested]}, "dev_query"
    )
    spelled, where = files["pool"]
    pool_languages = _pool_languages(options, task, sorted({language(code).code for code in spelled}))
    used = None if pool_languages is None else {*pool_languages, *([answers] if answers else [])}
    codes = [code for code in spelled if used is None or language(code).code in used]
    pool = read_examples(options.pool, task, where | {"language": codes}, "demo")
    left_out: dict[str, int] = {}
    if answers is not None:
        queries, without = with_references(queries, answers)
        left_out = {NO_REFERENCE: len(without)} if without else {}
    notes = [f"{name}: {note}" for name, rows in (("Queries", queries), ("Pool", pool)) if (note := unguarded(rows))]
    for note in notes:
        to_stderr(f"{note}; near-identical copies are.")
    facts = {
        "data": {"queries": str(options.queries), "pool": str(options.pool), "notes": notes},
        "left_out": {"queries": left_out, "pool": {}},
    }
    return queries, pool, pool_languages, facts
