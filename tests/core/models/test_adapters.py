"""A PEFT adapter on a model: it changes what is scored, is recorded, and is refused where it is none of this model's."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from toys import byte_tokenizer, tiny_llama_config, tiny_model

from core.cli.options import workbench
from core.errors import InvalidConfig, ModelUnavailable
from core.models.adapters import BASE, NOTICE, write_base
from core.models.catalogue import GEMMA, ModelSource, cards, resolve
from core.models.loading import LanguageModel, ModelConfig, load_model
from core.run_record import model_facts
from core.scoring import Request, Scorer

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT asks by the old name

PROMPT, WORDS = "The river", (" runs", " stands")


def adapted(model: LanguageModel, folder: Path) -> Any:
    """``model`` with an adapter of weights drawn at random, which is saved; the model itself stays as it was."""
    torch.manual_seed(1)
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    network = get_peft_model(copy.deepcopy(model.network), config)
    network.save_pretrained(str(folder))
    return network.eval()


@pytest.fixture(scope="module")
def base(model: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


def test_an_adapter_changes_scores_to_those_of_peft_and_is_recorded(
    model: LanguageModel, base: Path, tmp_path: Path
) -> None:
    network = adapted(model, tmp_path / "nurse")
    bare = load_model(ModelConfig(str(base)))
    found = load_model(ModelConfig(str(base), adapter=str(tmp_path / "nurse")))
    without, with_it = (Scorer(one).score([Request(PROMPT, WORDS)])[0] for one in (bare, found))
    expected = []
    for word in WORDS:
        ids = torch.tensor([[*model.start, *model.encode([PROMPT + word])[0]]])
        with torch.inference_mode():
            logs = network(input_ids=ids).logits[0].log_softmax(-1)
        first = ids.shape[1] - len(word)  # a byte a token
        expected.append(sum(float(logs[place - 1, ids[0, place]]) for place in range(first, ids.shape[1])))
    assert with_it == pytest.approx(expected, abs=1e-4)
    assert abs(without - with_it).max() > 0.01
    assert found.fingerprint != bare.fingerprint
    assert model_facts(found)["adapter"] == "nurse"
    assert "adapter" not in model_facts(bare)


def test_an_adapter_of_another_model_or_none_at_all_is_refused(base: Path, tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    wider = tiny_model(tokenizer, tiny_llama_config(tokenizer, hidden_size=64))
    adapted(wider, tmp_path / "wider")
    deeper = tiny_model(tokenizer, tiny_llama_config(tokenizer, num_hidden_layers=3))
    adapted(deeper, tmp_path / "deeper")
    shallower = tiny_model(tokenizer, tiny_llama_config(tokenizer, num_hidden_layers=1))
    adapted(shallower, tmp_path / "shallower")
    for name, seen in (("wider", "other sizes"), ("deeper", "4 weights differ"), ("shallower", "4 weights differ")):
        with pytest.raises(
            ModelUnavailable, match=rf"{name} does not fit .*{seen}.*; name the model that it was made with"
        ):
            load_model(ModelConfig(str(base), adapter=str(tmp_path / name)))
    with pytest.raises(ModelUnavailable, match=r"nowhere holds no adapter \(adapter_config.json is missing\)"):
        load_model(ModelConfig(str(base), adapter=str(tmp_path / "nowhere")))


def test_an_adapter_made_on_other_weights_of_the_same_shape_is_refused_where_it_says_so(
    model: LanguageModel, base: Path, tmp_path: Path
) -> None:
    """Shapes fit, and the answers were those of neither model."""
    adapted(model, tmp_path / "adapter")
    adapter = str(tmp_path / "adapter")
    load_model(ModelConfig(str(base), adapter=adapter))  # says nothing of its base
    facts = load_model(ModelConfig(str(base))).facts
    write_base(tmp_path / "adapter", {**facts, "name": "/home/somebody/models/toy"}, resolve("tiny"))
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] is None
    load_model(ModelConfig(str(base), adapter=adapter))
    assert not (tmp_path / "adapter" / NOTICE).exists()
    write_base(tmp_path / "adapter", {**facts, "fingerprint": "0123456789ab"}, resolve("tiny"))
    with pytest.raises(
        ModelUnavailable, match=rf"was made on .*0123456789ab\), and this one is {facts['fingerprint']}"
    ):
        load_model(ModelConfig(str(base), adapter=adapter))


def test_an_adapter_of_a_run_is_held_to_the_model_of_the_run(model: LanguageModel, base: Path, tmp_path: Path) -> None:
    adapted(model, tmp_path / "adapter")
    facts = load_model(ModelConfig(str(base))).facts
    (tmp_path / "run.json").write_text(json.dumps({"model": {**facts, "fingerprint": "0123456789ab"}}))
    with pytest.raises(ModelUnavailable, match="0123456789ab"):
        load_model(ModelConfig(str(base), adapter=str(tmp_path / "adapter")))


def test_what_is_made_from_gemma_carries_the_notice_that_its_terms_want(tmp_path: Path) -> None:
    card = cards()[GEMMA]
    source = ModelSource(GEMMA, "known", "", card.licence, card.terms, card.source, card.megabytes, card)
    write_base(tmp_path, {"name": GEMMA, "precision": "fp32", "fingerprint": "0123456789ab"}, source)
    notice = (tmp_path / NOTICE).read_text()
    assert (
        "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms\n" in notice
    )
    assert "ai.google.dev/gemma/prohibited_use_policy" in notice
    assert "modified" in notice
    assert json.loads((tmp_path / BASE).read_text())["licence"] == "Gemma Terms of Use"


def test_a_run_and_an_adapter_together_are_refused_before_anything_is_loaded() -> None:
    options = SimpleNamespace(model="embedded", precision="fp32", run="runs/first", adapter="nurse", fall_back=True)
    with pytest.raises(InvalidConfig, match="--run runs/first and --adapter nurse were both given"):
        workbench(options, {})  # type: ignore[arg-type]
