"""Sentiment: NusaX-Senti (Winata et al. 2023, arXiv 2205.15960), parallel; AfriSenti (Muhammad et al. 2023, arXiv 2302.08956), tweets.

AfriSenti repeats texts across its own splits, some with other labels: a query whose text is in the training split of its
language is dropped, and of queries with one text those after the first.
"""

import pandas as pd

from core.data.corpora.base import Corpus, Dropped, Hub, keep, numbered, parts_by_split
from core.data.matching import normal_form


def _nusax(rows: pd.DataFrame, _dropped: Dropped) -> pd.DataFrame:
    return parts_by_split(rows.assign(item="nusax/" + rows["parallel_id"].astype(str)), ["test"], ["train"])


def _afrisenti(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    rows = parts_by_split(rows.assign(item=rows["id"]), ["test"], ["train"])
    return without_repeats(rows[rows["part"] != ""], dropped)


def without_repeats(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    """Drop queries whose text is in the pool of their language, queries after the first with one text, and pool rows likewise."""
    key = rows["language"] + "/" + rows["text"].map(normal_form)
    is_query = rows["part"] == "queries"
    rows = keep(rows, ~(is_query & key.isin(set(key[~is_query]))), "queries whose text is in the pool's split", dropped)
    key = key[rows.index]
    labels = rows.assign(key=key).groupby(["part", "key"])["label"].transform("nunique")
    rows = keep(rows, labels == 1, "one text with several labels", dropped)
    repeated = rows.assign(key=key[rows.index]).duplicated(["part", "key"])
    return keep(rows, ~repeated, "texts that stand more than once", dropped)


_CODES = {"ary_Arab": "ary", "arq_Arab": "arq", "gaz_Latn": "orm"}  # where the Hub's name is not the code's first part
_SPLITS = {"train": "train", "validation": "dev", "test": "test"}


def _nusax_hub(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(
        id="nusax/" + rows["language"] + "/" + rows["split"] + "/" + rows["hub_id"].astype(str),
        parallel_id=rows["split"] + "/" + rows["hub_id"].astype(str),
    )


NUSAX = Corpus(
    "nusax",
    "sentiment",
    ("sentiment/nusax_senti.parquet",),
    Hub("indonlp/NusaX-senti", lambda code: code[:3], _SPLITS, {"id": "hub_id"}, _nusax_hub),
    _nusax,
)
AFRISENTI = Corpus(
    "afrisenti",
    "sentiment",
    ("sentiment/afrisenti.parquet",),
    Hub(
        "shmuhammad/AfriSenti-twitter-sentiment",
        lambda code: _CODES.get(code, code[:3]),
        _SPLITS,
        {"tweet": "text"},
        numbered("afrisenti"),
    ),
    _afrisenti,
    notes=(
        "BRIGHTER repeats texts of AfriSenti in Nigerian Pidgin, Moroccan Arabic, Hausa, Igbo and Kinyarwanda: a model trained on it "
        "has seen them.",
    ),
)
