"""The losses of a step, each against a second way to compute it: episode by episode, with the model's own outputs."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from pretraining_toys import DECODER, EPISODES, alone, random_decoder, toy_bank
from transformers import LlamaForCausalLM

from core.embedded.config import DecoderConfig
from core.embedded.episodes import Material, RowSampler
from core.embedded.objectives import (
    LONGEST_STATE,
    alignment_loss,
    growth_loss,
    isolated,
    lower_half,
    reading_losses,
    row_losses,
    tensors,
)
from core.embedded.rows import ANSWER, TEXT, EpisodeWriter, Row, TeacherTable

MIDDLE = 1  # layers of the lower half of the toy decoder
EVERY = replace(DECODER, head_share=1.0)  # every position of running text is learnt


@pytest.fixture(scope="module")
def decoder() -> LlamaForCausalLM:
    """Random weights everywhere; do not change them."""
    return random_decoder()


@pytest.fixture(scope="module")
def targets(teacher: dict[str, np.ndarray]) -> TeacherTable:
    return TeacherTable.of(teacher, DECODER.meaning)


@pytest.fixture(scope="module")
def sampler(material: Material, writer: EpisodeWriter) -> RowSampler:
    return RowSampler(material, writer, EPISODES, 300)


@pytest.fixture(scope="module")
def rows(sampler: RowSampler) -> list[Row]:
    """Rows of different lengths with two episodes or more each."""
    kinds = ("topic", "text", "copy", "cluster", "sentiment", "translation")
    found = [sampler.row(random.Random(f"{kind}/{seed}"), {kind: 1.0}) for kind in kinds for seed in range(2)]
    assert sum(len(row.lengths) > 1 for row in found) >= 6
    assert len({len(row.ids) for row in found}) > 3
    return found


def losses(
    model: LlamaForCausalLM, rows: list[Row], targets: TeacherTable, config: DecoderConfig = EVERY
) -> dict[str, float]:
    with torch.no_grad():
        return {k: float(v) for k, v in row_losses(model, rows, targets, config, random.Random(0)).items()}


# Packed rows ---------------------------------------------------------------------------------------------------------


def test_isolated_worked_example() -> None:
    """Episodes of two and three tokens and one place of padding; beside it, one episode of six."""
    mask, positions = isolated([Row([], [], lengths=(2, 3)), Row([], [], lengths=(6,))], 6)
    assert positions.tolist() == [[0, 1, 0, 1, 2, 0], [0, 1, 2, 3, 4, 5]]
    assert mask.shape == (2, 1, 6, 6)
    assert mask[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]
    assert torch.equal(mask[1, 0], torch.ones(6, 6, dtype=torch.bool).tril())


def test_rows_are_padded_at_the_end() -> None:
    model = random_decoder()
    ids, mask, positions = tensors(
        model, [Row([0, 5, 1], [0.0] * 3, lengths=(3,)), Row([0, 7], [0.0] * 2, lengths=(2,))]
    )
    assert ids.tolist() == [[0, 5, 1], [0, 7, 1]]
    assert (mask.shape, positions.tolist()) == ((2, 1, 3, 3), [[0, 1, 2], [0, 1, 0]])


def test_an_episode_of_a_packed_row_has_the_states_it_has_alone(decoder: LlamaForCausalLM, rows: list[Row]) -> None:
    ids, mask, positions = tensors(decoder, rows)
    with torch.no_grad():
        packed = decoder.model(ids, attention_mask=mask, position_ids=positions).last_hidden_state
        blurred = decoder.model(ids).last_hidden_state
        moved = []
        for number, row in enumerate(rows):
            begin = 0
            for episode in alone(row):
                there = slice(begin, begin + len(episode.ids))
                single = decoder.model(torch.tensor([episode.ids])).last_hidden_state[0]
                assert torch.allclose(packed[number, there], single, atol=1e-4)
                if begin:
                    moved.append(float((blurred[number, there] - single).abs().max()))
                begin = there.stop
    assert min(moved) > 0.01  # without the mask, an episode would see the ones before it


def test_lower_half_gives_the_states_after_the_middle_layer(decoder: LlamaForCausalLM) -> None:
    ids = torch.tensor([[0, 300, 301, 302]])
    with torch.no_grad():
        expected = decoder.model(ids, output_hidden_states=True).hidden_states[MIDDLE]
        assert torch.allclose(lower_half(decoder, ids), expected, atol=1e-6)
        assert not torch.allclose(expected, decoder.get_input_embeddings()(ids), atol=1e-2)
        again = decoder.model(ids, output_hidden_states=True)
    assert torch.equal(again.hidden_states[MIDDLE], expected)  # the layers above are back in their place
    assert len(decoder.model.layers) == 3


def test_lower_half_puts_the_upper_half_back_after_an_error(decoder: LlamaForCausalLM) -> None:
    norm = decoder.model.norm
    with pytest.raises(IndexError):
        lower_half(decoder, torch.tensor([[999_999]]))
    assert len(decoder.model.layers) == 3
    assert decoder.model.norm is norm


# Next token ----------------------------------------------------------------------------------------------------------


def nats_alone(model: LlamaForCausalLM, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Nats and weights of every token but the first of each episode, each episode run on its own."""
    nats, weights = [], []
    for episode in [episode for row in rows for episode in alone(row)]:
        with torch.no_grad():
            shares = model(torch.tensor([episode.ids])).logits[0, :-1].log_softmax(-1)
        nats.append(-shares.gather(1, torch.tensor(episode.ids[1:])[:, None])[:, 0])
        weights.append(torch.tensor(episode.weights[1:]))
    return torch.cat(nats), torch.cat(weights)


