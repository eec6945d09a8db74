"""Soft prompts: scores through shared prefixes are those of PEFT's own forward pass, and the prompt can be switched off and passed on."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel, PromptTuningConfig, get_peft_model
from toys import byte_tokenizer, tiny_llama_config, tiny_model
from transformers import Gemma3TextConfig, PretrainedConfig

from core.errors import ModelUnavailable
from core.models.generation import GenerationConfig, generate
from core.models.loading import LanguageModel, ModelConfig, load_model
from core.models.soft_prompts import (
    add_soft_prompt,
    load_soft_prompt,
    save_soft_prompt,
    soft_prompt_of,
    vectors_of_tokens,
    virtual_tokens,
)
from core.models.untrained import adapter_off
from core.scoring import Request, Scorer
from core.scoring.graded import graded_scores

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT asks by the old name

PARITY = 1e-4  # nats, the bar of SPEC section 2
LEFT = "Sentence: The river crosses a desert.\nTopic: geography\n\nSentence: "
CONTEXTS = (LEFT + "They won.\nTopic:", LEFT + "A bus leaves for the coast.\nTopic:", "Short:")
WORDS = (" sports", " geology", " geography", " health and hope")  # of several tokens, one a byte
VIRTUAL = 5


def gemma3(tokenizer: Any) -> PretrainedConfig:
    """Scaled embeddings, tied to the head; layers with a window shorter than the prompts."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "head_dim": 8}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": 24, "max_position_embeddings": 512}
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    kinds = ["sliding_attention", "sliding_attention", "full_attention"]
    settings = {**sizes, **heads, **ids, "pad_token_id": tokenizer.pad_token_id, "layer_types": kinds}
    return Gemma3TextConfig(vocab_size=len(tokenizer), **settings)


def fresh(kind: str) -> LanguageModel:
    tokenizer = byte_tokenizer()
    return tiny_model(tokenizer, gemma3(tokenizer) if kind == "gemma3" else tiny_llama_config(tokenizer), seed=3)


def made_by_peft(model: LanguageModel, folder: Path) -> Any:
    """PEFT's own soft prompt on a copy of ``model``, saved by PEFT."""
    torch.manual_seed(1)
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=VIRTUAL)
    network = get_peft_model(copy.deepcopy(model.network), config).eval()
    network.save_pretrained(str(folder))
    return network


def by_peft(network: Any, model: LanguageModel) -> np.ndarray:
    """``log p(word | context)`` ``(R, L)`` one sequence at a time; PEFT puts its vectors in front by itself."""
    special = model._special_start
    rows = []
    for context in CONTEXTS:
        for word in WORDS:
            ids = torch.tensor([[*special, *model.encode([context + word])[0]]])
            with torch.inference_mode():
                logs = network(input_ids=ids).logits[0, VIRTUAL:].log_softmax(-1)
            places = range(ids.shape[1] - len(word.encode()), ids.shape[1])
            rows.append(sum(float(logs[place - 1, ids[0, place]]) for place in places))
    return np.array(rows).reshape(len(CONTEXTS), len(WORDS))


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
@pytest.mark.parametrize("method", ["packed", "padded"])
def test_scores_are_those_of_pefts_own_forward_pass(kind: str, method: str, tmp_path: Path) -> None:
    model = fresh(kind)
    expected = by_peft(made_by_peft(model, tmp_path / "soft"), model)
    requests = [Request(context, WORDS) for context in CONTEXTS]
    without = np.stack(Scorer(model, method=method).score(requests))
    load_soft_prompt(model.network, tmp_path / "soft")
    scorer = Scorer(model, budget=64, method=method)
    found = np.stack(scorer.score(requests))
    assert found == pytest.approx(expected, abs=PARITY)
    assert np.abs(found - without).max() > 0.01
    scorer._cache.clear()  # what was scored is forgotten, the stored prefixes are not
    assert np.stack([scorer.score([request])[0] for request in requests]) == pytest.approx(expected, abs=PARITY)
    targets = [[scorer.targets([(context, word)])[0] for word in WORDS] for context in CONTEXTS]
    graded = graded_scores(model, targets, method == "packed", scorer.head)
    assert graded.detach().numpy() == pytest.approx(expected, abs=PARITY)


def test_packed_scoring_is_chosen_with_a_soft_prompt_as_without(tmp_path: Path) -> None:
    model = fresh("gemma3")
    made_by_peft(model, tmp_path / "soft")
    load_soft_prompt(model.network, tmp_path / "soft")
    assert Scorer(model).method == "packed"
    assert Scorer(model).head is not None


def test_the_virtual_tokens_stand_first_and_once(tmp_path: Path) -> None:
    model = fresh("llama")
    size, length = len(model.tokenizer), model.length("abc")
    add_soft_prompt(model.network, torch.randn(VIRTUAL, 32))
    assert model.start == (*range(size, size + VIRTUAL), model.tokenizer.bos_token_id)
    assert model.length("abc") == length + VIRTUAL  # they take room in the context
    (target,) = Scorer(model).targets([("abc", "d")])
    assert sum(token >= size for token in target.tokens) == VIRTUAL
    assert len({name for name, _ in model.network.named_parameters() if "soft_prompt" in name}) == 1


