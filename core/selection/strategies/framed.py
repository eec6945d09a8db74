"""Cross-lingual prompting systems: demonstrations as another strategy chooses them, and a query that is put in another way.

They differ from the strategies beside them in ``Selection.framing`` alone, so all share templates, scorer and cache. Without
demonstrations (K = 0) they still frame the query, where the others are zero-shot. The label of an answer is scored directly;
where a published system has the model write out its thoughts first, the docstring says that this is left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from core.data.prompting_systems import framing_words
from core.data.tasks import FALLBACK
from core.records import PLAIN, Demonstration, Example, Framing, Query, Selection
from core.selection.strategies.base import Candidates, Strategy
from core.selection.strategies.dense import Knn
from core.selection.strategies.plain import RandomChoice


class Framed(Strategy):
    """A choice of demonstrations and a framing. The default choice is the nearest neighbours."""

    framed = True
    chooser: Strategy = Knn()
    needs = Knn.needs

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose, then frame."""
        chosen = self.chooser.select(candidates, count) if count else Selection(self.name, ())
        return replace(chosen, strategy=self.name, framing=self.framing(candidates, chosen.demonstrations))

    def framing(self, candidates: Candidates, demonstrations: Sequence[Demonstration]) -> Framing:
        """How the query is put after ``demonstrations``, whoever chose them."""
        raise NotImplementedError


class Alignment(Framed):
    """In-context learning aligned to the query's language (X-InSTA, Tanwar et al. 2023, arXiv 2305.05940).

    Query alignment: demonstrations of one source language, the nearest to the query by the multilingual encoder; without it, random
    ones. Task alignment: after them a line, in the source language, that says what its label words mean in the
    language of the answer; demonstrations then show their labels in their own language, else the line would have nothing to say.
    The source is English where enough English examples are usable, else the language with the most usable items; where no
    language alone has enough, all are drawn from, and each gets its line. Without demonstrations the source is English.
    """

    def __init__(self, name: str, title: str, nearest: bool, aligner: bool) -> None:
        """``nearest``: query alignment; ``aligner``: task alignment, which needs labels."""
        self.name, self.title, self.aligner = name, title, aligner
        self.closed, self.seeded = aligner, not nearest
        self.framed = aligner
        self.chooser = Knn() if nearest else RandomChoice()
        self.needs = self.chooser.needs

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Choose within the source language."""
        return super().select(replace(candidates, usable=_of_one_language(candidates, count)), count)

    def framing(self, candidates: Candidates, demonstrations: Sequence[Demonstration]) -> Framing:
        """The aligner, for every language of an answer."""
        if not self.aligner:
            return PLAIN
        sources = [entry.example.language for entry in demonstrations] or [FALLBACK]
        task, words = candidates.required_judge(self.name).task, framing_words()
        lines = {code: words.aligned(task, sources, code) for code in candidates.codes}
        return Framing(aligners={code: line for code, line in lines.items() if line}, labels="demonstration")


class SelfTranslate(Framed):
    """The model puts the query into English itself and then answers in English (Etxaniz et al. 2023, arXiv 2308.01223).

    The translation follows the translation task's template after ``shots`` demonstrations: the nearest usable examples whose English
    side the pool has, none of them in the query's language, because a low-resource language has none to give. Then the
    English text is asked about by the English template with English label words, and demonstrations are those nearest
    to it. An item that says just what the translation says is kept out as the query's own is. An English query, and one
    for which the model writes nothing, is asked as it is, in English.
    """

    name = "self-translate"
    title = "Translates the query itself"
    closed = True
    shots = 4

    def prepare(self, choices: Sequence[Candidates], progress: Callable[[float], None] = lambda _: None) -> None:
        """Translate all queries in batches."""
        if choices:
            requests = [(candidates.query, self._examples(candidates)) for candidates in choices]
            choices[0].required_judge(self.name).translate(requests, progress)

    def select(self, candidates: Candidates, count: int) -> Selection:
        """Translate, then choose by the translation."""
        translated_query = self._translated(candidates)
        usable = candidates.usable
        same = candidates.pool.says_the_same(translated_query)
        if (usable & same).any():
            usable = usable & ~same
            candidates.pool.require(usable, count, candidates.query)
        chosen = super().select(
            replace(candidates, query=translated_query, usable=usable, translation=translated_query), count
        )
        return replace(chosen, candidates=int(usable.sum()))

    def framing(self, candidates: Candidates, demonstrations: Sequence[Demonstration]) -> Framing:
        """The translation instead of the query, asked about in English."""
        return Framing(query=candidates.translation or self._translated(candidates), codes=(FALLBACK,))

    def _translated(self, candidates: Candidates) -> Query:
        return candidates.required_judge(self.name).translated(candidates.query, self._examples(candidates))

    def _examples(self, candidates: Candidates) -> list[Example]:
        """What the translation is shown, best first."""
        english = np.array([example.language != FALLBACK for example in candidates.pool.examples])
        near = replace(candidates, usable=candidates.usable & english)
        indices = near.best(near.relevance(), min(near.items, self.shots)).tolist()
        return [candidates.pool.examples[i] for i in indices]


class CrossLingualThought(Framed):
    """An English instruction: a role, the language, restating in English (XLT, Huang et al. 2023, arXiv 2305.07004).

    The query stays in its language; instruction, template and label words are English. XLT has the restatement and the steps
    written out before the answer; for label scores the answer follows at once, so that only the instruction is left of it.
    """

    name = "xlt"
    title = "Cross-lingual thought (XLT)"
    closed = True

    def framing(self, candidates: Candidates, demonstrations: Sequence[Demonstration]) -> Framing:
        """The instruction, and the answer in English."""
        task = candidates.required_judge(self.name).task
        return Framing(instruction=framing_words().thinking(task, candidates.query.language), codes=(FALLBACK,))


class SelfConsistency(Framed):
    """The query asked by templates of several languages, the label probabilities averaged (CLSP, Qin et al. 2023, arXiv 2310.14799).

    CLSP votes over the answers of reasoning written in several languages; for label scores the vote is the mean of the
    distributions, with equal weights. The languages are that of the answer and ``spoken``, as far as the task has them.
    """

    name = "clsp"
    title = "Several languages averaged (CLSP)"
    closed = True
    spoken = ("eng_Latn", "deu_Latn", "spa_Latn", "zho_Hans")

    def framing(self, candidates: Candidates, demonstrations: Sequence[Demonstration]) -> Framing:
        """The languages to ask in."""
        languages = candidates.required_judge(self.name).task.languages
        return Framing(codes=tuple(dict.fromkeys([candidates.code, *(c for c in self.spoken if c in languages)])))


def _of_one_language(candidates: Candidates, count: int) -> np.ndarray:
    """``usable`` within the source language of an alignment."""
    languages = np.array([example.language for example in candidates.pool.examples])
    items = {
        code: len(np.unique(candidates.pool.groups[candidates.usable & (languages == code)]))
        for code in candidates.pool.languages
    }
    enough = [code for code, count_of in items.items() if count_of >= count]
    if not enough:
        return candidates.usable
    source = FALLBACK if FALLBACK in enough else max(enough, key=lambda code: items[code])
    return np.asarray(candidates.usable & (languages == source))
