"""Steps of the decoder: what they move, how their rate goes, and a run that goes on where it stopped."""

import copy
import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pretraining_toys import DECODER, EPISODES, new_decoder, toy_bank

from core.embedded.config import DecoderConfig
from core.embedded.decoder import DecoderTrainer
from core.embedded.episodes import Material, RowSampler
from core.embedded.rows import EpisodeWriter, Row, TeacherTable

Maker = Callable[..., DecoderTrainer]


@pytest.fixture
def make(
    writer: EpisodeWriter, material: Material, table: torch.Tensor, teacher: dict[str, np.ndarray], tmp_path: Path
) -> Iterator[Maker]:
    """Makes trainers, each in a folder of its own name."""
    threads = torch.get_num_threads()

    def made(name: str, config: DecoderConfig = DECODER) -> DecoderTrainer:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        sampler = RowSampler(material, writer, EPISODES, config.row_tokens)
        targets = TeacherTable.of(teacher, config.meaning)
        return DecoderTrainer(new_decoder(table, config), sampler, toy_bank(material), targets, config, folder)

    yield made
    torch.set_num_threads(threads)


@pytest.fixture
def trainer(make: Maker) -> DecoderTrainer:
    return make("a")


def changed(trainer: DecoderTrainer, steps: range) -> set[str]:
    """Names of the weights that some steps move."""
    before = copy.deepcopy(trainer.model.state_dict())
    for step in steps:
        trainer.step(step)
    return {name for name, value in trainer.model.state_dict().items() if not torch.equal(value, before[name])}


def test_steps_stay_finite_and_move_every_weight(trainer: DecoderTrainer) -> None:
    before = copy.deepcopy(trainer.model.state_dict())
    for step in range(DECODER.steps):
        figures = trainer.step(step)
        assert all(math.isfinite(value) for value in figures.values()), figures
    after = trainer.model.state_dict()
    assert all(torch.isfinite(value).all() for value in after.values())
    assert not [name for name, value in after.items() if torch.equal(value, before[name])]


def test_reading_steps_leave_the_upper_half_untouched_and_later_steps_move_it(make: Maker) -> None:
    trainer = make("a", replace(DECODER, steps=6, reading_steps=3))
    upper = {name for name in trainer.model.state_dict() if name.startswith(("model.layers.1.", "model.layers.2."))}
    lower = {name for name in trainer.model.state_dict() if name.startswith("model.layers.0.")}
    moved = changed(trainer, range(3))
    assert not moved & {*upper, "model.norm.weight"}
    assert lower | {"model.embed_tokens.weight"} <= moved
    assert {*upper, "model.norm.weight"} <= changed(trainer, range(3, 6))


def noting(trainer: DecoderTrainer) -> dict[str, torch.Tensor]:
    """What writes to the note of a state before the look-up layer, but for the head that is to."""
    note, size = DECODER.note, DECODER.hidden // DECODER.heads
    layers = trainer.model.model.layers
    found = {"vectors": trainer.model.get_input_embeddings().weight[:, -note:]}
    found |= {f"feed-forward {n}": layers[n].mlp.down_proj.weight[-note:] for n in (0, 1)}
    found["attention 0"] = layers[0].self_attn.o_proj.weight[-note:]
    found["attention 1"] = layers[1].self_attn.o_proj.weight[-note:, size:]
    return {name: weight.detach() for name, weight in found.items()}