def test_answers_and_text_are_means_over_the_episodes_alone(
    decoder: LlamaForCausalLM, rows: list[Row], targets: TeacherTable
) -> None:
    nats, weights = nats_alone(decoder, rows)
    found = losses(decoder, rows, targets)
    assert found["answers"] == pytest.approx(float(nats[weights == ANSWER].mean()), rel=1e-4)
    assert found["text"] == pytest.approx(float(nats[weights == TEXT].mean()), rel=1e-4)


def test_head_share_spares_running_text_and_never_answers(
    decoder: LlamaForCausalLM, rows: list[Row], targets: TeacherTable
) -> None:
    every, none = (losses(decoder, rows, targets, replace(DECODER, head_share=share)) for share in (1.0, 0.0))
    assert none["text"] == 0.0 < every["text"]
    assert none["answers"] == pytest.approx(every["answers"])
    half = losses(decoder, rows, targets, replace(DECODER, head_share=0.5))
    assert half["text"] not in (0.0, every["text"])
    assert half["answers"] == pytest.approx(every["answers"])


def test_running_text_never_counts_as_answers(
    decoder: LlamaForCausalLM, sampler: RowSampler, targets: TeacherTable
) -> None:
    """A row of several documents was once taken for an episode, because each begins with a weight of 0."""
    text = sampler.row(random.Random(0), {"text": 1.0})
    assert text.weights.count(0.0) > 1
    assert losses(decoder, [text], targets)["answers"] == 0.0
    assert losses(decoder, [sampler.row(random.Random(0), {"sentiment": 1.0})], targets)["answers"] > 0.0


def test_rows_without_anything_to_learn_cost_nothing(decoder: LlamaForCausalLM, targets: TeacherTable) -> None:
    found = losses(decoder, [Row([0, 5, 6], [0.0] * 3, lengths=(3,))], targets)
    assert {key for key, value in found.items() if value} <= {"growth"}  # states have a length, whatever is learnt


# Summary, pointer and alignment --------------------------------------------------------------------------------------


def imitation(states: torch.Tensor, english: list[str], targets: TeacherTable, temperature: float) -> float:
    """Mean over states ``(N, H)`` of -log of the right sentence's share; other states of the same sentence are no rivals."""
    total = 0.0
    for state, right in zip(states[:, : DECODER.meaning], english, strict=True):
        direction = state / state.norm()
        rivals = [other for other in english if other != right] + [right]
        scores = torch.stack([direction @ targets.vectors[targets.row[other]] for other in rivals]) / temperature
        total -= float(scores.log_softmax(0)[-1])
    return total / len(english)


def test_the_summary_loss_compares_the_middle_state_before_each_answer(
    decoder: LlamaForCausalLM, rows: list[Row], targets: TeacherTable
) -> None:
    states, english = [], []
    for episode in [episode for row in rows for episode in alone(row)]:
        with torch.no_grad():
            middle = decoder.model(torch.tensor([episode.ids]), output_hidden_states=True).hidden_states[MIDDLE][0]
        states += [middle[place] for place, _ in episode.summaries]
        english += [sentence for _, sentence in episode.summaries]
    expected = imitation(torch.stack(states), english, targets, DECODER.temperature)
    assert losses(decoder, rows, targets)["summary"] == pytest.approx(expected, rel=1e-4)


