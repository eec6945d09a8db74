"""Pools with copies, without ids, and with two labels for one text."""

from dataclasses import replace
from pathlib import Path

import pytest
from toys import toy_examples

from core.cli import check
from core.data.checks import check_demonstrations, unguarded
from core.data.pool import Pool
from core.inference.predictor import Question
from core.records import Example, Query
from core.selection.strategies import STRATEGIES
from core.workbench import Workbench

COPIES = (
    Example("1", "1", "fra_Latn", "Le bus part pour la côte.", "travel"),
    Example("2", "2", "fra_Latn", "Le bus part pour la côte", "travel"),
    Example("3", "3", "fra_Latn", "le bus  part pour la CÔTE !", "sports"),
    Example("4", "4", "swh_Latn", "Alishinda mbio ndefu.", "sports"),
    Example("5", "5", "fra_Latn", "Le maire a perdu le vote.", "politics"),
)


def test_near_identical_rows_are_one_group_and_items_that_share_a_text_too() -> None:
    pool = Pool(
        (
            *COPIES,
            Example("6", "item", "swh_Latn", "Basi linaondoka.", "travel"),
            replace(COPIES[0], id="7", item="item"),
        )
    )
    first, *_ = pool.groups
    assert [example.id for example, group in zip(pool.examples, pool.groups, strict=True) if group == first] == [
        *"123",
        "6",
        "7",
    ]


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name not in ("self-generated", "zero-shot")])
def test_copies_without_ids_never_fill_a_context(strategy: str, bench: Workbench) -> None:
    """One sentence stood three times in a context of three, with two labels side by side."""
    workbench = Workbench(bench.model, bench.encoder, pools={"topic": Pool(COPIES)})  # type: ignore[arg-type]
    predictor = workbench.predictor("topic")
    predictor.model_judge.writing = replace(predictor.model_judge.writing, max_tokens=4)
    demonstrations = predictor.select(Question(Query("The bus leaves.", "eng_Latn"), strategy, 3)).demonstrations
    assert len({example.example.text.casefold()[:6] for example in demonstrations}) == len(demonstrations) == 3


def test_a_copy_of_the_query_in_a_row_of_another_item_is_kept_out_with_its_translations() -> None:
    pool = Pool(
        (
            *COPIES[3:],
            Example("9", "nine", "deu_Latn", "Der Bus.", "travel"),
            Example("10", "nine", "eng_Latn", "The bus!", "travel"),
        )
    )
    usable = pool.usable(Query("the  bus", "fra_Latn"))  # whatever language it is said to be in
    assert [example.id for example, may in zip(pool.examples, usable, strict=True) if may] == ["4"]


def test_conflicting_labels_of_one_text_are_told_beside_copies() -> None:
    problems = [(problem.kind, problem.message) for problem in check_demonstrations(COPIES)]
    assert ("conflict", "3 has the label 'sports', and 1, which says the same, 'travel'") in problems
    assert ("duplicate", "2 has the text of 1") in problems


def test_rows_without_items_are_counted_once_and_not_called_incomplete() -> None:
    problems = [problem for problem in check_demonstrations(COPIES) if problem.kind in ("ids", "completeness")]
    (ids,) = problems
    assert ids.message.startswith("none of the 5 rows has an index_id, so that their translations cannot be recognised")
    assert unguarded(toy_examples()) == ""
    assert unguarded((*toy_examples(), COPIES[0])).startswith("1 of 31 rows have no index_id")


def test_ask_says_of_a_pool_what_check_says(capsys: pytest.CaptureFixture[str]) -> None:
    check.report("pool.csv", COPIES)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("pool.csv: ids: none of the 5 rows has an index_id")
    assert lines[1] == "pool.csv: conflict: 3 has the label 'sports', and 1, which says the same, 'travel'"
    assert "pool.csv: duplicate: 2 has the text of 1" in lines


def test_ask_reads_the_pool_through_the_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.cli import ask
    from train import main

    path = tmp_path / "pool.csv"
    rows = "".join(f'{e.id},{e.language},"{e.text}",{e.label}\n' for e in COPIES)
    path.write_text("id,language,text,label\n" + rows, encoding="utf-8")
    pools: list[dict[str, Pool]] = []
    monkeypatch.setattr(ask, "workbench", lambda options, given: (pools.append(given), bench)[1])
    assert (
        main(["ask", "The bus leaves.", "--language", "en", "--pool", str(path), "--strategy", "random", "--k", "1"])
        == 0
    )
    assert len(pools[0]["topic"]) == len(COPIES)
    assert "conflict: 3 has the label 'sports'" in capsys.readouterr().err
