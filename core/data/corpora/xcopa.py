"""XCOPA (Ponti et al. 2020, arXiv 2005.00333): which of two sentences is the cause, or the effect, of a premise.

Both choices of an item are scored as they continue the premise. The files ask all Thai items, and some of four other languages,
for the effect where the other languages ask for the cause; the majority over languages is used. The pool is the development split.
"""

import pandas as pd

from core.data.corpora.base import Corpus, Dropped, Hub, keep, parts_by_split
from core.languages import language

LANGUAGES = (
    "est_Latn",
    "hat_Latn",
    "ind_Latn",
    "ita_Latn",
    "swh_Latn",
    "tam_Taml",
    "tha_Thai",
    "tur_Latn",
    "vie_Latn",
    "zho_Hans",
    "quy_Latn",
)


def _prepare(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    if "kind" in rows:  # machine translations of the same items into English
        rows = rows[rows["kind"] == "human"]
    if "question_majority" not in rows:
        majority = rows.groupby("parallel_id")["question"].agg(lambda questions: questions.mode().iloc[0])
        rows = rows.assign(question_majority=rows["parallel_id"].map(majority))
    rows = parts_by_split(rows.assign(item="xcopa/" + rows["parallel_id"]), ["test"], ["dev"])
    rows = keep(rows, rows["label"].isin(["0", "1"]), "no label", dropped)
    return rows.rename(columns={"choice1": "choice0", "choice2": "choice1"}).assign(form=rows["question_majority"])


def _from_hub(rows: pd.DataFrame) -> pd.DataFrame:
    item = rows["split"] + "/" + rows["idx"].astype(str)
    return rows.assign(parallel_id=item, id="xcopa/" + rows["language"] + "/" + item, label=rows["label"].astype(str))


XCOPA = Corpus(
    "xcopa",
    "commonsense",
    ("commonsense/xcopa.parquet",),
    Hub(
        "cambridgeltl/xcopa",
        lambda code: language(code).tag.split("-")[0],
        {"validation": "dev", "test": "test"},
        {},
        _from_hub,
    ),
    _prepare,
    whole=LANGUAGES,
)
