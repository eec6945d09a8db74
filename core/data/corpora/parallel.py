"""Translation out of parallel text: NTREX-128 (Federmann et al. 2022, 2022.sumeval-1.4) and TICO-19 (Anastasopoulos et al. 2020,
arXiv 2007.01788).

Documents are kept whole: those with an even number (NTREX), or segments in blocks of a hundred (TICO-19), are queries, the others
the pool. Of the varieties of a language one is used, the plain code where there is one. Both are test sets of translation:
a model may have read them.
"""

import pandas as pd

from core.data.corpora.base import Corpus, Dropped, keep

_NOTE = "A test set of translation that has long been public: a model may have read it."


def _ntrex(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    number_of = {name: number for number, name in enumerate(dict.fromkeys(rows.sort_values("line")["doc_id"]))}
    part = rows["doc_id"].map(number_of).mod(2).map({0: "queries", 1: "pool"})
    rows = rows.assign(part=part, item="ntrex/" + rows["line"].astype(str), label="")
    return _one_variety(keep(rows, rows["kind"] != "ref2", "a second translation", dropped), dropped)


def _tico(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    number_of = {name: number for number, name in enumerate(sorted(set(rows["seg_id"])))}
    part = rows["seg_id"].map(number_of).floordiv(100).mod(2).map({0: "queries", 1: "pool"})
    return _one_variety(rows.assign(part=part, item="tico19/" + rows["seg_id"], label=""), dropped)


def _one_variety(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    chosen: dict[str, str] = {}
    for code in sorted(set(rows["language"])):  # the plain code sorts before its varieties
        chosen.setdefault(code.split("-")[0], code)
    good = rows["language"] == rows["language"].str.split("-").str[0].map(chosen)
    return keep(rows, good, "another variety of the language", dropped)


NTREX = Corpus("ntrex", "translation", ("parallel/ntrex128.parquet",), None, _ntrex, notes=(_NOTE,))
TICO19 = Corpus("tico19", "translation", ("parallel/tico19.parquet",), None, _tico, notes=(_NOTE,))
