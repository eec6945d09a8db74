"""Loading models: what is refused, and what four bits must still be able to do.

Tests of `core.models.fingerprint`, `core.models.sentence_encoder`.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import byte_tokenizer, tiny_llama_config, tiny_model

from core.config import build, read_config
from core.errors import CoreError, InvalidConfig, ModelUnavailable
from core.models.catalogue import TINY_FOLDER
from core.models.devices import multiplies_bf16
from core.models.loading import ASSETS, LanguageModel, ModelConfig, load_model, resolve_model, save_model
from core.models.sentence_encoder import SentenceEncoder
from core.scoring import Request, Scorer
from core.selection.policy import PolicyConfig
from train import main


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder whose layers four bits can hold: inner sizes divisible by 64, outer ones by 32."""
    place = tmp_path_factory.mktemp("model")
    tokenizer = byte_tokenizer()
    made = tiny_model(tokenizer, tiny_llama_config(tokenizer, hidden_size=64, intermediate_size=128), spread=1.0)
    made.network.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A model folder to damage."""
    return Path(shutil.copytree(folder, tmp_path / "model"))


def test_a_folder_loads_and_scores_as_the_model_that_was_saved(folder: Path) -> None:
    tokenizer = byte_tokenizer()
    saved = tiny_model(tokenizer, tiny_llama_config(tokenizer, hidden_size=64, intermediate_size=128), spread=1.0)
    loaded = load_model(ModelConfig(str(folder)))
    assert loaded.fingerprint == saved.fingerprint
    assert not loaded.network.training
    request = [Request("A river", (" runs", " stands"))]
    assert Scorer(loaded).score(request)[0] == pytest.approx(Scorer(saved).score(request)[0], abs=1e-5)
    assert (loaded.context, loaded.layers, loaded.start) == (1024, 2, (0,))
    # 258 * 64 token vectors twice (input, head), two layers of 4 * 64^2 + 3 * 64 * 128 + 2 * 64, a last norm of 64.
    assert loaded.megabytes == pytest.approx(
        4 * (2 * 258 * 64 + 2 * (4 * 64**2 + 3 * 64 * 128 + 128) + 64) / 1e6, rel=0.02
    )


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/model", "nowhere", "a/b/c", "~/nowhere", "assets/nowhere"])
def test_a_missing_path_fails_at_once_and_never_asks_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.chdir(ASSETS.parent)
    with pytest.raises(ModelUnavailable, match=r"^No model was found"):  # said before any loader is called
        load_model(ModelConfig(name))


def test_a_hub_id_is_passed_on_only_where_the_hub_may_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelUnavailable, match="'owner/name' is not on this machine"):
        resolve_model("owner/name")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert resolve_model("owner/name") == "owner/name"


def test_truncated_weights_are_refused(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelUnavailable, match=r"missing, truncated or not safetensors"):
        load_model(ModelConfig(str(copy)))


def test_missing_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelUnavailable, match=r"missing, truncated or not safetensors"):
        load_model(ModelConfig(str(copy)))


def test_pickled_weights_are_refused_unread(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"not even a pickle: reading it would fail in another way")
    with pytest.raises(ModelUnavailable, match=r"not safetensors"):
        load_model(ModelConfig(str(copy)))


def test_a_model_with_code_of_its_own_is_refused_and_the_code_not_run(copy: Path, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    (copy / "own.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    settings = json.loads((copy / "config.json").read_text())
    settings |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}}
    (copy / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelUnavailable, match=r"would run code of its own, which is never allowed here"):
        load_model(ModelConfig(str(copy)))
    assert not trace.exists()


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"names no kind of model"):
        load_model(ModelConfig(str(tmp_path)))


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"'int8'; allowed are fp32, bf16, nf4"):
        ModelConfig(precision="int8")  # type: ignore[arg-type]


def test_fingerprint_changes_with_weights_and_precision(model: LanguageModel) -> None:
    same = tiny_model(byte_tokenizer())
    assert same.fingerprint == model.fingerprint
    assert tiny_model(byte_tokenizer(), seed=1).fingerprint != model.fingerprint
    half = LanguageModel(same.network, same.tokenizer, ModelConfig("tiny", "bf16"))
    assert half.fingerprint != model.fingerprint


def test_bf16_halves_the_memory(folder: Path) -> None:
    half = load_model(ModelConfig(str(folder), "bf16"))
    assert half.network.dtype == torch.bfloat16
    assert half.megabytes == pytest.approx(load_model(ModelConfig(str(folder))).megabytes / 2, rel=0.02)


@pytest.mark.slow
def test_nf4_loads_scores_and_still_has_gradients_after_evaluation(folder: Path) -> None:
    """On CPUs with avx512_bf16 the first forward in ``eval()`` repacked the weights into a form without backward.

    Gradients to the inputs must then be those of a model that never saw an evaluation, in size and direction.
    """
    model = load_model(ModelConfig(str(folder), "nf4", device="cpu"))
    request = [Request("A river", (" runs", " stands", " r"))]
    whole = Scorer(load_model(ModelConfig(str(folder)))).score(request)[0]
    before = gradient(model)
    scores = Scorer(model).score(request)[0]
    # Four bits round weights by about 10 %; over up to 7 tokens of an untrained model of 258 tokens that stays far below 1 nat.
    assert scores == pytest.approx(whole, abs=1.0)
    assert not np.array_equal(scores, whole)
    after = gradient(model)
    assert float(after.norm()) > 0
    assert torch.allclose(before, after, rtol=1e-2, atol=1e-3 * float(before.abs().max()))
    assert model.network.model.layers[0].mlp.up_proj.support_avx512bf16_for_cpu is False


@pytest.mark.slow
def test_a_model_saved_in_four_bits_is_read_as_it_was_and_takes_less(folder: Path, tmp_path: Path) -> None:
    model = load_model(ModelConfig(str(folder), "nf4", device="cpu"))
    place = tmp_path / "packed"
    save_model(model, place)
    again = load_model(ModelConfig(str(place), "nf4", device="cpu"))
    request = [Request("A river", (" runs", " stands", " r"))]
    assert np.array_equal(Scorer(again).score(request)[0], Scorer(model).score(request)[0])
    assert again.megabytes == pytest.approx(model.megabytes, rel=0.01)
    assert weights_in(place) < weights_in(folder) / 2
    assert again.network.model.layers[0].mlp.up_proj.support_avx512bf16_for_cpu is False
    with pytest.raises(ModelUnavailable, match="quantised already, and cannot be had in fp32; choose nf4"):
        load_model(ModelConfig(str(place), "fp32", device="cpu"))
    with pytest.raises(InvalidConfig, match="holds something already"):
        save_model(again, place)


def weights_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT asks by the old name
def test_an_adapter_lies_on_packed_weights_as_on_those_packed_at_loading(folder: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    whole = load_model(ModelConfig(str(folder), "fp32", device="cpu"))
    torch.manual_seed(1)
    lora = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(whole.network, lora).save_pretrained(tmp_path / "adapter")
    save_model(load_model(ModelConfig(str(folder), "nf4", device="cpu")), tmp_path / "packed")
    request = [Request("A river", (" runs", " stands", " r"))]
    adapter = str(tmp_path / "adapter")
    found = [
        Scorer(load_model(ModelConfig(str(place), "nf4", "cpu", adapter=on))).score(request)[0]
        for place, on in ((folder, adapter), (tmp_path / "packed", adapter), (tmp_path / "packed", ""))
    ]
    assert np.array_equal(found[0], found[1])
    assert float(np.abs(found[1] - found[2]).max()) > 0.01  # it is there


@pytest.mark.slow
def test_the_command_saves_in_four_bits_and_says_what_that_takes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["quantise", "--model", str(folder), "--device", "cpu", "--output", str(tmp_path / "packed")]
    assert main(given) == 0
    said = capsys.readouterr().out
    assert f"{weights_in(tmp_path / 'packed') / 1e6:,.1f} MB of weights on disk" in said
    assert re.search(r"used [\d,]+ MB before, [\d,]+ MB with the model", said)
    assert main(given) == 2


def gradient(model: LanguageModel) -> torch.Tensor:
    """Of the likelihood of a text, to the vectors of its tokens."""
    ids = torch.tensor([[*model.start, *model.encode(["A river runs."])[0]]])
    vectors = model.network.get_input_embeddings()(ids).detach().requires_grad_()
    logits = model.network(inputs_embeds=vectors, use_cache=False).logits[0, :-1].float()
    torch.nn.functional.cross_entropy(logits, ids[0, 1:]).backward()
    assert vectors.grad is not None
    return vectors.grad.float()


def test_a_missing_encoder_is_refused_in_one_sentence() -> None:
    with pytest.raises(ModelUnavailable, match="No model was found"):
        SentenceEncoder("/no/such/encoder").vectors(["x"])


@pytest.mark.slow
def test_embedded_model_scores_exactly_when_packed() -> None:
    if not (TINY_FOLDER / "model.safetensors").is_file():
        pytest.skip("assets/models/lm has no weights")
    try:
        model = load_model(ModelConfig())
    except ModelUnavailable as error:
        pytest.skip(f"assets/models/lm is being replaced: {error}")
    shared = "Name the topic of the last sentence.\n\nSentence: Le bus part pour la côte.\nTopic: travel\n\n"
    requests = [
        Request(f"{shared}Sentence: {text}\nTopic:", (" travel", " health")) for text in ("She won.", "他赢了。")
    ]
    scorer = Scorer(model, budget=48)
    expected = Scorer(model, method="padded").score(requests)
    assert np.concatenate(scorer.score(requests)) == pytest.approx(np.concatenate(expected), abs=1e-4)
    assert scorer.method == "packed"


# Settings from files -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inner:
    steps: int
    rate: float = 0.5


@dataclass(frozen=True)
class Outer:
    names: tuple[str, ...]
    inner: Inner
    shares: dict[str, float]
    fast: bool = False
    limit: int | None = None


GOOD: dict[str, Any] = {"names": ["a", "b"], "inner": {"steps": 3}, "shares": {"x": 0.5}}


def test_settings_become_nested_records() -> None:
    assert build(Outer, GOOD | {"limit": 4}, "f") == Outer(("a", "b"), Inner(3, 0.5), {"x": 0.5}, False, 4)
    assert (
        build(Outer, GOOD | {"inner": {"steps": 3, "rate": 2}}, "f").inner.rate == 2.0
    )  # a whole number is a float, too


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": (GOOD | {"colour": 1}, r"f has the unknown key 'colour'; known keys are \['fast', 'inner'"),
    "unknown inner key": (GOOD | {"inner": {"steps": 3, "stesp": 4}}, r"f, inner has the unknown key 'stesp'"),
    "missing key": ({"names": [], "shares": {}}, r"f lacks the key 'inner'"),
    "wrong type": (GOOD | {"inner": {"steps": "many"}}, r"f, inner, steps is 'many', but must be of type int"),
    "float for int": (GOOD | {"inner": {"steps": 1.5}}, r"f, inner, steps is 1.5, but must be of type int"),
    "bool for int": (GOOD | {"inner": {"steps": True}}, r"f, inner, steps is True, but must be of type int"),
    "int for bool": (GOOD | {"fast": 1}, r"f, fast is 1, but must be of type bool"),
    "list for section": (GOOD | {"inner": [1]}, r"f, inner must be a section of keys"),
    "text for list": (GOOD | {"names": "ab"}, r"f, names is 'ab', but must be of type tuple"),
}


@pytest.mark.parametrize("fault", BAD)
def test_faulty_settings_are_refused_by_key(fault: str) -> None:
    content, message = BAD[fault]
    with pytest.raises(InvalidConfig, match=message):
        build(Outer, content, "f")


def test_overrides_replace_values_by_dotted_key(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('names = ["a"]\n[inner]\nsteps = 3\n[shares]\nx = 0.5\n', encoding="utf-8")
    read = read_config(path, Outer, {"inner.steps": "7", "fast": "true", "names": '["c"]'})
    assert read == Outer(("c",), Inner(7), {"x": 0.5}, True)
    with pytest.raises(InvalidConfig, match="unknown key 'stesp'"):
        read_config(path, Outer, {"inner.stesp": "7"})
    with pytest.raises(InvalidConfig, match="steps is 'many'"):
        read_config(path, Outer, {"inner.steps": "many"})
    with pytest.raises(InvalidConfig, match=r"'names.first' goes below 'names', which is a value"):
        read_config(path, Outer, {"names.first": "1"})


def test_unreadable_settings_are_refused_by_file(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    with pytest.raises(InvalidConfig, match=r"a\.toml does not exist"):
        read_config(path, Outer)
    path.write_text("names = [", encoding="utf-8")
    with pytest.raises(InvalidConfig, match=r"a\.toml cannot be read as TOML"):
        read_config(path, Outer)
    with pytest.raises(InvalidConfig, match="cannot be read as TOML"):
        read_config(tmp_path, Outer)


def test_all_errors_share_one_base_and_settings_check_themselves() -> None:
    assert issubclass(InvalidConfig, CoreError)
    with pytest.raises(CoreError):
        PolicyConfig(temperature=0)


def test_half_precision_is_left_out_where_the_cpu_has_no_products_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU without them a run in bf16 took ten minutes a step."""
    cpu = torch.device("cpu")
    for has in (True, False):
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda has=has: has)
        assert multiplies_bf16(cpu) is has
    assert multiplies_bf16(torch.device("mps"))
