"""The choice of prompt and calibration: named items of the pool, every variant by every calibration, and the best of them."""

from dataclasses import replace

import pytest

from core.data.prompt_variants import prompt_variants
from core.errors import InvalidData
from core.experiments.prompt_choice import IN_BATCH, PromptChoiceConfig, best_of, chosen_queries, prompt_choice
from core.inference.label_scores import CALIBRATIONS
from core.workbench import Workbench

CONFIG = PromptChoiceConfig(("eng_Latn", "swh_Latn"), items=4, each=1, strategy="random", k=1)


def test_items_are_different_and_their_languages_take_turns(bench: Workbench) -> None:
    pool = bench.predictor("topic").index.pool.examples
    queries = chosen_queries(pool, CONFIG)
    assert [query.language for query in queries] == ["eng_Latn", "swh_Latn"] * 2
    assert len({query.item for query in queries}) == 4
    both = chosen_queries(pool, replace(CONFIG, each=2))
    assert [query.item for query in both[::2]] == [query.item for query in queries]
    with pytest.raises(InvalidData, match="The pool has 10 items in all of the languages named, but 11 are needed"):
        chosen_queries(pool, replace(CONFIG, items=11))


def test_the_record_has_a_row_for_every_variant_strategy_and_calibration(bench: Workbench) -> None:
    predictor = bench.predictor("topic")
    entry = prompt_choice([bench], predictor.task, predictor.index.pool.examples, CONFIG, lambda share, stage: None)
    rows = entry["tables"]["variants"]
    plain = [name for name, variant in prompt_variants().items() if not variant.chat]  # the toy has no chat template
    assert {row["prompt"] for row in rows} == set(plain)
    assert len(rows) == len(plain) * 2 * (len(CALIBRATIONS) + 1)
    assert all(0 <= row["accuracy"] <= 1 and row["n"] == 4 for row in rows)
    assert len(entry["items"]) == 4


def test_the_best_is_one_that_a_single_question_can_have() -> None:
    def row(calibration: str, accuracy: float, strategy: str = "knn") -> dict[str, object]:
        return {"model": "m", "strategy": strategy, "calibration": calibration, "accuracy": accuracy}

    rows = [row("none", 0.5), row("domain", 0.6), row(IN_BATCH, 0.9), row("none", 0.8, "zero-shot")]
    assert best_of(rows, "m", "knn")["calibration"] == "domain"
