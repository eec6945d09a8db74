"""Romanised prompting: query and demonstrations in Latin letters, which a model's tokens often cut less finely.

RomanSetu (Husain et al. 2024, arXiv 2401.14280) trains on romanised text; here a model is asked in it as it is. Letters by ``uroman``
(Hermjakob et al. 2018, P18-4003), which reads Japanese characters as Chinese ones.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from core.errors import ModelUnavailable
from core.records import Demonstration, Framing, Query
from core.selection.strategies.base import Candidates
from core.selection.strategies.framed import Framed


class Romanised(Framed):
    """The nearest demonstrations and the query, written in Latin letters; template, label words and answer stay as they are.

    Demonstrations are chosen by their own texts and recorded with them; the prompt has the romanised ones. Texts in Latin letters stay
    as they are, accents too.
    """

    name = "romanised"
    title = "Romanised (uroman)"

    def framing(self, candidates: Candidates, demonstrations: Sequence[Demonstration]) -> Framing:
        """The romanised texts, by the ids of the demonstrations."""
        query = candidates.query
        texts = {one.example.id: romanised(one.example.text, one.example.language) for one in demonstrations}
        own = Query(romanised(query.text, query.language), query.language, query.item, query.choices)
        return Framing(query=own, texts=texts)


def romanised(text: str, code: str) -> str:
    """``text``, in the language ``code``, in Latin letters. Raises ``ModelUnavailable`` without ``uroman``."""
    return text if code.split("-")[0].endswith("_Latn") else str(_uroman().romanize_string(text, lcode=code[:3]))


@lru_cache(maxsize=1)
def _uroman() -> Any:
    try:
        import uroman
    except ImportError as error:
        raise ModelUnavailable(
            "uroman is not installed; run 'pip install uroman', or choose another strategy than romanised."
        ) from error
    return uroman.Uroman()
