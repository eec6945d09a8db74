"""The bank on disk: scored once, whatever interrupts it, and the same from one process or two."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import filled_bank, two_processes

from core.errors import InvalidConfig, InvalidData
from core.scoring import Request, Scorer
from core.training.bank import store as bank_store
from core.training.bank.store import ScoreStore, Stopped, banks_in, fill, lent_banks

ROOT = Path(__file__).resolve().parents[4]
REQUESTS = [Request(f"Sentence number {i % 7} of {i}.\nTopic:", (" a", " bc")) for i in range(20)]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_store, "CHUNK", 6)


def test_a_store_holds_what_the_scorer_says(model: Any, tmp_path: Path) -> None:
    store = ScoreStore(tmp_path, model.fingerprint)
    assert fill(store, Scorer(model), REQUESTS) == 20
    expected = np.stack(Scorer(model).score(REQUESTS))
    np.testing.assert_allclose(store.scores(REQUESTS), expected, atol=1e-4)


def test_nothing_is_scored_twice(model: Any, tmp_path: Path) -> None:
    scorer = Scorer(model)
    fill(ScoreStore(tmp_path, model.fingerprint), scorer, REQUESTS)
    assert fill(ScoreStore(tmp_path, model.fingerprint), scorer, REQUESTS) == 0


def test_a_stopped_and_torn_bank_goes_on_and_ends_with_the_same_values(model: Any, tmp_path: Path) -> None:
    whole = ScoreStore(tmp_path / "whole", model.fingerprint)
    fill(whole, Scorer(model), REQUESTS)
    calls = iter([False, False, True])
    store = ScoreStore(tmp_path / "torn", model.fingerprint)
    with pytest.raises(Stopped):
        fill(store, Scorer(model), REQUESTS, stop=lambda: next(calls))
    assert len(store) == 12
    written = store.path.read_bytes()
    store.path.write_bytes(written[:-25])  # a kill in the middle of the last line
    again = ScoreStore(tmp_path / "torn", model.fingerprint)
    assert len(again) == 11
    fill(again, Scorer(model), REQUESTS)
    fresh = ScoreStore(tmp_path / "torn", model.fingerprint)
    assert np.array_equal(fresh.scores(REQUESTS), whole.scores(REQUESTS))


def test_a_store_of_another_model_is_refused_with_a_sentence(tmp_path: Path) -> None:
    ScoreStore(tmp_path, "aaaa")
    with pytest.raises(InvalidData, match=r"holds scores of the model 'aaaa'.*name another folder"):
        ScoreStore(tmp_path, "bbbb")


def test_prompts_with_a_common_beginning_are_scored_together(tmp_path: Path) -> None:
    class Counting:
        model = None
        method = "counting"
        chunks: list[list[str]] = []

        def score(self, requests: list[Request]) -> list[np.ndarray]:
            self.chunks.append([request.context[:17] for request in requests])
            return [np.zeros(len(request.answers)) for request in requests]

    scorer = Counting()
    fill(ScoreStore(tmp_path, "x"), scorer, REQUESTS)  # type: ignore[arg-type]
    together = [len(set(chunk)) for chunk in scorer.chunks]
    assert max(together) <= 3  # of seven beginnings, chunks of six meet two or three


@pytest.mark.slow
def test_two_processes_make_the_same_bank_value_by_value(tmp_path: Path) -> None:
    from toys import byte_tokenizer, tiny_llama_config, tiny_model

    assert two_processes(filled_bank, tmp_path / "two", REQUESTS, 6) == [0, 0]
    tokenizer = byte_tokenizer()
    model = tiny_model(tokenizer, tiny_llama_config(tokenizer))
    one = ScoreStore(tmp_path / "one", model.fingerprint)
    fill(one, Scorer(model), REQUESTS)
    files = sorted(path.name for path in (tmp_path / "two").glob("scores-*.jsonl"))
    assert files == ["scores-00.jsonl", "scores-01.jsonl"]
    two = ScoreStore(tmp_path / "two", model.fingerprint)
    assert np.array_equal(two.scores(REQUESTS), one.scores(REQUESTS))


def test_every_line_can_be_read_by_anyone(model: Any, tmp_path: Path) -> None:
    store = ScoreStore(tmp_path, model.fingerprint)
    fill(store, Scorer(model), REQUESTS[:2])
    lines = [json.loads(line) for line in store.path.read_text().splitlines()]
    assert [len(line["scores"]) for line in lines] == [2, 2]
    assert json.loads((tmp_path / "identity.json").read_text())["model"] == model.fingerprint


def test_what_another_store_holds_is_taken_in_and_not_scored(model: Any, tmp_path: Path) -> None:
    first = ScoreStore(tmp_path / "first" / "bank", model.fingerprint)
    fill(first, Scorer(model), REQUESTS[:12])
    before = first.path.read_bytes()
    store = ScoreStore(tmp_path / "second", model.fingerprint)
    assert store.borrow(first.folder, REQUESTS[6:]) == 6
    assert store.borrow(first.folder, REQUESTS[6:]) == 0
    assert fill(store, Scorer(model), REQUESTS[6:12]) == 0
    assert np.array_equal(store.scores(REQUESTS[6:12]), first.scores(REQUESTS[6:12]))
    assert first.path.read_bytes() == before
    alone = ScoreStore(tmp_path / "second", model.fingerprint)  # the lender is needed no more
    assert np.array_equal(alone.scores(REQUESTS[6:12]), first.scores(REQUESTS[6:12]))
    assert not alone.knows(REQUESTS[0])
    reader = ScoreStore(tmp_path / "third", model.fingerprint, process=1)
    assert reader.borrow(first.folder, REQUESTS[:3], write=False) == 3
    assert reader.knows(REQUESTS[0]) and not reader.path.exists()


def test_scores_of_another_model_or_of_none_are_not_taken_in(model: Any, tmp_path: Path) -> None:
    fill(ScoreStore(tmp_path / "other", "0123456789ab"), Scorer(model), REQUESTS[:2])
    store = ScoreStore(tmp_path / "own", model.fingerprint)
    with pytest.raises(
        InvalidData, match=f"is of the model '0123456789ab' in format 1, and here it is '{model.fingerprint}'"
    ):
        store.borrow(tmp_path / "other", REQUESTS)
    with pytest.raises(InvalidData, match="nowhere holds no score bank"):
        store.borrow(tmp_path / "nowhere", REQUESTS)
    assert len(store) == 0


def test_banks_are_found_in_a_bank_a_run_and_a_folder_of_runs(model: Any, tmp_path: Path) -> None:
    stores = [ScoreStore(tmp_path / name / "bank", model.fingerprint) for name in ("a", "b")]
    for store in stores:
        fill(store, Scorer(model), REQUESTS[:1])
    banks = [store.folder for store in stores]
    (tmp_path / "identity.json").write_text("{}")  # an experiment's own, of another kind
    assert banks_in(tmp_path) == banks
    assert banks_in(tmp_path / "a") == banks_in(banks[0]) == banks[:1]
    assert lent_banks(tmp_path, 700) == tuple(banks)
    assert lent_banks(None, 0) == ()
    with pytest.raises(InvalidConfig, match=r"bank.queries is 0: such a run has no bank"):
        lent_banks(tmp_path, 0)
    with pytest.raises(InvalidConfig, match=r"holds no score bank; name a run of train.py fit"):
        lent_banks(tmp_path / "c", 700)