def test_the_losses_of_reading_steps_equal_those_of_the_whole_model(
    decoder: LlamaForCausalLM, rows: list[Row], targets: TeacherTable
) -> None:
    with torch.no_grad():
        lower = {key: float(value) for key, value in reading_losses(decoder, rows, targets, EVERY).items()}
    whole = losses(decoder, rows, targets)
    assert lower == pytest.approx({"summary": whole["summary"], "growth": whole["growth"]}, rel=1e-5)


def test_growth_loss_worked_example() -> None:
    """Lengths as multiples of what is free: 1/2, 1, 2 and 4, which cost 0, 0, 1 and 9."""
    directions = torch.nn.functional.normalize(torch.randn(2, 2, 5, generator=torch.Generator().manual_seed(0)), dim=-1)
    states = LONGEST_STATE * torch.tensor([[0.5, 1.0], [2.0, 4.0]])[:, :, None] * directions
    assert float(growth_loss(states)) == pytest.approx((0 + 0 + 1 + 9) / 4, rel=1e-5)


def test_sentences_without_a_teacher_vector_have_no_summary_loss(
    decoder: LlamaForCausalLM, rows: list[Row], targets: TeacherTable
) -> None:
    unknown = [replace(row, summaries=[*row.summaries, (1, "No teacher knows this.")]) for row in rows]
    assert losses(decoder, unknown, targets)["summary"] == losses(decoder, rows, targets)["summary"]
    assert losses(decoder, [replace(rows[0], summaries=rows[0].summaries[:1])], targets)["summary"] == 0.0


def test_the_pointer_loss_reads_the_attention_that_the_model_pays(rows: list[Row], targets: TeacherTable) -> None:
    """The second layer of the upper half, mean over heads, as an eager run of each episode returns it."""
    model = random_decoder()
    found = losses(model, rows, targets)["pointer"]
    model.set_attn_implementation("eager")
    nats = []
    for episode in [episode for row in rows for episode in alone(row)]:
        with torch.no_grad():
            shares = model(torch.tensor([episode.ids]), output_attentions=True).attentions[MIDDLE + 1][0].mean(0)
        nats += [-float(shares[place, to].sum().log()) for place, to in episode.pointers]
    assert len(nats) > 20
    # The share is raised by 1e-6 before the logarithm, which at a share of 0.001 is a thousandth of a nat.
    assert found == pytest.approx(sum(nats) / len(nats), rel=2e-3)


def test_rows_without_pointers_have_no_pointer_loss(
    decoder: LlamaForCausalLM, rows: list[Row], targets: TeacherTable
) -> None:
    assert losses(decoder, [replace(row, pointers=[]) for row in rows], targets)["pointer"] == 0.0


def test_the_pointer_loss_reaches_the_look_up_and_the_layers_below_it(rows: list[Row], targets: TeacherTable) -> None:
    model = random_decoder()
    row_losses(model, rows, targets, EVERY, random.Random(0))["pointer"].backward()  # type: ignore[no-untyped-call]
    looking = model.model.layers[MIDDLE + 1].self_attn
    moved = {name for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert {"model.layers.2.self_attn.q_proj.weight", "model.layers.2.self_attn.k_proj.weight"} <= moved
    assert {name.split(".")[2] for name in moved if "layers" in name} == {"0", "1", "2"}
    assert looking.v_proj.weight.grad is None


def test_the_alignment_loss_compares_mean_middle_states_without_the_start(
    decoder: LlamaForCausalLM, material: Material, writer: EpisodeWriter, targets: TeacherTable
) -> None:
    bank = toy_bank(material)
    chosen = bank.draw(random.Random(7), DECODER.sentences)
    means = []
    for index in chosen:
        with torch.no_grad():
            states = decoder.model(torch.tensor([[0, *bank.ids[index]]]), output_hidden_states=True)
        means.append(states.hidden_states[MIDDLE][0, 1:].mean(0))
    expected = imitation(torch.stack(means), [bank.english[i] for i in chosen], targets, DECODER.temperature)
    with torch.no_grad():
        found = float(alignment_loss(decoder, bank, targets, DECODER, random.Random(7)))
    assert found == pytest.approx(expected, rel=1e-4)
