"""The pool of a run: who comes, who goes and why, and that a saved state is the same pool."""

import json
from collections.abc import Sequence

import pytest
from toys import toy_examples

from core.data.matching import normal_form
from core.records import Example
from core.training.config import UpkeepConfig
from core.training.pool import LivingPool
from core.training.rollouts import Written

FIRST = toy_examples()[:10]
STRICT = UpkeepConfig(most_written=2, uses=3, harm=-0.3, smallest=0.5)


def pair(name: str, text: str | None = None) -> Written:
    example = Example(name, name, "fra_Latn", text or f"Texte {name}.", "sports", "generated")
    return Written(example, "Sentence:", " " + example.text, -0.5, "The query.", 1)


def shown(pool: LivingPool, name: str, *advantages: float) -> None:
    pool.record([(name, advantage) for advantage in advantages])


def ids(pool: LivingPool) -> list[str]:
    return [example.id for example in pool.pool.examples]


def gone(pool: LivingPool, pairs: Sequence[Written] = ()) -> list[str]:
    return [change.example for change in pool.update(pairs, 1) if change.action == "retired"]


def test_admitted_pairs_follow_the_first_pool_and_make_a_version() -> None:
    pool = LivingPool(FIRST, STRICT)
    before = pool.pool
    (change,) = pool.update([pair("a")], iteration=7)
    assert (change.version, change.iteration, change.action, change.example) == (1, 7, "admitted", "a")
    assert (change.reason, change.text) == ("passed every filter", "Texte a.")
    assert ids(pool) == [*(example.id for example in FIRST), "a"]
    assert pool.version == 1
    assert len(before) == len(FIRST)  # a pool in use elsewhere does not change


def test_nothing_to_change_makes_no_version() -> None:
    pool = LivingPool(FIRST, STRICT)
    before = pool.pool
    assert pool.update([], 1) == []
    assert (pool.version, pool.changes) == (0, [])
    assert pool.pool is before


def test_a_pair_is_judged_by_its_mean_advantage_after_enough_uses() -> None:
    pool = LivingPool(FIRST, STRICT)
    pool.update([pair("a")], 1)
    shown(pool, "a", -1.0, -1.0)
    assert gone(pool) == []  # two uses of three
    shown(pool, "a", 1.0)
    (change,) = pool.update([], 2)  # mean (-1 - 1 + 1) / 3 = -0.33, below -0.3
    assert (change.version, change.iteration, change.example, change.text) == (2, 2, "a", "Texte a.")
    assert change.reason == "harmful: mean advantage -0.33 over 3 uses"
    assert "a" not in ids(pool)


def test_a_pair_at_the_bound_stays() -> None:
    pool = LivingPool(FIRST, STRICT)
    shown(pool, FIRST[0].id, -0.25, -0.25, -0.25)
    assert gone(pool) == []


def test_a_retired_example_of_the_first_pool_stays_away_when_seen_again() -> None:
    pool = LivingPool(FIRST, STRICT)
    name = FIRST[4].id
    shown(pool, name, -1.0, -1.0, -1.0)
    assert gone(pool) == [name]
    shown(pool, name, -1.0, -1.0, -1.0)  # a step that was drawn before it left
    assert gone(pool) == []
    assert ids(pool) == [example.id for example in FIRST if example.id != name]
    assert pool.version == 1


@pytest.mark.parametrize(("smallest", "count", "leave"), [(0.5, 10, 5), (0.5, 9, 4), (1.0, 10, 0), (0.1, 10, 9)])
def test_the_worst_leave_first_and_the_smallest_share_always_stays(smallest: float, count: int, leave: int) -> None:
    """Half of nine is no whole number: five stay, so four may leave. Nine of the ten are harmful."""
    pool = LivingPool(FIRST[:count], UpkeepConfig(uses=1, harm=-0.3, smallest=smallest))
    for place, example in enumerate(FIRST[: min(count, 9)]):
        shown(pool, example.id, -1.0 - place)
    worst_first = [example.id for example in reversed(FIRST[: min(count, 9)])]
    assert gone(pool) == worst_first[:leave]
    for example in FIRST[:count]:
        shown(pool, example.id, -9.0)
    assert gone(pool) == []  # there is no room later either


def test_written_pairs_leave_although_the_first_pool_has_no_room() -> None:
    pool = LivingPool(FIRST, UpkeepConfig(uses=1, smallest=1.0))
    pool.update([pair("a")], 1)
    shown(pool, "a", -1.0)
    shown(pool, FIRST[0].id, -2.0)
    assert gone(pool) == ["a"]


def test_the_least_useful_written_pairs_are_crowded_out() -> None:
    pool = LivingPool(FIRST, STRICT)
    pool.update([pair("a"), pair("b")], 1)
    shown(pool, "a", 0.5)
    shown(pool, "b", -0.1)  # one use: not judged harmful
    changes = pool.update([pair("c")], 2)  # never shown: mean 0
    assert [(change.action, change.example) for change in changes] == [("admitted", "c"), ("retired", "b")]
    assert changes[1].reason == "crowded out: least advantage of the written pairs"
    assert ids(pool)[-2:] == ["a", "c"]
    assert {change.version for change in changes} == {2}


def test_texts_of_retired_pairs_stay_known_in_normal_form() -> None:
    pool = LivingPool(FIRST, STRICT)
    pool.update([pair("a", "Un  Texte\nBizarre.")], 1)
    shown(pool, "a", -1.0, -1.0, -1.0)
    shown(pool, FIRST[0].id, -1.0, -1.0, -1.0)
    assert sorted(gone(pool)) == sorted(["a", FIRST[0].id])
    assert {"un texte bizarre.", normal_form(FIRST[0].text), normal_form(FIRST[1].text)} <= pool.texts()


def test_a_state_survives_json_and_goes_on_as_before() -> None:
    pool = LivingPool(FIRST, STRICT)
    pool.update([pair("a"), pair("b")], 1)
    shown(pool, FIRST[2].id, -1.0, -1.0, -1.0)
    shown(pool, "a", 0.4)
    shown(pool, "b", -0.9, -0.9)
    pool.update([], 2)
    text = json.dumps(pool.state(), ensure_ascii=False)
    again = LivingPool(FIRST, STRICT)
    assert len(again.pool) == 10  # made before, so that a remembered pool would show
    again.restore(json.loads(text))
    assert again.pool == pool.pool
    assert again.texts() == pool.texts()
    assert (again.version, again.written, again.changes) == (pool.version, pool.written, pool.changes)
    for either in (pool, again):
        shown(either, "b", -0.9)
    assert again.update([pair("c")], 3) == pool.update([pair("c")], 3)
    assert ids(again) == ids(pool) == [*(e.id for e in FIRST if e.id != FIRST[2].id), "a", "c"]
    assert again.state() == pool.state()
