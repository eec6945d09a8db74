"""MGSM (Shi et al. 2023, arXiv 2210.03057): arithmetic word problems, item-parallel. The pool is the eight exemplars.

Answers are asked for and shown as a number, without the reasoning of the exemplars, whose last number is their answer.
"""

import pandas as pd
import regex

from core.data.corpora.base import Corpus, Dropped, Hub, parts_by_split
from core.languages import language
from core.metrics import last_number

_LEAD = regex.compile(r"^[^:：]{1,20}[:：]\s*")  # "Question:" and its translations


def _prepare(rows: pd.DataFrame, _dropped: Dropped) -> pd.DataFrame:
    rows = parts_by_split(rows, ["test"], ["exemplar"])
    in_pool = rows["part"] == "pool"
    text = rows["text"].where(~in_pool, rows["text"].str.replace(_LEAD.pattern, "", regex=True))
    return rows.assign(
        item="mgsm/" + rows["split"] + "/" + rows["parallel_id"].astype(str),
        text=text,
        label=rows["label"].map(last_number),
    )


def _from_hub(rows: pd.DataFrame) -> pd.DataFrame:
    number = rows.groupby(["language", "split"]).cumcount().astype(str)
    return rows.assign(
        parallel_id=number,
        id="mgsm/" + rows["language"] + "/" + rows["split"] + "/" + number,
        label=rows["answer_number"].astype(str),
    )


MGSM = Corpus(
    "mgsm",
    "math",
    ("math/mgsm.parquet", "math/mgsm_exemplars.parquet"),
    Hub(
        "juletxara/mgsm",
        lambda code: language(code).tag.split("-")[0],
        {"train": "exemplar", "test": "test"},
        {"question": "text"},
        _from_hub,
    ),
    _prepare,
)
