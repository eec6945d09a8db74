"""The language model before its first step: where its vectors come from, and the circuit that looks demonstrations up."""

from dataclasses import replace

import pandas as pd
import pytest
import torch
from pretraining_toys import DECODER, new_decoder, parallel_text, toy_tokenizer
from tokenizers import Tokenizer
from toys import LANGUAGES
from transformers import LlamaForCausalLM

from core.embedded.architecture import CONSTANT, LANGUAGE_NORM, MEANING_NORM, build_decoder, language_shares

# Heads as wide as the shipped ones. 96 dimensions of meaning, 3 of language, one constant and 64 of note fit into 192.
WIDE = replace(DECODER, hidden=192, meaning=96, note=64, heads=3, layers=4, feed_forward=32)
NOTING, LOOKING = 2, 3  # the first two layers of the upper half


# Languages -----------------------------------------------------------------------------------------------------------


def test_language_shares_worked_example() -> None:
    """One token per byte. Language a is "x" alone, language b "x" and "y" in equal numbers, besides the space.

    In a, " x" has a share of 1/2 each for the space and x. In b, " xy" has a third each. So x belongs to a by
    (1/2) / (1/2 + 1/3) = 3/5 and to b by 2/5; y belongs to b alone. Shares are stored as square roots.
    """
    from toys import raw_byte_tokenizer

    tokenizer = raw_byte_tokenizer(start=False)
    text = pd.DataFrame([("a", "x"), ("b", "xy"), ("b", "xy")], columns=["language", "text"])
    shares = language_shares(tokenizer, text, ("a", "b"))
    assert shares[tokenizer.token_to_id("x")].tolist() == pytest.approx([0.6**0.5, 0.4**0.5], abs=1e-4)
    assert shares[tokenizer.token_to_id("y")].tolist() == pytest.approx([0.0, 1.0], abs=3e-3)
    assert shares[tokenizer.token_to_id("z")].tolist() == pytest.approx([0.5**0.5, 0.5**0.5])  # never seen


def test_language_shares_have_unit_norm_and_a_token_of_one_language_has_its_share_there(tokens: Tokenizer) -> None:
    text = parallel_text()
    shares = language_shares(tokens, text, LANGUAGES)
    assert shares.shape == (600, 3)
    assert shares.norm(dim=1).tolist() == pytest.approx([1.0] * 600, abs=1e-5)
    used = {
        code: {i for line in text.loc[text["language"] == code, "text"] for i in tokens.encode(" " + line).ids}
        for code in LANGUAGES
    }
    for column, code in enumerate(LANGUAGES):
        own = used[code].difference(*(used[other] for other in LANGUAGES if other != code))
        assert len(own) > 5
        assert all(shares[token, column] > 0.99 for token in own)


# Token vectors -------------------------------------------------------------------------------------------------------


def test_a_new_decoder_starts_from_the_encoders_vectors(table: torch.Tensor) -> None:
    model = new_decoder(table)
    vectors = model.get_input_embeddings().weight.detach()
    assert vectors.shape == (600, DECODER.hidden)
    meaning, languages, constant, note = vectors.split([8, 3, 1, DECODER.hidden - 12], dim=1)
    scale = float(meaning.norm() / table.norm())  # one for all
    assert torch.allclose(meaning, scale * table, rtol=1e-4)
    assert float(meaning.norm(dim=1).mean()) == pytest.approx(MEANING_NORM, rel=1e-4)
    shares = language_shares(toy_tokenizer(), parallel_text(), LANGUAGES)
    assert torch.allclose(languages, LANGUAGE_NORM * shares)
    assert torch.allclose(constant[:, 0], CONSTANT * vectors[:, :11].norm(dim=1))
    assert not note.any()
    assert model.lm_head.weight is model.get_input_embeddings().weight  # tied


def test_meaning_is_the_leading_dimensions_of_wider_vectors(table: torch.Tensor) -> None:
    wider = torch.cat([table, torch.ones(600, 5)], dim=1)
    assert torch.equal(
        new_decoder(wider).get_input_embeddings().weight, new_decoder(table).get_input_embeddings().weight
    )


def test_a_new_decoder_is_settled_by_its_seed_alone(table: torch.Tensor) -> None:
    def flat(model: LlamaForCausalLM) -> torch.Tensor:
        return torch.cat([weight.detach().flatten() for weight in model.parameters()])

    first = flat(new_decoder(table))
    torch.manual_seed(99)
    assert torch.equal(first, flat(new_decoder(table)))
    assert not torch.equal(first, flat(new_decoder(table, replace(DECODER, seed=1))))


