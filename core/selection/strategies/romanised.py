"""Romanised prompting: query and demonstrations in Latin letters, which a model's tokens often cut less finely.

RomanSetu (Husain et al. 2024, arXiv 2401.14280) trains on romanised text; here a model is asked in it as it is. Letters: see
``core.data.romanisation``.
"""

from collections.abc import Sequence

from core.data.romanisation import romanised
from core.records import Demonstration, Framing
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
        """The style. Raises ``ModelUnavailable`` now rather than when the prompt is written."""
        romanised(candidates.query.text, candidates.query.language)
        return Framing(style="romanised")
