"""The device and precision that a model gets, and what happens when memory runs out.

Tests of `core.cli.check`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import core.cli.check as check
from core.errors import InvalidConfig, OutOfMemory
from core.models.devices import Memory, choose_device, default_precision, fitting, ran_out
from core.models.embeddings import SentenceVectors
from core.models.generation import GenerationConfig, generate
from core.models.loading import LanguageModel, ModelConfig
from core.scoring import Request, Scorer
from train import main

TEXTS = ("The river runs.", "A nurse reads the news to the old man.", "Rain.", "He stands by the door.")
SHORT = GenerationConfig(max_tokens=4)
REQUESTS = [Request(text, (" yes", " no", " perhaps so")) for text in TEXTS]


def test_auto_takes_a_gpu_where_there_is_one_and_bf16_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, device, precision in ((False, "cpu", "fp32"), (True, "cuda", "bf16")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
        assert choose_device().type == device
        assert default_precision(choose_device()) == precision
        assert ModelConfig().precision == precision
        assert ModelConfig(run="folder").precision == "fp32"  # as fit makes runs unless told otherwise
        assert ModelConfig(precision="nf4").precision == "nf4"


def test_an_old_gpu_without_bf16_products_keeps_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert default_precision(torch.device("cuda")) == "fp32"


@pytest.mark.parametrize(("name", "said"), [("gpu", "There is no device 'gpu'"), ("cuda:7", "0 GPUs are seen here")])
def test_a_device_that_is_not_there_is_refused(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(InvalidConfig, match=said):
        choose_device(name)


def test_memory_grows_by_what_is_held() -> None:
    before = Memory.now()
    held = np.ones(25_000_000)  # 200 MB
    assert Memory.now().process - before.process == pytest.approx(held.nbytes / 1e6, rel=0.2)
    assert before.device is None


def test_work_is_halved_until_it_fits_and_no_further() -> None:
    tried = []

    def work(size: int) -> int:
        tried.append(size)
        if size > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return size

    assert fitting(work, 16) == (2, 2)
    assert tried == [16, 8, 4, 2]


def test_what_never_fits_ends_in_one_sentence() -> None:
    def work(size: int) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(OutOfMemory, match=r"smallest batches too; .*4-bit \(nf4\)"):
        fitting(work, 16, 4)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    assert not ran_out(RuntimeError("shapes differ"))
    assert ran_out(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."))
    with pytest.raises(RuntimeError, match="shapes differ"):
        fitting(lambda size: torch.ones(2) @ torch.ones(3) if size < 0 else _raise("shapes differ"), 8)


def _raise(said: str) -> Any:
    raise RuntimeError(said)


@pytest.fixture
def cramped(monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> Callable[[int], list[int]]:
    """Makes the model's network run out of memory above a number of tokens; gives the sizes of all passes that were tried."""

    def cramp(most: int) -> list[int]:
        sizes: list[int] = []
        run = model.network.model.forward

        def forward(*given: Any, **named: Any) -> Any:
            sizes.append(named["input_ids"].numel() if named.get("input_ids") is not None else given[0].numel())
            if sizes[-1] > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return run(*given, **named)

        monkeypatch.setattr(model.network.model, "forward", forward)
        return sizes

    return cramp


@pytest.mark.parametrize("method", ["packed", "padded"])
def test_scores_are_the_same_in_the_batches_that_fit(
    model: LanguageModel, cramped: Callable[[int], list[int]], method: str
) -> None:
    expected = Scorer(model, method=method).score(REQUESTS)
    scorer = Scorer(model, method=method)
    sizes = cramped(60)
    found = scorer.score(REQUESTS)
    assert max(sizes) > 60  # it did run out
    for a, b in zip(expected, found, strict=True):
        assert a == pytest.approx(b, abs=1e-5)
    sizes.clear()
    scorer.forget()
    scorer.score(REQUESTS)
    assert max(sizes) <= 60  # what was learnt is kept


@pytest.mark.parametrize("method", ["packed", "padded"])
def test_a_text_that_never_fits_is_said_to_the_person(
    model: LanguageModel, cramped: Callable[[int], list[int]], method: str
) -> None:
    cramped(5)
    with pytest.raises(OutOfMemory, match="shorten the text"):
        Scorer(model, method=method).score(REQUESTS)


def test_vectors_and_lines_are_the_same_in_the_batches_that_fit(
    model: LanguageModel, cramped: Callable[[int], list[int]]
) -> None:
    texts = [f"{text} {text}" for text in TEXTS]
    vectors, lines = SentenceVectors(model).raw(texts), generate(model, texts, SHORT)
    sizes = cramped(100)
    assert SentenceVectors(model).raw(texts) == pytest.approx(vectors, abs=1e-5)
    assert max(sizes) > 100
    sizes.clear()
    for expected, found in zip(lines, generate(model, texts, SHORT), strict=True):
        assert found.text == expected.text
        assert found == replace(expected, confidence=pytest.approx(expected.confidence, abs=1e-5))
    assert max(sizes) > 100


def test_a_command_that_runs_out_of_memory_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*_: Any) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore lines.")

    monkeypatch.setattr(check, "run", run)
    assert main(["check", "folder"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        "Memory ran out in check (CUDA out of memory. Tried to allocate 2.00 GiB.); take smaller batches"
    )
    assert said.count("\n") == 1
