"""Translation of Tatoeba pairs, with demonstrations and without, through the product's own predictor.

A demonstration shows a sentence in a language that is neither the query's nor the answer's, and its translation into
the language of the answer, found in the pool by item (``core.prompting``). The pool holds training sentences alone.

Pairs are those held out when the tiny models were trained; where more are asked for than these, others follow, which the tiny model has
read and another has not by us. The English sides of all of them are kept out of the pool.

chrF is that of ``core.metrics``, in [0, 100]. Two answers that need no model stand beside it: the answer of the best demonstration, and
the translation of the training sentence in the query's own language that is nearest by the sentence encoder. Counted besides: answers that
largely repeat the source or a demonstration, answers in another language than the target, and empty ones.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.data.matching import normal_form
from core.data.pool import Pool
from core.data.templates import clean
from core.embedded.quality_retrieval import ENGLISH
from core.errors import InvalidData
from core.inference.copying import copied_from
from core.inference.predictor import Predictor, Question, checked
from core.language_id import text_adherence
from core.metrics import chrf
from core.models.generation import generate
from core.models.sentence_encoder import SentenceEncoder
from core.prompting import PromptWriter
from core.records import CopySource, Demonstration, Example, Query
from core.selection.strategies import STRATEGIES

LONGEST = 90  # characters of either side of a training pair
MOST_EXAMPLES = 800  # of a language in the pool
MOST_PAIRS = 60  # of a language that are translated
BATCH = 16  # prompts


@dataclass(frozen=True)
class Translation:
    """One held-out sentence and what became of it."""

    source: str  # language codes
    target: str
    text: str
    reference: str
    zero_shot: str  # the model's translation without demonstrations
    translation: str  # and with them
    copied_demonstration: str  # the answer of the best demonstration, "" where none was shown
    copied_nearest: str  # the target side of the nearest training sentence in the source language
    demonstrations: tuple[tuple[str, str], ...]  # as shown, best last: text and answer
    copies: CopySource = ""  # what ``translation`` largely repeats
    adherence: float | None = None  # [0, 1]: how far it is in ``target``; None where that cannot be told


def parallel_pool(text: pd.DataFrame, barred: Collection[str], most: int = MOST_EXAMPLES) -> Pool:
    """Short training sentences with their English sides; translations of each other share an item.

    ``text`` has the columns of ``core.embedded.corpus``. ``barred`` are normal forms of English sentences that are left
    out with all their translations. Items are taken in a shuffled order that is the same for all languages, up to ``most``
    sentences of each; an item keeps its English side, so English may have more. Bible verses are left out, as in training.
    """
    short = text[(text["text"].str.len() <= LONGEST) & text["english"].str.len().between(1, LONGEST)]
    short = short[(short["source"] != "Bible") & ~short["english"].map(normal_form).isin(set(barred))]
    items = short["group"].where(short["source"] != "Tatoeba", "tatoeba/" + short["english"])
    short = short.assign(item=items).drop_duplicates(["item", "language"])
    order = short["item"].drop_duplicates().sample(frac=1.0, random_state=0)
    texts: dict[str, dict[str, str]] = {item: {} for item in order}
    for item, code, sentence in zip(short["item"], short["language"], short["text"], strict=True):
        texts[item][code] = sentence
    english = dict(zip(short["item"], short["english"], strict=True))
    counts: Counter[str] = Counter()
    examples = []
    for item, sides in texts.items():
        sides_used = {code: side for code, side in sides.items() if code != ENGLISH and counts[code] < most}
        counts.update(sides_used.keys())
        if sides_used:
            sides_used[ENGLISH] = english[item]
            examples += [Example(f"{item}/{code}", item, code, clean(side), "") for code, side in sides_used.items()]
    if not examples:
        raise InvalidData(f"The corpus has no training pair of at most {LONGEST} characters a side to show.")
    return Pool(tuple(examples))


def facing(pool: Pool, target: str) -> Pool:
    """The part of a pool whose items are also said in ``target``. Raises ``PoolTooSmall`` when there is none."""
    return Pool(tuple(example for example in pool.examples if pool.side(example.item, target) is not None))


def held_out_pairs(
    held_out: pd.DataFrame, code: str, most: int = MOST_PAIRS, others: pd.DataFrame | None = None
) -> list[tuple[str, str]]:
    """Sentences in ``code`` with their English sides, at most ``most``, drawn with seed 0; ``others`` follow where there are fewer.

    Raises ``InvalidData`` when the language has none.
    """
    pairs = held_out[held_out["language"] == code].drop_duplicates("english")
    if pairs.empty:
        known = ", ".join(sorted(set(held_out["language"])))
        raise InvalidData(f"There are no held-out pairs in {code!r}; choose from {known}.")
    drawn = pairs.sample(min(most, len(pairs)), random_state=0)
    if others is not None and len(drawn) < most:
        more = others[others["language"] == code].drop_duplicates("english")
        drawn = pd.concat([drawn, more.sample(min(most - len(drawn), len(more)), random_state=0)])
    return list(zip(drawn["text"].map(clean), drawn["english"].map(clean), strict=True))


def translate(
    predictor: Predictor, pairs: Sequence[tuple[str, str]], source: str, target: str, k: int, strategy: str = "agl"
) -> list[Translation]:
    """Translate texts, paired with their references, greedily, with ``k`` demonstrations chosen by ``strategy`` and with none.

    The pool of ``predictor`` is one that faces ``target``. Raises ``PoolTooSmall`` when it has fewer than ``k`` items in third
    languages.
    """
    writer, others = predictor.writer, tuple(code for code in predictor.index.pool.languages if code != target)
    queries = [checked(Query(text, source)) for text, _ in pairs]
    if "own" in STRATEGIES[strategy].needs:
        predictor.index.vectors.raw([query.text for query in queries])
    among = sorted({source, target, *others})
    prompts = []
    for query in queries:
        chosen = predictor.select(Question(query, strategy, k, (target,), others)).demonstrations
        prompts.append((writer.prompt(query, chosen, target), writer.prompt(query, (), target)))
    written, without = (list(_written(predictor, [pair[side].text for pair in prompts])) for side in (0, 1))
    nearest = copied(predictor.index.pool, predictor.index.encoder, queries, target)
    translations = []
    for index, (text, reference) in enumerate(pairs):
        demonstrations = tuple(_sides(writer, entry, target) for entry in prompts[index][0].demonstrations)
        best = demonstrations[-1 if writer.config.order == "best_last" else 0][1] if demonstrations else ""
        translations.append(
            Translation(
                source,
                target,
                text,
                reference,
                without[index],
                written[index],
                best,
                nearest[index],
                demonstrations,
                copied_from(written[index], text, [answer for _, answer in demonstrations]),
                text_adherence(written[index], target, among),
            )
        )
    return translations


def _sides(writer: PromptWriter, entry: Demonstration, target: str) -> tuple[str, str]:
    return entry.example.text, writer.answer_of(entry.example, target) or ""


def _written(predictor: Predictor, prompts: Sequence[str]) -> Iterator[str]:
    """The model's lines, in the order of ``prompts``."""
    for index in range(0, len(prompts), BATCH):
        lines = generate(predictor.model, prompts[index : index + BATCH], predictor.answerer.generation)
        yield from (line.text for line in lines)


