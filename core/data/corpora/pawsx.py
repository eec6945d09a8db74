"""PAWS-X (Yang et al. 2019, arXiv 1908.11828): whether two sentences mean the same, item-parallel.

Rows that were never translated and items without an agreed label are dropped. The pool is the development split.
"""

import pandas as pd

from core.data.corpora.base import Corpus, Dropped, Hub, keep, parts_by_split
from core.languages import language

_LABELS = {"0": "no", "1": "yes"}


def _prepare(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    rows = parts_by_split(rows.assign(item="pawsx/" + rows["parallel_id"].astype(str)), ["test"], ["dev"])
    sides = rows[["sentence1", "sentence2"]].fillna("").apply(lambda column: column.str.strip())
    empty = (sides.isin(["", "NS"])).any(axis=1)
    if "untranslated" in rows:
        empty |= rows["untranslated"].astype(bool)
    rows = keep(rows, ~empty, "never translated", dropped)
    rows = keep(rows, rows["label"].notna(), "no agreed label", dropped)
    return rows.assign(label=rows["label"].astype(str).map(_LABELS), form="pair")


def _from_hub(rows: pd.DataFrame) -> pd.DataFrame:
    item = rows["split"] + "/" + rows["hub_id"].astype(str)
    return rows.assign(parallel_id=item, id="pawsx/" + rows["language"] + "/" + item)


PAWSX = Corpus(
    "pawsx",
    "paraphrase",
    ("paraphrase/pawsx.parquet",),
    Hub(
        "google-research-datasets/paws-x",
        lambda code: language(code).tag.split("-")[0],
        {"validation": "dev", "test": "test"},
        {"id": "hub_id"},
        _from_hub,
    ),
    _prepare,
)
