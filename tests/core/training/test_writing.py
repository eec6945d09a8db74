"""Self-generation: what is asked for, every filter with a text that meets it, and the reward's way to what was written.

Tests of `core.training.learner`.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import toy_examples

from core.data.matching import normal_form
from core.models.generation import Generated
from core.records import Example, Query
from core.training import writing
from core.training.config import WritingConfig
from core.training.rollouts import Written
from core.training.writing import REASONS, PairWriter, overlap

QUERY = Query("Our train was very late.", "eng_Latn", "item-8")
FRENCH = "Le docteur arrive demain matin."


@pytest.fixture
def loop(make_loop: Any, tmp_path: Path) -> Any:
    return make_loop(tmp_path)


@pytest.fixture
def french(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every attempt is asked for in French, and the model writes what it is told to."""

    def tell(text: str, ended: bool = True) -> None:
        monkeypatch.setattr(
            writing, "generate", lambda model, prompts, *_: [Generated(text, 1.0, ended) for _ in prompts]
        )

    return tell


def write(
    loop: Any, config: WritingConfig, attempts: int = 1, known: set[str] | None = None, labels: tuple[str, ...] = ()
) -> Any:
    """Only French can be asked for: the pool has English, which is the query's language, and French."""
    pool = loop.pool.__class__([e for e in toy_examples() if e.language != "swh_Latn"], loop.config.upkeep).pool
    writer = PairWriter(loop.learner, loop.learner.asker, config, 2)
    queries = [(QUERY, f"{number}") for number in range(attempts)]
    return writer.write(queries, pool, known or set(), labels, 1)


LOOSE = WritingConfig(shown=2, votes=3, agreement=0.0, label_share=1.0, coherence=-1.0)


@pytest.mark.parametrize(
    ("reason", "text", "config"),
    [
        ("empty", "...", LOOSE),
        ("script", "Доктор придёт завтра утром.", LOOSE),
        ("language", "Der Arzt kommt morgen früh nach Hause.", LOOSE),
        ("length", "Il pleut.", replace(LOOSE, shortest=0.9)),
        ("length", FRENCH * 3, LOOSE),
        ("incoherent", FRENCH, replace(LOOSE, coherence=1.0)),
        ("votes", FRENCH, replace(LOOSE, agreement=1.0, votes=40)),
    ],
)
def test_each_filter_rejects_what_it_is_for(
    loop: Any, french: Any, reason: str, text: str, config: WritingConfig
) -> None:
    if reason == "votes":  # the toy model does not change its mind by itself
        asker = loop.learner.asker
        asker.log_probs = lambda asks: torch.eye(7)[torch.arange(len(asks)) % 7]
    french(text)
    assert write(loop, config) == ([], Counter({reason: 1}))


def test_an_unfinished_line_is_rejected(loop: Any, french: Any) -> None:
    french(FRENCH, ended=False)
    assert write(loop, LOOSE) == ([], Counter(unfinished=1))


def test_copies_of_a_shown_demonstration_are_rejected(loop: Any, french: Any) -> None:
    """Whatever two French sentences are shown, both halves of this text stand in one of the pool's nine that may be."""
    french("Elle a gagné la longue course. L'équipe a perdu le match.")
    config = replace(LOOSE, shown=9, overlap=0.3)
    assert write(loop, config) == ([], Counter(copy=1))


def test_a_known_text_is_a_duplicate_and_so_is_the_second_of_two(loop: Any, french: Any) -> None:
    french(FRENCH)
    assert write(loop, LOOSE, known={normal_form(FRENCH)}) == ([], Counter(duplicate=1))
    kept, rejected = write(loop, LOOSE, attempts=2)
    assert (len(kept), rejected) == (1, Counter(duplicate=1))


def test_a_label_that_is_too_frequent_is_surplus(loop: Any, french: Any) -> None:
    """Five written pairs of every label but one, all equal to what the model answers: one more would be six of six."""
    french(FRENCH)
    kept, _ = write(loop, LOOSE)
    label = kept[0].example.label
    assert write(loop, replace(LOOSE, label_share=0.5), labels=(label,) * 5) == ([], Counter(surplus=1))


def test_a_kept_pair_knows_where_it_comes_from(loop: Any, french: Any) -> None:
    french(FRENCH)
    (pair,), rejected = write(loop, LOOSE)
    assert not rejected
    assert (pair.example.text, pair.example.language, pair.example.origin) == (FRENCH, "fra_Latn", "generated")
    assert pair.query == QUERY.text
    assert pair.continuation.strip() == FRENCH
    assert FRENCH not in pair.prompt
    with torch.no_grad():  # nothing was learnt in between
        assert float(loop.learner.writing_log_probs([pair])) == pytest.approx(pair.log_prob, abs=1e-5)


def test_a_pair_is_never_in_the_language_of_its_query(loop: Any) -> None:
    writer = PairWriter(loop.learner, loop.learner.asker, LOOSE, 2)
    pool = loop.pool.pool
    asked = [writer._draft(QUERY, f"{n}", pool, torch.zeros(len(pool))) for n in range(30)]
    assert {draft.language for draft in asked if draft} == {"fra_Latn", "swh_Latn"}