def copied(pool: Pool, encoder: SentenceEncoder, queries: Sequence[Query], target: str) -> list[str]:
    """Per query the ``target`` side of the pool's nearest sentence in the query's language, "" where it has none."""
    code = queries[0].language
    known = [example for example in pool.examples if example.language == code and pool.side(example.item, target)]
    if not known:
        return [""] * len(queries)
    cosines = encoder.vectors([query.text for query in queries]) @ encoder.vectors([e.text for e in known]).T
    sides = [pool.side(known[index].item, target) for index in np.argmax(cosines, axis=1)]
    return [side.text if side else "" for side in sides]


def chrf_table(translations: Sequence[Translation]) -> pd.DataFrame:
    """Corpus chrF of each direction: with demonstrations, without, and of the two answers that need no model; and what went wrong."""
    parts: dict[tuple[str, str], list[Translation]] = defaultdict(list)
    for entry in translations:
        parts[entry.source, entry.target].append(entry)
    rows = []
    for (source, target), part in parts.items():
        references = [entry.reference for entry in part]
        row: dict[str, object] = {"source": source, "target": target, "pairs": len(part)}
        for column, field in (
            ("with_demonstrations", "translation"),
            ("zero_shot", "zero_shot"),
            ("copied_shown", "copied_demonstration"),
            ("copied_nearest", "copied_nearest"),
        ):
            row[column] = chrf([getattr(entry, field) for entry in part], references)
        row["shown"] = float(np.mean([len(entry.demonstrations) for entry in part]))
        row["copies"] = sum(entry.copies != "" for entry in part)
        row["other_language"] = sum(entry.adherence is not None and entry.adherence < 0.5 for entry in part)
        row["empty"] = sum(not entry.translation for entry in part)
        rows.append(row)
    return pd.DataFrame(rows)
