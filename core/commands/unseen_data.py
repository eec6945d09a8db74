"""The corpora of ``train.py unseen --tasks``."""

import argparse

from core.commands.evaluation_data import named
from core.commands.given import parts
from core.corpora import HUB, Corpus, languages_of, load_corpus, with_most_items
from core.errors import InvalidConfig
from core.experiments.unseen_tasks import TaskData
from core.languages import language
from core.tasks import Task


def corpora(options: argparse.Namespace) -> list[TaskData]:
    """What --tasks names, each with queries and a pool in the languages asked for. Raises ``InvalidConfig`` or ``InvalidData``."""
    if options.queries or options.pool:
        raise InvalidConfig("--tasks reads built-in corpora from --data; leave out --queries and --pool.")
    if not options.data:
        raise InvalidConfig("--tasks needs --data, the folder of the built-in corpora (or 'hub').")
    found: dict[str, TaskData] = {}
    for name in parts(options.tasks):
        task, corpus = named(name)
        if corpus.name not in found:
            found[corpus.name] = _read(options, task, corpus)
    return list(found.values())


def seen_tasks(options: argparse.Namespace) -> tuple[str, ...]:
    """Tasks that --seen-tasks names, by themselves or by a corpus of theirs. Raises ``InvalidConfig``."""
    return tuple(dict.fromkeys(named(name)[0].name for name in parts(options.seen_tasks)))


def _read(options: argparse.Namespace, task: Task, corpus: Corpus) -> TaskData:
    asked = [language(name).code for name in parts(options.languages)]
    if options.data == HUB:
        codes = asked or list(task.languages)
    else:
        there = languages_of(corpus, options.data)
        codes = [code for code in (asked or task.languages) if code in there]
        if len(codes) < 2:
            raise InvalidConfig(
                f"{corpus.name} has {len(codes)} of the languages asked for; a context is cross-lingual, so name two or more of "
                f"{', '.join(there)} in --languages, or leave {corpus.name} out of --tasks."
            )
    loaded = load_corpus(corpus, task, options.data, codes, codes)
    return TaskData(corpus.name, task, loaded.queries, with_most_items(loaded.pool, options.pool_most))
