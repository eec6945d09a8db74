"""GGUF files: a toy Gemma 3 written as llama.cpp's converter writes it must come back as the network it was made from."""

import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import ModelUnavailable
from core.models import gguf as ours
from core.models.catalogue import RECORD
from core.models.gguf import convert, read_header, sha256_of
from core.models.loading import ModelConfig, load_model

gguf = pytest.importorskip("gguf")

NAMES = {  # of a layer: transformers' and llama.cpp's, convert_hf_to_gguf.py
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
TOKENS = [
    "<pad>",
    "<eos>",
    "<bos>",
    "<unk>",
    *(f"<0x{byte:02X}>" for byte in range(256)),
    "▁",
    *"abcdefghijklmnop",
    "ab",
    "▁a",
]
WINDOW = 4  # tokens; texts of the test are longer, so that both kinds of layers with their own rotations are seen


def toy_gemma() -> Any:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=len(TOKENS), hidden_size=32, intermediate_size=64, num_hidden_layers=6, num_attention_heads=2, num_key_value_heads=1,
        head_dim=16, query_pre_attn_scalar=256, sliding_window=WINDOW, max_position_embeddings=256, rms_norm_eps=1e-6,
    )  # fmt: skip
    network = Gemma3ForCausalLM(config).eval()
    for name, weight in network.named_parameters():
        torch.nn.init.normal_(weight, std=0.3 if "norm" in name else 0.2)
    return network


def written(network: Any, path: Path, architecture: str = "gemma3") -> Path:
    writer, config = gguf.GGUFWriter(path, architecture), network.config
    writer.add_name("toy")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_sliding_window(config.sliding_window)
    writer.add_rope_freq_base(1e6)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([-float(index) for index in range(len(TOKENS))])
    types = [3, 3, 3, 2, *[6] * 256]  # control, unknown, byte; the rest is normal
    writer.add_token_types(types + [1] * (len(TOKENS) - len(types)))
    writer.add_pad_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_unk_token_id(3)
    writer.add_add_bos_token(True)
    for key, tensor in network.state_dict().items():
        values = tensor.numpy().astype(np.float32) + (
            1.0 if "norm" in key else 0.0
        )  # Gemma's norms are stored as w + 1
        if key == "model.embed_tokens.weight":
            writer.add_tensor("token_embd.weight", values)
        elif key == "model.norm.weight":
            writer.add_tensor("output_norm.weight", values)
        elif key.startswith("model.layers."):
            _, _, layer, *inner = key.removesuffix(".weight").split(".")
            writer.add_tensor(f"blk.{layer}.{NAMES['.'.join(inner)]}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def network() -> Any:
    return toy_gemma()


@pytest.fixture(scope="module")
def file(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(network, tmp_path_factory.mktemp("gguf") / "toy.gguf")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGL_CACHE", str(tmp_path))
    return tmp_path / "models"


def test_a_gguf_file_is_the_network_that_it_was_made_from(network: Any, file: Path, cache: Path) -> None:
    """Norms stored as w + 1, rotations that differ between the kinds of layers, a tied head, one <bos>."""
    model = load_model(ModelConfig(str(file), "fp32", "cpu"))
    assert model.start == (2,)
    ids = torch.tensor([[2, *model.encode(["abacabad a mop"])[0]]])
    assert ids.shape[1] > 2 * WINDOW
    with torch.inference_mode():
        assert torch.allclose(model.network(ids).logits, network(ids).logits, atol=1e-4)
    kinds = model.network.config.layer_types
    assert (kinds.count("sliding_attention"), kinds.count("full_attention")) == (5, 1)
    folder = next(cache.glob("toy-*"))
    assert json.loads((folder / RECORD).read_text())["sha256"] == sha256_of(file)


def test_it_is_converted_once_and_goes_on_after_a_kill(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, digest, done = tmp_path / "toy", sha256_of(file), []
    write_weights, write_tokenizer = ours._write_weights, ours._write_tokenizer
    monkeypatch.setattr(ours, "_write_weights", lambda *given: done.append("weights") or write_weights(*given))

    def killed(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ours, "_write_tokenizer", killed)
    with pytest.raises(KeyboardInterrupt):
        convert(file, target, digest, "a test")
    assert not target.exists()  # what is half done is no model
    monkeypatch.setattr(ours, "_write_tokenizer", lambda *given: done.append("tokenizer") or write_tokenizer(*given))
    for _ in range(2):
        assert convert(file, target, digest, "a test") == target
    assert done == ["weights", "tokenizer"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".toy.lock", "toy"]


def test_what_fails_its_check_is_no_model(file: Path, tmp_path: Path) -> None:
    def check(folder: Path) -> None:
        assert (folder / "tokenizer.json").is_file()
        raise ModelUnavailable("off")

    with pytest.raises(ModelUnavailable, match=r"^off$"):
        convert(file, tmp_path / "toy", sha256_of(file), "a test", check=check)
    assert not (tmp_path / "toy").exists()


def test_a_torn_file_and_another_file_are_told_with_size_and_hash(file: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.gguf"
    for content in (file.read_bytes()[:-1000], file.read_bytes()[:1000], b"PK\x03\x04 a zip file", b""):
        torn.write_bytes(content)
        with pytest.raises(ModelUnavailable) as error:
            read_header(torn)
        assert f"size {len(content):,} bytes, sha256 {sha256_of(torn)}" in str(error.value)
        assert "\n" not in str(error.value)


def test_an_architecture_that_cannot_be_read_is_named_with_those_that_can(network: Any, tmp_path: Path) -> None:
    path = written(network, tmp_path / "odd.gguf", "plamo3")
    with pytest.raises(
        ModelUnavailable, match=r"architecture 'plamo3', which cannot be read.*gemma3.*qwen3.*openai:http"
    ):
        read_header(path)


def test_too_little_room_is_said_before_anything_is_written(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 10, 5_000_000))
    with pytest.raises(
        ModelUnavailable, match=r"has 5 MB left, and the converted model takes 6\d MB; free some.*AGL_CACHE"
    ):
        convert(file, tmp_path / "toy", sha256_of(file), "a test")
    assert not list(tmp_path.glob("**/model.safetensors"))
