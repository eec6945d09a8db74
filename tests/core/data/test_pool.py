"""What a query may be shown.

Tests of `core.data.matching`.
"""

import numpy as np
import pytest
from toys import LANGUAGES, SENTENCES

from core.errors import InvalidData, PoolTooSmall
from core.data.matching import normal_form
from core.data.pool import Pool, check_pool
from core.records import Example, Query


def items(pool: Pool, mask: np.ndarray) -> set[str]:
    return {example.item for example, usable in zip(pool.examples, mask, strict=True) if usable}


def test_translations_of_a_known_item_are_kept_out(pool: Pool) -> None:
    assert items(pool, pool.usable(Query("Anything.", "eng_Latn", item="item-4"))) == {
        f"item-{n}" for n in range(10) if n != 4
    }


@pytest.mark.parametrize("code", LANGUAGES)
def test_translations_of_a_pool_sentence_are_kept_out_by_its_text(pool: Pool, code: str) -> None:
    text = SENTENCES[4][1 + LANGUAGES.index(code)]
    assert "item-4" not in items(pool, pool.usable(Query(text, code)))


def test_case_and_spacing_do_not_hide_a_pool_sentence(pool: Pool) -> None:
    disguised = "  " + SENTENCES[4][1].upper().replace(" ", "  ") + " "
    assert "item-4" not in items(pool, pool.usable(Query(disguised, "eng_Latn")))
    # Also when the query says it is in another language than the pool's sentence.
    assert "item-4" not in items(pool, pool.usable(Query(disguised, "fra_Latn")))


def test_item_and_text_are_both_kept_out_when_they_differ(pool: Pool) -> None:
    shown = items(pool, pool.usable(Query(SENTENCES[4][1], "eng_Latn", item="item-5")))
    assert shown == {f"item-{n}" for n in range(10) if n not in (4, 5)}


def test_own_language_is_kept_out_and_languages_narrow(pool: Pool) -> None:
    mask = pool.usable(Query("x", "fra_Latn"), ["fra_Latn", "swh_Latn"])
    assert {example.language for example, usable in zip(pool.examples, mask, strict=True) if usable} == {"swh_Latn"}
    assert int(mask.sum()) == 10
    assert not pool.usable(Query("x", "fra_Latn"), ["fra_Latn"]).any()


def test_too_small_a_pool_is_refused_with_the_numbers(pool: Pool) -> None:
    query = Query("x", "eng_Latn", item="item-0")
    mask = pool.usable(query)
    pool.require(mask, 9, query)  # nine other items: enough
    with pytest.raises(
        PoolTooSmall, match=r"^10 demonstrations.*only 9 different items.*30 examples.*eng_Latn.*lower K"
    ):
        pool.require(mask, 10, query)


def test_empty_pool_is_refused() -> None:
    with pytest.raises(PoolTooSmall, match="empty"):
        Pool(())


def test_pool_with_a_single_label_is_refused_for_a_task_with_labels() -> None:
    pool = Pool(tuple(Example(name, name, "fra_Latn", name, "travel") for name in "ab"))
    with pytest.raises(InvalidData, match="travel"):
        check_pool(pool, ("travel", "sports"))
    check_pool(pool, ())  # free text has no labels


def test_groups_are_equal_exactly_within_an_item(pool: Pool) -> None:
    for i, first in enumerate(pool.examples):
        for j, second in enumerate(pool.examples):
            assert (pool.groups[i] == pool.groups[j]) == (first.item == second.item)


def test_side_finds_the_same_item_in_another_language(pool: Pool) -> None:
    side = pool.side("item-2", "swh_Latn")
    assert side is not None
    assert side.text == SENTENCES[2][3]
    assert pool.side("item-2", "deu_Latn") is None


def test_normal_form_folds_case_and_space() -> None:
    assert normal_form(" Große\t Straße\n") == "grosse strasse"
