"""A bank that a server of the same model scores is the local one, and another model's is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_server import Manners, serving
from toys import byte_tokenizer, tiny_llama_config, tiny_model, toy_examples

import train
from core.data.tasks import load_tasks
from core.errors import InvalidConfig
from core.models.loading import ASSETS, LanguageModel
from core.served import ServedConfig, ServedModel, ServedScorer
from core.served.client import NoLogProbs
from core.training.bank.build import BankConfig
from core.training.bank.fit import PolicyFitConfig
from core.training.bank.loop import BankLoop
from core.training.config import FitConfig
from core.training.run import fit, prepare

MANNERS = Manners()


def toy_model() -> LanguageModel:
    tokenizer = byte_tokenizer()
    return tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server of the toy model."""
    with serving(toy_model(), MANNERS) as url:
        yield url


@pytest.fixture
def config(short: FitConfig) -> FitConfig:
    return replace(
        short,
        bank=BankConfig(queries=6, candidates=4, shortlist=0),
        choice=PolicyFitConfig(steps=8, queries=4, rate=0.02),
        optim=replace(short.optim, trained="policy"),
        losses=replace(short.losses, align=0.0),
        writing=replace(short.writing, pairs=0),
    )


def bank_loop(config: FitConfig, folder: Path, encoder: Any, url: str = "") -> Any:
    scorer = ServedScorer(ServedModel(ServedConfig(url))) if url else None
    task = load_tasks(ASSETS)["topic"]
    return prepare(config, toy_model(), encoder, task, toy_examples(), None, folder, served=scorer)


def test_the_bank_and_what_is_learnt_from_it_are_those_of_local_scores(
    config: FitConfig, address: str, encoder: Any, tmp_path: Path
) -> None:
    local, served = (
        bank_loop(config, tmp_path / "local", encoder),
        bank_loop(config, tmp_path / "served", encoder, address),
    )
    entries = [fit(loop) for loop in (local, served)]
    assert isinstance(local, BankLoop) and isinstance(served, BankLoop)
    assert local.bank is not None and served.bank is not None
    assert np.array_equal(local.bank.candidates, served.bank.candidates)
    assert np.abs(local.bank.scores - served.bank.scores).max() < 1e-4
    assert np.abs(local.bank.zero_shot - served.bank.zero_shot).max() < 1e-4
    assert torch.allclose(local.learner.projection, served.learner.projection, atol=1e-3)
    assert entries[0] is not None and entries[1] is not None
    assert entries[0]["after"] == entries[1]["after"]
    assert "served" not in entries[0]
    assert entries[1]["served"]["served_name"] == "tiny"
    assert entries[1]["served_distance"] < 1e-4
    prompts = [path for path, _, _ in MANNERS.seen if path == "/v1/completions"]
    assert prompts  # the server was asked, and not the weights here


def test_a_server_of_another_model_is_refused(config: FitConfig, encoder: Any, tmp_path: Path) -> None:
    other = toy_model()
    with torch.no_grad():
        for weight in other.network.parameters():
            weight.mul_(-3.0)
    with (
        serving(other, Manners()) as url,
        pytest.raises(InvalidConfig, match="a bank may be scored by the same model alone"),
    ):
        bank_loop(config, tmp_path / "run", encoder, url)


def test_a_server_that_tells_no_log_probabilities_of_prompts_is_refused(
    config: FitConfig, encoder: Any, tmp_path: Path
) -> None:
    with serving(toy_model(), Manners(echoes="written")) as url, pytest.raises(NoLogProbs):
        bank_loop(config, tmp_path / "run", encoder, url)


def test_a_run_without_a_bank_is_refused(config: FitConfig, address: str, encoder: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"bank\.queries is 0: .* leave --served out"):
        bank_loop(replace(config, bank=BankConfig()), tmp_path / "run", encoder, address)


def test_the_command_names_a_server(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["fit", "--output", str(tmp_path / "run"), "--tokenizer", "somewhere"]) == 2
    assert "--served openai:" in capsys.readouterr().err
    assert train.main(["fit", "--output", str(tmp_path / "run"), "--served", f"openai:{address}#nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert not (tmp_path / "run" / "run.json").exists()