# The circuit ---------------------------------------------------------------------------------------------------------


def wide_decoder(circuit: bool = True) -> LlamaForCausalLM:
    """Of 300 tokens with random meanings, whose attention can be read."""
    generator = torch.Generator().manual_seed(0)
    meanings = torch.randn(300, 96, generator=generator)
    shares = torch.rand(300, 3, generator=generator).softmax(1).sqrt()
    model = build_decoder(meanings, shares, replace(WIDE, circuit=circuit), 0, 1)
    model.set_attn_implementation("eager")
    return model.eval()


def attention(model: LlamaForCausalLM, ids: torch.Tensor, layer: int) -> torch.Tensor:
    """Attention weights ``(B, heads, T, T)`` of one layer."""
    with torch.no_grad():
        found: torch.Tensor = model(ids, output_attentions=True).attentions[layer]
    return found


def recalls(seeds: int = 20, length: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences of different tokens ``(seeds, length)`` but for the last, which repeats an earlier one; and the place after
    that earlier one ``(seeds,)``."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.stack([torch.randperm(290, generator=generator)[:length] + 2 for _ in range(seeds)])
    earlier = torch.randint(1, length - 3, (seeds,), generator=generator)
    ids[:, -1] = ids[torch.arange(seeds), earlier]
    return ids, earlier + 1


def test_below_and_without_the_circuit_a_new_decoder_adds_nothing() -> None:
    ids, _ = recalls(2)
    # The state that enters each layer; what comes after the last one has been through the closing norm.
    for circuit, entered in ((True, NOTING + 1), (False, WIDE.layers)):
        model = wide_decoder(circuit)
        with torch.no_grad():
            states = model.model(ids, output_hidden_states=True).hidden_states
        vectors = model.get_input_embeddings()(ids)
        assert all(torch.equal(state, vectors) for state in states[:entered])
    assert not torch.equal(wide_decoder()(ids).logits, wide_decoder(circuit=False)(ids).logits)


def test_the_first_upper_layer_attends_to_the_position_before() -> None:
    ids, _ = recalls()
    shares = attention(wide_decoder(), ids, NOTING)[:, 0]
    before = shares.diagonal(offset=-1, dim1=1, dim2=2)  # (B, T - 1)
    assert float(before.min()) > 0.99
    assert (
        float(
            attention(wide_decoder(circuit=False), ids, NOTING)[:, 0].diagonal(offset=-1, dim1=1, dim2=2)[:, 2:].max()
        )
        < 0.6
    )


def test_the_first_upper_layer_notes_the_meaning_before() -> None:
    model = wide_decoder()
    ids, _ = recalls(4)
    with torch.no_grad():
        after = model.model(ids, output_hidden_states=True).hidden_states[NOTING + 1]
        meanings = model.get_input_embeddings()(ids)[:, :-1, :64]
    notes = after[:, 1:, -64:]
    # Other heads of the layer add nothing yet, so the note is the meaning before, up to its size.
    assert float(torch.nn.functional.cosine_similarity(notes, meanings, dim=-1).min()) > 0.99


def test_the_second_upper_layer_looks_up_what_followed_the_same_token() -> None:
    ids, followers = recalls()
    found = attention(wide_decoder(), ids, LOOKING)[:, :, -1].mean(1)  # (B, T), mean over heads
    assert found.argmax(1).tolist() == followers.tolist()
    assert float(found[torch.arange(len(ids)), followers].min()) > 5 / 40  # five times an even spread over 40
    without = attention(wide_decoder(circuit=False), ids, LOOKING)[:, :, -1].mean(1)
    assert int((without.argmax(1) == followers).sum()) <= 4  # of 20; chance finds one in 40


def test_what_was_looked_up_becomes_likelier_than_the_other_tokens_of_the_sequence() -> None:
    ids, followers = recalls()
    line = torch.arange(len(ids))
    others = torch.ones(ids.shape, dtype=torch.bool)
    others[line, followers] = others[line, followers - 1] = others[:, -1] = False
    lead = []  # in nats, with and without the circuit
    for circuit in (True, False):
        with torch.no_grad():
            logits = wide_decoder(circuit)(ids).logits[:, -1].gather(1, ids)
        lead.append(logits[line, followers] - (logits * others).sum(1) / others.sum(1))
    gain = lead[0] - lead[1]
    assert float(gain.min()) > 0
    assert float(gain.mean()) > 0.5
