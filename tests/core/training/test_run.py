"""Whole runs at toy size: what learns, what is written down, and that a killed or split run is the same run.

Tests of `core.training.trainer`.
"""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from programs import closed_loop, exit_code, two_processes
from toys import LetterEncoder, byte_tokenizer, tiny_llama_config, tiny_model, toy_examples

from core.errors import InvalidConfig, InvalidData, PoolTooSmall
from core.models.loading import ModelConfig, load_model
from core.training.config import LossConfig, OptimConfig, WritingConfig
from core.training.run import fit, verdict
from core.training.run_log import KEYS, RunLog
from core.training.trainer import LossNotFinite

ROOT = Path(__file__).resolve().parents[3]
TIMED = ("seconds",)


def learnt(loop: Any) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in loop.learner.named_parameters() if p.requires_grad}


def lines(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in TIMED} for line in RunLog(folder / "log.jsonl").lines()]


@pytest.mark.parametrize("mode", ["supervised", "self"])
def test_a_run_learns_and_writes_its_result(make_loop: Any, tmp_path: Path, mode: str) -> None:
    loop = make_loop(tmp_path, mode=mode, answer_languages=2)
    before = learnt(loop)
    entry = fit(loop)
    after = learnt(loop)
    assert any("lora_B" in name and not torch.equal(after[name], before[name]) for name in before)
    assert not torch.equal(after["projection"], before["projection"])
    assert not torch.equal(after["log_temperature"], before["log_temperature"])
    assert entry is not None and set(entry["after"]) == {"zero-shot", "knn", "agl", "random labels"}
    assert "development items" in verdict(entry)
    assert json.loads((tmp_path / "run.json").read_text())["iterations"] == 4
    log = lines(tmp_path)
    assert [line["iteration"] for line in log] == [0, 1, 2, 3, 4]
    assert set(log[4]) <= set(KEYS)
    assert [bool(line.get("development")) for line in log] == [True, False, True, False, True]