def test_the_gradient_reaches_the_virtual_tokens_as_in_peft(tmp_path: Path) -> None:
    model = fresh("gemma3")
    network = made_by_peft(model, tmp_path / "soft")
    load_soft_prompt(model.network, tmp_path / "soft")
    soft = soft_prompt_of(model.network)
    assert soft is not None
    soft.soft_prompt.requires_grad_()
    scorer = Scorer(model)
    target = scorer.targets([(CONTEXTS[0], WORDS[0])])
    (found,) = torch.autograd.grad(graded_scores(model, [target], True, scorer.head).sum(), soft.soft_prompt)
    weight = network.prompt_encoder["default"].embedding.weight
    network.train()  # PEFT reads its prompt without a gradient otherwise
    weight.requires_grad_()
    ids = torch.tensor([[*model._special_start, *model.encode([CONTEXTS[0] + WORDS[0]])[0]]])
    logs = network(input_ids=ids).logits[0, VIRTUAL:].log_softmax(-1)
    places = range(ids.shape[1] - len(WORDS[0]), ids.shape[1])
    total = torch.stack([logs[place - 1, ids[0, place]] for place in places]).sum()
    (expected,) = torch.autograd.grad(total, weight)
    assert float(expected.abs().max()) > 1e-6
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-4


def test_it_is_switched_off_and_back_on() -> None:
    model = fresh("llama")
    request = Request(CONTEXTS[0], WORDS)
    before = Scorer(model).score([request])[0]
    add_soft_prompt(model.network, torch.randn(VIRTUAL, 32))
    changed = Scorer(model).score([request])[0]
    with adapter_off(model.network):
        assert virtual_tokens(model.network) == ()
        assert Scorer(model).score([request])[0] == pytest.approx(before, abs=1e-6)
    assert Scorer(model).score([request])[0] == pytest.approx(changed, abs=1e-6)
    assert np.abs(changed - before).max() > 0.01


def test_a_line_is_written_behind_it() -> None:
    """The first token that is written is the likeliest of PEFT's way: vectors in front, handed over as embeddings."""
    model = fresh("llama")
    vectors = torch.randn(VIRTUAL, 32, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[*model.start, *model.encode(["The river"])[0]]])
    embedded = torch.cat([vectors[None], model.network.get_input_embeddings()(ids)], 1)
    with torch.inference_mode():
        best = int(model.network(inputs_embeds=embedded).logits[0, -1].argmax())
    add_soft_prompt(model.network, vectors)
    logits = model.network(torch.tensor([[*model.start, *model.encode(["The river"])[0]]])).logits[0, -1]
    assert int(logits.argmax()) == best
    both = generate(model, ["The river", "A longer prompt about a river"], GenerationConfig(max_tokens=6))
    assert both[0].text == generate(model, ["The river"], GenerationConfig(max_tokens=6))[0].text  # padded or not


def test_what_is_saved_opens_here_and_in_peft(tmp_path: Path) -> None:
    base = fresh("llama")
    base.network.save_pretrained(tmp_path / "base")
    base.tokenizer.save_pretrained(tmp_path / "base")
    plain = load_model(ModelConfig(str(tmp_path / "base")))
    learnt = load_model(ModelConfig(str(tmp_path / "base")))
    vectors = vectors_of_tokens(learnt.network, [5, 6], VIRTUAL)
    assert torch.equal(vectors[0], vectors[2]) and not torch.equal(vectors[0], vectors[1])
    add_soft_prompt(learnt.network, vectors + 0.5)
    save_soft_prompt(learnt.network, tmp_path / "mine")
    loaded = load_model(ModelConfig(str(tmp_path / "base"), adapter=str(tmp_path / "mine")))
    assert loaded.fingerprint != plain.fingerprint
    assert loaded.facts["adapter"] == "mine"
    assert not any(weight.requires_grad for name, weight in loaded.network.named_parameters() if "soft_prompt" in name)
    requests = [Request(context, WORDS) for context in CONTEXTS]
    found = np.stack(Scorer(loaded).score(requests))
    assert found == pytest.approx(np.stack(Scorer(learnt).score(requests)), abs=1e-6)
    network = PeftModel.from_pretrained(plain.network, str(tmp_path / "mine")).eval()
    assert found == pytest.approx(by_peft(network, plain), abs=PARITY)


def test_a_soft_prompt_of_another_width_or_without_vectors_is_refused(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    wide = tiny_model(tokenizer, tiny_llama_config(tokenizer, hidden_size=64))
    made_by_peft(wide, tmp_path / "wide")
    base = fresh("llama")
    base.network.save_pretrained(tmp_path / "base")
    base.tokenizer.save_pretrained(tmp_path / "base")
    with pytest.raises(ModelUnavailable, match="its vectors have 64 numbers, the model's 32"):
        load_model(ModelConfig(str(tmp_path / "base"), adapter=str(tmp_path / "wide")))
    entry = json.loads((tmp_path / "wide" / "adapter_config.json").read_text())
    (tmp_path / "wide" / "adapter_config.json").write_text(json.dumps(entry))
    from safetensors.torch import save_file

    save_file({"other": torch.zeros(2, 32)}, tmp_path / "wide" / "adapter_model.safetensors")
    with pytest.raises(ModelUnavailable, match="it holds no prompt_embeddings"):
        load_model(ModelConfig(str(tmp_path / "base"), adapter=str(tmp_path / "wide")))
