"""Translation-assisted answering (TaCo, Upadhayay and Behzadan 2023, arXiv 2311.10797): translate, answer, translate back, in one prompt.

TaCo trains a model to write these steps; here demonstrations show them to a model as it is. Each has its English side, its label in
English and the label's word in its own language; the model writes the query's English side in that very prompt, greedily, and the
English labels are scored after it. Back into the language of the answer the label goes by its verbaliser, so that the last step is
shown and not written.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from core.data.prompting_systems import framing_words
from core.data.tasks import FALLBACK
from core.records import Demonstration, Framing, Selection
from core.selection.strategies.base import Candidates
from core.selection.strategies.framed import Framed


class TranslationAssisted(Framed):
    """The nearest demonstrations in other languages than English whose English side the pool has, where these are enough."""

    name = "taco"
    title = "Translation-assisted (TaCo)"
    closed = True

    def prepare(self, choices: Sequence[Candidates], progress: Callable[[float], None] = lambda _: None) -> None:
        """Write all translations in batches; what ``select`` does then finds them."""
        if choices:
            judge = choices[0].required_judge(self.name)
            asks = [
                (candidates.query, self._chosen(candidates, candidates.count).demonstrations, _steps(candidates))
                for candidates in choices
            ]
            judge.write_english(asks, progress)

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose, translate, frame."""
        chosen = self._chosen(candidates, count)
        return replace(chosen, strategy=self.name, framing=self.framing(candidates, chosen.demonstrations))

    def framing(self, candidates: Candidates, demonstrations: Sequence[Demonstration]) -> Framing:
        """The steps, and the query in English as the model writes it after ``demonstrations``."""
        steps = _steps(candidates)
        judge = candidates.required_judge(self.name)
        (translation,) = judge.write_english([(candidates.query, demonstrations, steps)])
        return replace(steps, translation=translation)

    def _chosen(self, candidates: Candidates, count: int) -> Selection:
        if not count:
            return Selection(self.name, ())
        return self.chooser.select(replace(candidates, usable=_translated(candidates, count)), count)


def _steps(candidates: Candidates) -> Framing:
    """The framing before the query's English side is written."""
    task = candidates.required_judge(TranslationAssisted.name).task
    return Framing(instruction=framing_words().assisting(task), codes=(FALLBACK,), labels="english", style="translated")


def _translated(candidates: Candidates, count: int) -> np.ndarray:
    """``usable`` within the examples that show a translation; all of it where these are fewer than ``count`` items."""
    pool = candidates.pool
    foreign = np.array([e.language != FALLBACK and pool.side(e.item, FALLBACK) is not None for e in pool.examples])
    usable = np.asarray(candidates.usable & foreign)
    return usable if len(np.unique(pool.groups[usable])) >= count else candidates.usable
