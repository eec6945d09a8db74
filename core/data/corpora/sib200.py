"""SIB-200 (Adelani et al. 2024, arXiv 2309.07445): topic of a sentence, item-parallel by ``index_id``.

The folds of ``devfold`` hold the same items in every language: queries are ``dev_query``, the pool is ``demo``. On the Hub, which
has no folds, queries are its validation split.
"""

import pandas as pd

from core.data.corpora.base import Corpus, Dropped, Hub, keep, parts_by_split


def _prepare(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    folds = ("dev_query", "demo", "devfold") if "devfold" in rows else ("dev", "train", "split")
    rows = parts_by_split(rows, [folds[0]], [folds[1]], folds[2])
    rows = rows.assign(item="sib200/" + rows["index_id"].astype(str))
    kikuyu = rows[rows["language"] == "kik_Latn"].set_index("item")["text"]
    is_kikuyu = (rows["language"] == "bam_Latn") & (rows["item"].map(kikuyu) == rows["text"])
    return keep(rows, ~is_kikuyu, "Bambara rows that are Kikuyu", dropped)


SIB200 = Corpus(
    "sib200",
    "topic",
    ("sib200/sib200_devlangs_train_dev.parquet",),
    Hub(
        "Davlan/sib200",
        lambda code: code,
        {"train": "train", "validation": "dev"},
        {"category": "label"},
        lambda rows: rows.assign(id="sib200/" + rows["language"] + "/" + rows["index_id"].astype(str)),
    ),
    _prepare,
    needs={"bam_Latn": ("kik_Latn",)},
)