def test_only_the_noting_head_writes_to_the_note(make: Maker) -> None:
    trainer = make("a", replace(DECODER, weight_decay=0.0))  # decay would move the head, too
    head = trainer.model.model.layers[1].self_attn.o_proj.weight
    before = head[-DECODER.note :, : DECODER.hidden // DECODER.heads].detach().clone()
    for step in range(DECODER.steps):
        trainer.step(step)
    assert {name for name, weight in noting(trainer).items() if weight.any()} == set()
    assert not torch.equal(head[-DECODER.note :, : DECODER.hidden // DECODER.heads], before)
    looking = trainer.model.model.layers[2]
    assert looking.mlp.down_proj.weight[-DECODER.note :].any()  # free from there on
    plain = make("b", replace(DECODER, circuit=False))
    for step in range(DECODER.steps):
        plain.step(step)
    assert all(weight.any() for weight in noting(plain).values())


def test_reading_steps_log_what_they_learn_from(make: Maker) -> None:
    trainer = make("a", replace(DECODER, reading_steps=1))
    assert set(trainer.step(0)) == {"summary", "growth", "alignment"}
    assert set(trainer.step(1)) == {"answers", "text", "summary", "growth", "pointer", "alignment"}


def only(kind: str, **weights: float) -> DecoderConfig:
    """Rows of one kind from the first step on; losses without a weight of their own count 0, that of answers 1."""
    off = dict.fromkeys([f"{loss}_weight" for loss in ("text", "summary", "alignment", "pointer", "growth")], 0.0)
    settings = replace(DECODER, reading_steps=0, head_share=1.0, weight_decay=0.0, shares_first={kind: 1.0})
    return replace(settings, **(off | weights))  # type: ignore[arg-type]


def test_without_weights_rows_without_answers_move_nothing(make: Maker) -> None:
    assert changed(make("a", only("translation")), range(1)) == set()


@pytest.mark.parametrize("loss", ["text_weight", "summary_weight", "alignment_weight"])
def test_a_loss_with_a_weight_moves_the_model(loss: str, make: Maker) -> None:
    assert changed(make("a", only("translation", **{loss: 1.0})), range(1))


def test_the_growth_loss_shortens_states_that_are_too_long(make: Maker) -> None:
    moved = {}
    for weight in (0.0, 1.0):
        trainer = make(str(weight), only("translation", growth_weight=weight))
        with torch.no_grad():
            trainer.model.get_input_embeddings().weight.mul_(4)  # about twice what is free
        figures = [trainer.step(0)["growth"], trainer.step(0)["growth"]]
        moved[weight] = figures[1] - figures[0]
    assert moved[1.0] < moved[0.0] == 0.0


def test_the_pointer_loss_trains_the_look_up(make: Maker) -> None:
    plain, pointed = make("a", only("sentiment")), make("b", only("sentiment", pointer_weight=1.0))
    for trainer in (plain, pointed):
        trainer.step(0)
    queries = [trainer.model.model.layers[2].self_attn.q_proj.weight for trainer in (plain, pointed)]
    assert not torch.equal(*queries)


def test_reading_steps_bring_the_summary_loss_down(make: Maker) -> None:
    trainer = make("a", replace(DECODER, steps=40, reading_steps=40, rows=8, sentences=20, learning_rate=0.02))
    figures = [trainer.step(step)["summary"] for step in range(40)]
    assert sum(figures[-8:]) < 0.8 * sum(figures[:8])


def test_shares_change_after_the_first_part(trainer: DecoderTrainer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, float]] = []
    real = trainer.sampler.row

    def row(rng: random.Random, shares: dict[str, float]) -> Row:
        seen.append(shares)
        return real(rng, shares)

    monkeypatch.setattr(trainer.sampler, "row", row)
    for step in range(5):
        trainer.step(step)
    # 0.4 of 5 steps are 2, with 2 rows each.
    assert seen == [DECODER.shares_first] * 4 + [DECODER.shares_then] * 6


def test_token_vectors_lower_half_and_circuit_learn_at_their_own_rates(make: Maker) -> None:
    config = replace(DECODER, layers=4, lower_rate=0.25, circuit_rate=0.5, warm_up=0, reading_steps=0)
    trainer = make("a", config)
    groups = [(id(p), group) for group in trainer.optimiser.param_groups for p in group["params"]]
    assert len(groups) == len(dict(groups)) == len(list(trainer.model.parameters()))  # every weight is in one group
    for name, weight in trainer.model.named_parameters():
        group = dict(groups)[id(weight)]
        share = 1.0
        if name.startswith(("model.layers.0.", "model.layers.1.", "model.embed_tokens")):
            share = 0.25
        elif name.startswith(("model.layers.2.self_attn", "model.layers.3.self_attn")):
            share = 0.5
        assert group["lr"] == pytest.approx(config.learning_rate * share), name
        decayed = weight.ndim > 1 and "embed_tokens" not in name
        assert group["weight_decay"] == (config.weight_decay if decayed else 0.0), name


def test_the_rate_warms_up_twice_and_falls_to_a_twentieth(make: Maker) -> None:
    """Warm-up over 2 steps at the beginning and again after 4 reading steps; a cosine from 1 to 0.05 over steps 2 to 10.

    At a share s of it the rate is 0.05 + 0.95 * (1 + cos(pi s)) / 2: at 1/2 that is 0.525, at 3/4 0.05 + 0.475 * (1 - sqrt(1/2)).
    """
    trainer = make("a", replace(DECODER, steps=10, reading_steps=4, warm_up=2))
    rates = [trainer._rate(step) for step in (0, 1, 2, 4, 5, 6, 8, 10)]
    late = 0.05 + 0.475 * (1 - math.sqrt(0.5))
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.5, 1.0, 0.525, late, 0.05])


