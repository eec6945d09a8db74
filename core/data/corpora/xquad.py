"""XQuAD (Artetxe et al. 2020, arXiv 1910.11856): a question about a passage, answered with words from it, item-parallel.

It has one split. Passages of one article share facts, so the pool holds whole articles (every third title in alphabetical
order) and queries are about the others.
"""

import pandas as pd

from core.data.corpora.base import Corpus, Dropped, Hub
from core.languages import language


def _prepare(rows: pd.DataFrame, _dropped: Dropped) -> pd.DataFrame:
    titles = sorted(set(rows["title"]))
    part = rows["title"].isin(titles[::3]).map({True: "pool", False: "queries"})
    return rows.assign(
        item="xquad/" + rows["parallel_id"].astype(str), part=part, label=rows["answer"], form="question"
    )


def _from_hub(rows: pd.DataFrame) -> pd.DataFrame:
    """The Hub has no titles: passages, told apart by their order, stand for articles."""
    passage = rows.groupby("language")["context"].transform(lambda texts: pd.factorize(texts)[0])
    return rows.assign(
        parallel_id=rows["hub_id"],
        id="xquad/" + rows["language"] + "/" + rows["hub_id"].astype(str),
        title=(passage // 5).map("{:03d}".format),  # five passages an article
        answer=rows["answers"].map(lambda answers: answers["text"][0]),
    )


XQUAD = Corpus(
    "xquad",
    "qa",
    ("qa/xquad.parquet",),
    Hub(
        "google/xquad",
        lambda code: f"xquad.{language(code).tag}",
        {"validation": "test"},
        {"id": "hub_id"},
        _from_hub,
    ),
    _prepare,
)