def test_by_label_the_demonstrations_of_a_pair_share_the_label_that_it_must_get(loop: Any, french: Any) -> None:
    config = replace(LOOSE, by_label=True, shown=1)
    writer, pool = PairWriter(loop.learner, loop.learner.asker, config, 2), loop.pool.pool
    drafts = [writer._draft(QUERY, f"{n}", pool, torch.zeros(len(pool))) for n in range(40)]
    shown = [{entry.label for entry in draft.demonstrations} for draft in drafts if draft]
    assert all(len(labels) == 1 for labels in shown)
    enough = {(e.language, e.label) for e in pool.examples if e.language != "eng_Latn"}
    assert {(draft.language, draft.label) for draft in drafts if draft} <= enough
    assert len({draft.label for draft in drafts if draft}) > 1
    labels = loop.learner.asker.writer.task.labels
    for position, kept in ((0, {labels[0]}), (1, {labels[1]})):
        loop.learner.asker.log_probs = lambda asks, at=position: torch.eye(7)[torch.full((len(asks),), at)]
        french(FRENCH)
        pairs, rejected = write(loop, config, attempts=12)
        assert {pair.example.label for pair in pairs} <= kept
        assert set(rejected) <= {"label", "duplicate"}
        assert rejected["label"] + rejected["duplicate"] + len(pairs) > 0


def test_a_pair_of_another_label_than_asked_for_is_rejected(loop: Any, french: Any) -> None:
    config, labels = replace(LOOSE, by_label=True, shown=1), loop.learner.asker.writer.task.labels
    pool = loop.pool.__class__([e for e in toy_examples() if e.language != "swh_Latn"], loop.config.upkeep).pool
    writer = PairWriter(loop.learner, loop.learner.asker, config, 2)
    draft = writer._draft(QUERY, "0", pool, torch.zeros(len(pool)))
    assert draft is not None
    other = next(i for i, label in enumerate(labels) if label != draft.label)
    loop.learner.asker.log_probs = lambda asks: torch.eye(7)[torch.full((len(asks),), other)]
    french(FRENCH)
    assert write(loop, config) == ([], Counter(label=1))


def test_a_pair_is_labelled_under_the_policys_own_context_first(loop: Any, french: Any) -> None:
    contexts: list[Any] = []
    asker, learner = loop.learner.asker, loop.learner
    real = asker.log_probs
    asker.log_probs = lambda asks: contexts.extend(asks) or real(asks)
    french(FRENCH)
    write(loop, replace(LOOSE, votes=12))
    pool = loop.pool.__class__([e for e in toy_examples() if e.language != "swh_Latn"], loop.config.upkeep).pool
    query = Query(FRENCH, "fra_Latn")
    languages = [query.language, *(example.language for example in pool.examples)]
    raw = torch.from_numpy(learner.untrained_vectors([FRENCH, *(example.text for example in pool.examples)]))
    vectors = learner.project(raw, languages, learner.projection, untrained=True).detach()
    near = sorted(
        (i for i in range(len(pool)) if pool.examples[i].language != "fra_Latn"),
        key=lambda i: -float(vectors[0] @ vectors[1 + i]),
    )
    assert [entry.id for entry in contexts[0].context] == [pool.examples[i].id for i in near[:2]]
    assert len({ask.context for ask in contexts}) > 1  # the others are drawn


def test_every_reason_is_declared_and_met_here() -> None:
    """The reasons above; ``unparsed`` needs a template with words after the text, which no bundled one has."""
    met = {"unfinished", "empty", "script", "language", "length", "copy", "duplicate", "votes", "label", "surplus"}
    assert set(REASONS) == met | {"unparsed", "incoherent"}


def test_overlap_counts_letters_in_runs_of_four() -> None:
    assert overlap("abcdef", "abcdef") == 1
    assert overlap("abcdef", "abcdxx") == pytest.approx(1 / 3)  # abcd, bcde, cdef
    assert overlap("abc", "xabcx") == 1
    assert overlap("abc", "ab") == 0


def test_the_reward_of_a_context_reaches_the_words_it_was_written_with(loop: Any) -> None:
    """A written pair among the candidates, always chosen: a positive advantage makes its text likelier, a negative one less likely."""
    learner = loop.learner
    text = "La voiture tombe en panne souvent."
    example = Example("written", "written", "fra_Latn", text, "travel", "generated")
    pair = Written(example, "Texte:", " " + text, 0.0, QUERY.text, 1)
    with torch.no_grad():
        pair = replace(pair, log_prob=float(learner.writing_log_probs([pair])))
    batch = loop.maker.batches(1, loop.pool.pool, {}, 0, 1)[0]
    place = 3
    batch = replace(batch, written={place: pair})
    with torch.no_grad():
        rollouts = learner(batch).rollouts
    for sign in (1.0, -1.0):
        learner.zero_grad()
        chosen = torch.full_like(rollouts.chosen, place)
        loss = learner._writing(
            batch, replace(rollouts, chosen=chosen, advantages=torch.full_like(rollouts.advantages, sign))
        )
        loss.backward()
        step = {n: p.grad for n, p in learner.network.named_parameters() if p.grad is not None}
        assert step
        with torch.no_grad():
            for name, parameter in learner.network.named_parameters():
                if name in step:
                    parameter -= 1e-3 * step[name]
            after = float(learner.writing_log_probs([pair]))
            for name, parameter in learner.network.named_parameters():
                if name in step:
                    parameter += 1e-3 * step[name]
        assert (after - pair.log_prob) * sign > 0
