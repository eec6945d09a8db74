"""Reading a built-in corpus: the languages it has, and its queries and pool in those that are asked for."""

import random
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from core.data.corpora.base import Corpus, Dropped, Hub, Loaded, examples
from core.data.examples import with_references
from core.data.tasks import Task
from core.errors import InvalidConfig, InvalidData
from core.languages import language
from core.records import Example

HUB = "hub"
NO_REFERENCE = "no translation into the language asked for"


def languages_of(corpus: Corpus, data: str) -> list[str]:
    """The base codes of the languages of a corpus in the folder ``data``. Raises ``InvalidData``."""
    return sorted({language(code).code for code in _spellings(corpus, data)})


def _spellings(corpus: Corpus, data: str) -> list[str]:
    """The language codes as the files spell them, varieties and all."""
    return sorted(
        {str(code) for name in corpus.files for code in _read(Path(data) / name, ["language"])["language"].unique()}
    )


def load_corpus(
    corpus: Corpus,
    task: Task,
    data: str,
    languages: Sequence[str],
    pool_languages: Sequence[str] | None = None,
    target: str | None = None,
) -> Loaded:
    """Queries in ``languages`` and a pool in ``pool_languages`` (None: every language), base codes, from a folder or the "hub".

    ``target``: the language that translations are into; queries have references in it, and the pool its side of every item.
    """
    query_codes = {*languages, *([target] if target else [])}
    pool_codes = None if pool_languages is None else {*pool_languages, *([target] if target else [])}
    dropped = Dropped()
    rows = corpus.prepare(_rows(corpus, data, None if pool_codes is None else query_codes | pool_codes), dropped)
    codes = rows["language"].map({code: language(code).code for code in rows["language"].unique()})
    queries = examples(rows[(rows["part"] == "queries") & codes.isin(query_codes)], task, dropped)
    pool = examples(rows[(rows["part"] == "pool") & (codes.isin(pool_codes) if pool_codes is not None else True)], task, dropped)
    if target is not None:
        referenced, without = with_references(queries, target)
        queries = tuple(referenced)
        for example in without:
            dropped.add("queries", example.language, NO_REFERENCE)
        faced = {example.item for example in pool if example.language == target}
        for example in pool:
            if example.item not in faced:
                dropped.add("pool", example.language, NO_REFERENCE)
        pool = tuple(example for example in pool if example.item in faced)
    counts = {"queries": dropped.count("queries", set(languages)), "pool": dropped.count("pool", pool_codes)}
    return Loaded(queries, pool, counts, corpus.notes)


def with_most_items(pool: Sequence[Example], most: int | None) -> tuple[Example, ...]:
    """The examples of at most ``most`` items, drawn with seed 0: the same items in all languages."""
    items = sorted({example.item for example in pool})
    if most is None or most >= len(items):
        return tuple(pool)
    if most < 1:
        raise InvalidConfig(f"At most {most} items of the pool were asked for; it must be 1 or more.")
    drawn = set(random.Random(0).sample(items, most))
    return tuple(example for example in pool if example.item in drawn)


def _rows(corpus: Corpus, data: str, codes: Collection[str] | None) -> pd.DataFrame:
    if codes is not None:
        codes = {*codes, *corpus.whole, *(along for code in codes for along in corpus.needs.get(code, ()))}
    if data == HUB:
        return _from_hub(corpus, codes)
    spelled = None if codes is None else [name for name in _spellings(corpus, data) if language(name).code in codes]
    return pd.concat([_read(Path(data) / name, None, spelled) for name in corpus.files], ignore_index=True)


def _read(path: Path, columns: list[str] | None, codes: list[str] | None = None) -> pd.DataFrame:
    if not path.is_file():
        raise InvalidData(f"{path} does not exist; --data names the folder that holds it, or 'hub'.")
    try:
        return pd.read_parquet(path, columns=columns, filters=None if codes is None else [("language", "in", codes)])
    except (ValueError, OSError) as error:
        raise InvalidData(f"{path} cannot be read as Parquet ({error}); restore the file.") from error


def _from_hub(corpus: Corpus, codes: Collection[str] | None) -> pd.DataFrame:
    if corpus.hub is None:
        raise InvalidConfig(f"{corpus.name} is read from a folder alone; name it with --data.")
    if codes is None:
        raise InvalidConfig(
            "From the Hub, languages are read one by one; name those of the pool with --pool-languages."
        )
    splits_read = [part for code in sorted(codes) for part in _hub_splits(corpus.hub, code)]
    return corpus.hub.reshape(pd.concat(splits_read, ignore_index=True))


def _hub_splits(hub: Hub, code: str) -> Iterator[pd.DataFrame]:
    import datasets

    config = hub.config(code)
    try:
        splits = datasets.load_dataset(hub.name, config)
    except Exception as error:
        raise InvalidData(
            f"The data set {hub.name!r} could not be loaded for {config!r} ({type(error).__name__}: {str(error).splitlines()[0][:200]}); "
            "check the language and the way to the Hub, or name a folder with --data."
        ) from error
    for name, rows in splits.items():
        if name in hub.splits:
            yield rows.to_pandas().rename(columns=dict(hub.columns)).assign(language=code, split=hub.splits[name])
