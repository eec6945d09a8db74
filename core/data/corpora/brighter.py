"""BRIGHTER (Muhammad et al. 2025, arXiv 2502.11926): the emotion of a short text.

Its rows may have several emotions or none. Asked as one question with one answer, only rows with exactly one are right or wrong
without doubt, so the others are dropped and counted (about 45 % of the rows). Languages differ in what was annotated: English
has no disgust, Afrikaans no surprise; those labels can still be answered, wrongly.
"""

import pandas as pd

from core.data.corpora.base import Corpus, Dropped, Hub, keep, numbered, parts_by_split
from core.data.corpora.sentiment import without_repeats

EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")


def _prepare(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    trained = set(rows.loc[rows["split"] == "train", "language"])
    rows = parts_by_split(rows.assign(item=rows["id"]), ["test"], ["train"])
    untrained = (rows["split"] == "dev") & ~rows["language"].isin(trained)  # four languages have dev and test alone
    rows.loc[untrained, "part"] = "pool"
    rows = rows[rows["part"] != ""]
    rows = keep(rows, rows["label"] != "", "no emotion", dropped)
    rows = keep(rows, ~rows["label"].str.contains("|", regex=False), "several emotions", dropped)
    return without_repeats(rows, dropped)


def _columns_to_label(rows: pd.DataFrame) -> pd.DataFrame:
    """The Hub has a column of 0 and 1 an emotion."""
    present = [name for name in EMOTIONS if name in rows]
    flags = rows[present].fillna(0).astype(int)
    label = flags.apply(lambda row: "|".join(name for name in present if row[name] == 1), axis=1)
    return numbered("brighter")(rows.drop(columns=["id"], errors="ignore").assign(label=label))


_CONFIGS = {"zho_Hans": "chn", "por_Latn-BR": "ptbr", "por_Latn-MZ": "ptmz", "gaz_Latn": "orm", "swh_Latn": "swa"}

BRIGHTER = Corpus(
    "brighter",
    "emotion",
    ("emotion/brighter.parquet",),
    Hub(
        "brighter-dataset/BRIGHTER-emotion-categories",
        lambda code: _CONFIGS.get(code, code[:3]),
        {"train": "train", "dev": "dev", "test": "test"},
        {},
        _columns_to_label,
    ),
    _prepare,
    notes=("8,519 texts are also in AfriSenti: a model trained on it has seen them.",),
)
