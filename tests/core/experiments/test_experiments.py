"""Consistency, low resource, unseen and scaling at toy size: what they ask, what they compare, that they go on, what they refuse.

Tests of `core.experiments.consistency_tables`, `core.experiments.lowresource`, `core.experiments.scaling`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from experiment_toys import other_queries
from toys import LANGUAGES, toy_examples

from core.data.pool import Pool
from core.errors import InvalidConfig, InvalidData
from core.experiments import consistency as consistency_module
from core.experiments import lowresource as lowresource_module
from core.experiments import runner
from core.experiments.consistency import ConsistencyConfig, consistency, in_all_languages
from core.experiments.lowresource import LowResourceConfig, draws_of, low_resource
from core.experiments.runner import printed
from core.experiments.scaling import ScalingConfig, scaling
from core.experiments.unseen import UnseenConfig, in_english, unseen
from core.models.loading import LanguageModel, ModelConfig
from core.progress import silent
from core.records import Query
from core.report.schema import check
from core.workbench import Workbench


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("a finished pass was made again")


def test_consistency_asks_the_same_items_everywhere_and_resumes(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ConsistencyConfig(LANGUAGES, ("agl", "random", "zero-shot"), 2, (0, 1), 4, 5)
    arguments = (config, bench.predictor("topic"), other_queries(), toy_examples(), tmp_path, silent)
    entry = consistency(*arguments)
    check(entry, "consistency")
    rows = {row["strategy"]: row for row in entry["tables"]["agreement by strategy"]}
    assert [rows[name]["seeds"] for name in ("agl", "random", "zero-shot")] == [1, 2, 1]
    assert all(low <= value <= high for value, low, high in (row["accuracy"] for row in rows.values()))
    assert [row["layer"] for row in entry["tables"]["alignment by layer"]] == [0, 1, 2]
    assert len(entry["pairs"]) == 3
    assert "Fleiss' kappa" in printed(entry)
    monkeypatch.setattr(runner, "evaluate", refuse)
    monkeypatch.setattr(consistency_module, "layer_means", refuse)
    assert consistency(*arguments)["tables"] == entry["tables"]


def test_consistency_needs_two_languages_and_shared_items() -> None:
    with pytest.raises(InvalidConfig, match="between languages, but 1 was given; name two or more"):
        ConsistencyConfig(("eng_Latn",), ("agl",), 2, (0,), 6, 5)
    with pytest.raises(InvalidData, match="The queries hold no example in hin_Deva"):
        in_all_languages(other_queries(), ("eng_Latn", "hin_Deva"), 2, "queries")
    with pytest.raises(
        InvalidData, match="11 items of the queries were asked for, but 10 are there in all 3 languages"
    ):
        in_all_languages(other_queries(), LANGUAGES, 11, "queries")


def test_a_pool_shows_a_querys_own_language_only_where_it_says_so() -> None:
    query = Query("A robot repairs the pipe.", "eng_Latn", "item-0")
    own, crossing = Pool(toy_examples(), cross_lingual=False), Pool(toy_examples())
    assert own.usable(query).sum() == 27  # all but the three sides of item 0
    assert crossing.usable(query).sum() == 18


def test_low_resource_grows_the_pool_in_the_language_itself_and_beside_it(
    bench: Workbench, tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = LowResourceConfig((0, 1, 10), ("others", "own", "both"), "agl", 2, (0, 1), 2)
    arguments = (config, bench, tasks["topic"], toy_examples(), other_queries(), tmp_path, silent)
    shown: list[tuple[bool, int, int, bool]] = []  # cross-lingual, examples, K, own language shown
    real = lowresource_module.evaluate

    def watched(predictor: Any, queries: Any, asked: Any, told: Any) -> Any:
        table = real(predictor, queries, asked, told)
        for row in table.itertuples():
            spoken = row.demonstration_languages
            pool = predictor.index.pool
            shown.append((pool.cross_lingual, len(pool), asked.k[0], row.language in spoken))
        return table

    monkeypatch.setattr(lowresource_module, "evaluate", watched)
    entry = low_resource(*arguments)
    check(entry, "lowresource")
    sizes = [
        (row["source"], row["items in the pool"], row["seeds"])
        for row in entry["tables"]["accuracy by number of items"]
    ]
    assert sizes == [
        *(("both", size, seeds) for size, seeds in ((0, 1), (1, 2), (10, 1))),
        *(("others", size, seeds) for size, seeds in ((0, 1), (1, 2), (10, 1))),
        *(("own", size, seeds) for size, seeds in ((1, 2), (10, 1))),
    ]
    assert (False, 10, 2, True) in shown  # own
    assert not any(own for crossing, _, _, own in shown if crossing)
    assert (False, 1, 1, True) in shown  # one item: k falls to 1
    monkeypatch.setattr(lowresource_module, "evaluate", refuse)
    assert low_resource(*arguments)["tables"] == entry["tables"]


@pytest.mark.parametrize(
    ("strategy", "seeds"), [("agl", 1), ("random", 2), ("balanced", 2), ("mdl", 2), ("task-alignment", 2)]
)
def test_every_strategy_with_chance_in_it_runs_under_all_seeds_also_over_the_whole_pool(
    strategy: str, seeds: int
) -> None:
    """mdl and task-alignment got one seed: their names stood in no list of two."""
    draws = draws_of(LowResourceConfig((10,), ("own",), strategy, 2, (0, 1), 2), whole=10)
    assert len(draws) == seeds


def test_low_resource_refuses_more_items_than_there_are(bench: Workbench, tasks: Any, tmp_path: Path) -> None:
    config = LowResourceConfig((11,), ("own",), "agl", 2, (0,), 4)
    with pytest.raises(InvalidData, match="11 items were asked for, but the pool has 10"):
        low_resource(config, bench, tasks["topic"], toy_examples(), other_queries(), tmp_path, silent)
    with pytest.raises(InvalidConfig, match="no source 'elsewhere'; choose from others, own, both"):
        replace(config, sources=("elsewhere",))


def test_unseen_languages_are_compared_with_seen_ones_item_by_item(
    bench: Workbench, tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = [replace(q, language="fin_Latn") if q.language == "swh_Latn" else q for q in other_queries()]
    config = UnseenConfig(("eng_Latn", "fra_Latn"), ("fin_Latn",), ("agl", "zero-shot"), 2, (0,), 4)
    entry = unseen(config, bench, tasks["topic"], moved, tmp_path, silent)
    check(entry, "unseen")
    groups = {(row["languages"], row["strategy"]) for row in entry["tables"]["accuracy by group of languages"]}
    assert ("unseen, family new", "agl") in groups  # Uralic beside Indo-European
    assert ("unseen, script new", "agl") not in groups
    first = entry["tables"]["groups and strategies compared"][0]
    assert (first["first"], first["second"], first["items"]) == ("agl in seen languages", "agl in unseen languages", 4)
    monkeypatch.setattr(runner, "evaluate", refuse)
    assert unseen(config, bench, tasks["topic"], moved, tmp_path, silent)["tables"] == entry["tables"]
    with pytest.raises(InvalidData, match="The queries hold no example in tir_Ethi"):
        unseen(replace(config, unseen=("tir_Ethi",)), bench, tasks["topic"], moved, tmp_path, silent)
    with pytest.raises(InvalidConfig, match="eng_Latn is named as seen and as unseen"):
        replace(config, unseen=("eng_Latn",))


def test_english_words_serve_every_language(tasks: Any) -> None:
    spoken = in_english(tasks["topic"])
    assert spoken.template("swh_Latn").language == "eng_Latn"
    assert spoken.verbaliser("swh_Latn").words == tasks["topic"].verbaliser("eng_Latn").words


def test_scaling_counts_what_a_budget_leaves(model: LanguageModel, tasks: Any, tmp_path: Path) -> None:
    config = ScalingConfig((ModelConfig("tiny"),), ("agl",), (0, 2), (0, 180), (0,), 3)
    arguments = (tasks["topic"], toy_examples(), other_queries(), tmp_path, silent, lambda _config: model)
    entry = scaling(config, *arguments)
    check(entry, "scaling")
    rows = {(row["budget"], row["K"]): row for row in entry["tables"]["accuracy"]}
    assert rows[model.context, 2]["shown"] == 2
    assert rows[180, 2]["shown"] < 2
    assert rows[180, 2]["tokens"] <= 180
    with pytest.raises(InvalidConfig, match="A budget of 30 tokens does not hold the longest query alone"):
        scaling(replace(config, budgets=(30,)), *arguments)
    with pytest.raises(InvalidConfig, match="more than 'tiny' can read: 960"):
        scaling(replace(config, budgets=(2000,)), *arguments)