def test_no_gold_label_reaches_the_self_supervised_mode(make_loop: Any, tmp_path: Path) -> None:
    """Other gold labels of the queries, and every weight is the same."""
    queries = toy_examples()
    swapped = tuple(replace(e, label="travel" if e.label != "travel" else "sports") for e in queries)
    runs = [
        make_loop(tmp_path / name, queries=asked, mode="self", answer_languages=2)
        for name, asked in (("a", queries), ("b", swapped))
    ]
    for loop in runs:
        fit(loop)
    first, second = (learnt(loop) for loop in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_gold_labels_do_reach_the_supervised_mode(make_loop: Any, tmp_path: Path) -> None:
    queries = toy_examples()
    swapped = tuple(replace(e, label="travel" if e.label != "travel" else "sports") for e in queries)
    runs = [make_loop(tmp_path / name, queries=asked) for name, asked in (("a", queries), ("b", swapped))]
    for loop in runs:
        fit(loop)
    assert not torch.equal(learnt(runs[0])["projection"], learnt(runs[1])["projection"])


def test_development_items_are_neither_shown_nor_asked(make_loop: Any, tmp_path: Path) -> None:
    loop = make_loop(tmp_path)
    held = {query.item for query in loop.development.queries}
    assert held
    assert not held & {example.item for example in loop.pool.pool.examples}
    for iteration in range(1, 20):
        assert not held & {example.item for example in loop.maker.queries(iteration)}


def test_a_stopped_run_goes_on_bit_for_bit(make_loop: Any, tmp_path: Path) -> None:
    whole = make_loop(tmp_path / "whole")
    fit(whole)
    seen: list[int] = []
    stopped = make_loop(tmp_path / "parts")
    assert fit(stopped, progress=lambda iteration, line: seen.append(iteration), stop=lambda: len(seen) >= 3) is None
    again = make_loop(tmp_path / "parts")
    assert fit(again) is not None
    first, second = learnt(whole), learnt(again)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert lines(tmp_path / "whole") == lines(tmp_path / "parts")


def test_kill_minus_nine_loses_nothing_that_was_saved(make_loop: Any, tmp_path: Path) -> None:
    """Killed after iteration 3 was logged and before it was saved; the second process goes on from iteration 2."""
    from safetensors.torch import load_file

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert exit_code(closed_loop, whole, 99, tmp_path / "whole.safetensors") == 0
    assert exit_code(closed_loop, killed, 3, tmp_path / "unused") == -signal.SIGKILL
    assert [line["iteration"] for line in lines(killed)] == [0, 1, 2, 3]
    assert exit_code(closed_loop, killed, 99, tmp_path / "killed.safetensors") == 0
    assert lines(whole) == lines(killed)
    first, second = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    """Gradients are averaged over processes in another order, and Adam divides by their size: equal to about 1e-4."""
    from safetensors.torch import load_file

    assert exit_code(closed_loop, tmp_path / "one", 99, tmp_path / "one.safetensors") == 0
    assert two_processes(closed_loop, tmp_path / "two", 99, tmp_path / "two.safetensors") == [0, 0]
    assert (tmp_path / "two" / "processes").read_text() == "2"
    one, two = (load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two"))
    torch.testing.assert_close(one, two, atol=2e-4, rtol=1e-3)
    rewards = [[line.get("reward") for line in lines(tmp_path / name)] for name in ("one", "two")]
    assert rewards[0][1:] == pytest.approx(rewards[1][1:], abs=1e-3)


def test_accumulated_batches_give_the_gradient_of_the_whole(make_loop: Any, tmp_path: Path, short: Any) -> None:
    whole = make_loop(tmp_path / "whole")
    parts = make_loop(tmp_path / "parts", optim=replace(short.optim, accumulate=2))
    gradients = []
    for loop in (whole, parts):
        batches = loop.maker.batches(1, loop.pool.pool, {}, 0, 1)
        for batch in batches:
            (loop.learner(batch).losses["total"] / len(batches)).backward()
        gradients.append({name: p.grad for name, p in loop.learner.named_parameters() if p.grad is not None})
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("teacher", ["stop_gradient", "ema", "base", "both"])
def test_the_with_context_side_learns_only_where_it_is_told_to(make_loop: Any, tmp_path: Path, teacher: str) -> None:
    """``both`` differs from the others in the gradient of the alignment loss alone, through the prompts with demonstrations."""
    losses = LossConfig(teacher=teacher, gate=False, rl=0, coherence=0, reference=0, variance_floor=0)
    loop = make_loop(tmp_path, losses=losses)
    graded: list[int] = []
    asker = loop.learner.asker
    original = asker.graded
    asker.graded = lambda asks: graded.append(max(len(ask.context) for ask in asks)) or original(asks)
    loop.learner(loop.maker.batches(1, loop.pool.pool, {}, 0, 1)[0])
    assert graded == ([0, 2] if teacher == "both" else [0])


def test_a_loss_that_is_no_number_stops_the_run_and_saves_it(make_loop: Any, tmp_path: Path) -> None:
    loop = make_loop(tmp_path)

    def poison(iteration: int, line: dict[str, Any]) -> None:
        if iteration == 2:
            with torch.no_grad():
                loop.learner.log_temperature.fill_(float("nan"))

    with pytest.raises((LossNotFinite, InvalidConfig), match=r"nan"):
        fit(loop, progress=poison)


def test_a_gradient_that_is_no_number_names_the_step(make_loop: Any, tmp_path: Path) -> None:
    loop = make_loop(tmp_path)
    loop.learner.projection.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(
        LossNotFinite, match=r"The gradient is (nan|inf) at iteration 1; the run stopped before that step and is saved"
    ):
        fit(loop)
    assert (tmp_path / "checkpoints" / "step-000000" / "manifest.json").is_file()


def test_another_runs_folder_is_refused(make_loop: Any, tmp_path: Path, short: Any) -> None:
    fit(make_loop(tmp_path))
    with pytest.raises(InvalidData, match=r"belongs to another run: its config is"):
        fit(make_loop(tmp_path, seed=1))


def test_data_that_teach_nothing_are_refused(make_loop: Any, tmp_path: Path) -> None:
    examples = toy_examples()
    english = tuple(e for e in examples if e.language == "eng_Latn")
    with pytest.raises(InvalidData, match=r"All 8 examples of the pool are in eng_Latn; a context is cross-lingual"):
        make_loop(tmp_path, pool=english)
    with pytest.raises(InvalidData, match=r"have the label 'sports'"):
        make_loop(tmp_path, pool=tuple(replace(e, label="sports") for e in examples))
    with pytest.raises(PoolTooSmall, match=r"9 demonstrations were asked for"):
        make_loop(tmp_path, policy=replace(make_loop(tmp_path / "x").config.policy, k=9))
    with pytest.raises(InvalidConfig, match=r"optim.queries is 4 and optim.accumulate 3"):
        OptimConfig(queries=4, accumulate=3)


def test_written_pairs_are_filtered_and_counted(make_loop: Any, tmp_path: Path) -> None:
    """The toy model writes bytes at random: every attempt is rejected with a declared reason, and each is counted once."""
    from core.training.writing import REASONS

    loop = make_loop(tmp_path, writing=WritingConfig(pairs=4, shown=2, max_tokens=8))
    fit(loop)
    for line in lines(tmp_path)[1:]:
        assert set(line["rejected"]) <= set(REASONS)
        assert line["written"] + sum(line["rejected"].values()) == 4


def test_an_adapter_learns_on_a_base_in_four_bits(short: Any, tasks: Any, tmp_path: Path) -> None:
    """QLoRA on the CPU: the quantised weights stay what they were, the adapter's do not, also after passes without a gradient."""
    from core.training.run import prepare

    tokenizer = byte_tokenizer()
    config = tiny_llama_config(tokenizer, hidden_size=64, intermediate_size=128, max_position_embeddings=2048)
    tiny_model(tokenizer, config, spread=1.0).network.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    model = load_model(ModelConfig(str(tmp_path / "base"), "nf4", device="cpu"))
    settings = replace(short, optim=replace(short.optim, iterations=2))
    loop = prepare(settings, model, LetterEncoder(), tasks["topic"], toy_examples(), None, tmp_path / "run")
    weights = [p for p in model.network.parameters() if p.dtype == torch.uint8]
    held, before = [p.clone() for p in weights], learnt(loop)
    assert held
    assert fit(loop) is not None
    assert all(torch.equal(p, q) for p, q in zip(weights, held, strict=True))
    moved = [name for name, value in learnt(loop).items() if "lora_B" in name and not torch.equal(value, before[name])]
    assert len(moved) == sum("lora_B" in name for name in before)