def test_the_lower_half_learns_fast_while_it_learns_to_read_and_slowly_after(make: Maker) -> None:
    config = replace(DECODER, steps=6, reading_steps=2, warm_up=0, reading_rate=0.5, lower_rate=0.125)
    trainer = make("a", config)
    lower = next(group for group in trainer.optimiser.param_groups if group["part"] == "lower")
    rates = []
    for step in range(4):
        rates.append(lower["lr"] / (config.learning_rate * trainer._rate(step)))
        trainer.step(step)
    assert rates == pytest.approx([0.5, 0.5, 0.125, 0.125])


def test_a_run_that_was_stopped_ends_bit_for_bit_like_one_that_was_not(
    make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(DECODER, reading_steps=2)  # at the checkpoint, the upper half has no moments yet
    trainer = make("a", config)
    trainer.run(lambda line: None, save_every=2)
    stopped = make("b", config)
    real = stopped.step

    def killed(step: int) -> dict[str, float]:
        if step == 3:  # after the checkpoint of step 2, so that one step is lost and done again
            raise KeyboardInterrupt
        return real(step)

    monkeypatch.setattr(stopped, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(lambda line: None, save_every=2)
    torch.manual_seed(99)  # draws may depend on (seed, step) alone
    random.seed(99)
    resumed = make("b", config)
    with torch.no_grad():
        resumed.model.lm_head.weight.add_(1.0)  # the checkpoint must replace whatever is there
    resumed.run(lambda line: None, save_every=2)
    whole, again = trainer.model.state_dict(), resumed.model.state_dict()
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    states = [t.optimiser.state_dict()["state"] for t in (trainer, resumed)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][k]["exp_avg_sq"], states[1][k]["exp_avg_sq"]) for k in states[0])


def test_the_end_of_the_reading_steps_is_kept(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make("a", replace(DECODER, reading_steps=3))
    real = trainer.step
    monkeypatch.setattr(trainer, "step", lambda step: real(step) if step < 3 else pytest.fail("killed"))
    with pytest.raises(pytest.fail.Exception):
        trainer.run(lambda line: None)
    assert torch.load(trainer.folder / "checkpoint.pt", weights_only=True)["step"] == 3


def test_a_finished_run_trains_no_further(trainer: DecoderTrainer, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer.run(lambda line: None)
    monkeypatch.setattr(trainer, "step", lambda step: pytest.fail("trained on"))
    trainer.run(lambda line: None)


def test_the_log_has_a_line_every_ten_steps(make: Maker, tmp_path: Path) -> None:
    lines: list[str] = []
    make("a", replace(DECODER, steps=50, rows=1, row_tokens=128, reading_steps=20)).run(lines.append)
    log = [json.loads(line) for line in (tmp_path / "a" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["step"] for entry in log] == [10, 20, 30, 40, 50]
    assert "answers" not in log[1]
    assert "answers" in log[2]
    assert len(lines) == 1
    assert lines[0].startswith("decoder: step 50 of 50, text ")
