"""The steps of a tuning run: losses by hand, what learns, and that a run that was stopped is the same run."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import toy_examples

from core.errors import InvalidData
from core.training.tuning.loop import answer_loss, by_length, teacher_loss


def learnt(loop: Any) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in loop.learnt.items()}


def test_the_answer_loss_is_the_mean_surprise_of_the_gold_labels() -> None:
    log_probs = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]).log()
    assert float(answer_loss(log_probs, torch.tensor([0, 1]))) == pytest.approx(
        (-math.log(0.5) - math.log(0.1)) / 2, rel=1e-6
    )


def test_the_teacher_loss_is_the_divergence_weighted_by_the_margin() -> None:
    teacher, own = torch.tensor([[0.7, 0.3], [0.5, 0.5]]), torch.tensor([[0.5, 0.5], [0.9, 0.1]])
    divergence = 0.7 * math.log(0.7 / 0.5) + 0.3 * math.log(0.3 / 0.5)
    found = teacher_loss(own.log(), teacher.log())
    assert float(found) == pytest.approx(0.4 * divergence / 2, rel=1e-5)  # the hesitant teacher's weight is 0


def test_the_teacher_has_no_gradient() -> None:
    teacher = torch.tensor([[0.7, 0.3]]).log().requires_grad_()
    own = torch.tensor([[0.5, 0.5]]).log().requires_grad_()
    teacher_loss(own, teacher).backward()  # type: ignore[no-untyped-call]
    assert teacher.grad is None
    assert own.grad is not None and own.grad.abs().max() > 0


def test_rows_of_like_length_are_answered_together(make_tuning: Any, tmp_path: Path) -> None:
    rows = make_tuning(tmp_path / "a", contexts=("random", "zero-shot")).rows[:6]
    parts = by_length(rows, 3)
    assert sorted(map(id, rows)) == sorted(id(row) for part in parts for row in part)
    assert {len(row.ask.context) for row in parts[0]} == {0}
    assert {len(row.ask.context) for row in parts[-1]} == {2}


@pytest.mark.parametrize("method", ["lora", "prompt"])
@pytest.mark.parametrize("objective", ["answer", "align"])
def test_what_is_to_learn_alone_learns_and_the_loss_falls(
    make_tuning: Any, tmp_path: Path, objective: str, method: str
) -> None:
    settings = {"objective": objective, "method": method, "prompt_rate": 0.05, "steps": 16}
    loop = make_tuning(tmp_path / "a", contexts=("zero-shot",), teacher="random", **settings)
    frozen = {name: w.clone() for name, w in loop.model.network.named_parameters() if name not in loop.learnt}
    before = learnt(loop)
    assert loop.run()
    assert before and all(("lora_" if method == "lora" else "soft_prompt") in name for name in before)
    assert any(not torch.equal(after, before[name]) for name, after in learnt(loop).items())
    assert all(torch.equal(w, frozen[n]) for n, w in loop.model.network.named_parameters() if n in frozen)
    lines = [json.loads(line) for line in (tmp_path / "a" / "log.jsonl").read_text().splitlines()]
    losses = [line[f"loss_{objective}"] for line in lines[1:]]
    assert sum(losses[-4:]) < sum(losses[:4])
    assert set(lines[0]["development"]) == set(lines[-1]["development"]) >= {"zero-shot"}
    assert set(lines[0]["accuracy"]) == set(lines[-1]["accuracy"]) != set()


@pytest.mark.parametrize("method", ["lora", "prompt"])
def test_a_stopped_run_goes_on_bit_for_bit(make_tuning: Any, tmp_path: Path, method: str) -> None:
    whole = make_tuning(tmp_path / "whole", method=method)
    assert whole.run()
    calls: list[int] = []
    part = make_tuning(tmp_path / "part", method=method)
    assert not part.run(stop=lambda: calls.append(0) is None and len(calls) > 2)
    rest = make_tuning(tmp_path / "part", method=method)
    assert rest.run()
    assert all(torch.equal(weight, learnt(rest)[name]) for name, weight in learnt(whole).items())
    assert (rest.before, rest.after) == (whole.before, whole.after)
    told = [
        [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in path.read_text().splitlines()]
        for path in (tmp_path / "whole" / "log.jsonl", tmp_path / "part" / "log.jsonl")
    ]
    assert told[0] == told[1]


def test_another_configuration_does_not_go_on_with_a_run(make_tuning: Any, tmp_path: Path) -> None:
    assert make_tuning(tmp_path / "a").run()
    with pytest.raises(InvalidData, match="belongs to another run: its config"):
        make_tuning(tmp_path / "a", rate=0.02).run()


def test_a_loss_that_is_not_finite_is_told_and_nothing_is_lost(make_tuning: Any, tmp_path: Path) -> None:
    loop = make_tuning(tmp_path / "a")
    assert loop._step()["right"] >= 0
    kept = learnt(loop)
    with torch.no_grad():
        next(iter(loop.learnt.values())).fill_(math.nan)
    with pytest.raises(InvalidData, match=r"at step 2; the run stopped before it and is saved in .*Lower rate"):
        loop._step()
    assert (tmp_path / "a" / "checkpoints" / "step-000001").is_dir()
    assert kept


def test_no_gold_label_teaches_the_objective_without_labels(make_tuning: Any, tmp_path: Path) -> None:
    """Other gold labels of the queries, and every weight is the same; with labels it is not."""
    swapped = [replace(e, label="travel" if e.label != "travel" else "sports") for e in toy_examples()]
    results = {}
    for objective in ("align", "answer"):
        for name, queries in (("gold", None), ("swapped", swapped)):
            loop = make_tuning(tmp_path / f"{objective}-{name}", queries=queries, objective=objective, steps=2)
            loop.run()
            results[objective, name] = learnt(loop)
    same = {
        objective: all(
            torch.equal(weight, results[objective, "swapped"][name])
            for name, weight in results[objective, "gold"].items()
        )
        for objective in ("align", "answer")
    }
    assert same == {"align": True, "answer": False}
