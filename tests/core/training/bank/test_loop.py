"""A run that learns from a bank: the same log, checkpoints and result as any run, and it can be stopped while it scores."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import train
from core.errors import InvalidConfig
from core.models.embeddings import Projection
from core.models.generation import Generated
from core.models.loading import ModelConfig, load_model
from core.models.trained_run import read_trained
from core.scoring import Scorer
from core.training import run, writing
from core.training.bank import store as bank_store
from core.training.bank.build import BankConfig
from core.training.bank.fit import PolicyFitConfig
from core.training.bank.loop import BankLoop
from core.training.config import FitConfig, OptimConfig
from core.training.representation import Representation
from core.training.run import fit

BANK = BankConfig(queries=12, candidates=4, shortlist=0)


@pytest.fixture
def make_bank_loop(make_loop: Any, short: Any) -> Any:
    def make(folder: Path, **changes: Any) -> BankLoop:
        settings: dict[str, Any] = {
            "bank": BANK,
            "choice": PolicyFitConfig(steps=40, queries=8, rate=0.02),
            "optim": replace(short.optim, trained="policy"),
            "losses": replace(short.losses, align=0.0),
            "writing": replace(short.writing, pairs=0),
        }
        loop = make_loop(folder, **(settings | changes))
        assert isinstance(loop, BankLoop)
        return loop

    return make


def lines(folder: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


@pytest.mark.parametrize("mode", ["supervised", "self"])
@pytest.mark.parametrize("objective", ["listwise", "expected"])
def test_every_objective_in_both_modes_raises_the_expected_reward_on_its_bank(
    make_bank_loop: Any, tmp_path: Path, mode: str, objective: str
) -> None:
    choice = PolicyFitConfig(objective, steps=200, queries=12, rate=0.02, reward_temperature=0.2)
    languages = 2 if mode == "self" else 1
    entry = fit(make_bank_loop(tmp_path, mode=mode, answer_languages=languages, choice=choice))
    assert entry is not None
    losses = [line["loss_choice"] for line in lines(tmp_path)[1:]]
    assert losses[-1] < losses[0]


def test_imputed_candidates_teach_too_and_a_stopped_run_would_draw_the_same(
    make_bank_loop: Any, tmp_path: Path
) -> None:
    bank = replace(BANK, imputed=5)
    for name in ("first", "again"):
        assert fit(make_bank_loop(tmp_path / name, bank=bank)) is not None
    assert lines(tmp_path / "first") == lines(tmp_path / "again")
    assert fit(make_bank_loop(tmp_path / "scored")) is not None
    assert lines(tmp_path / "first")[-1]["loss_choice"] != lines(tmp_path / "scored")[-1]["loss_choice"]


def test_the_result_brings_head_and_centring_and_inference_takes_them_up(
    make_bank_loop: Any, tmp_path: Path, encoder: Any, tokenizer: Any
) -> None:
    from toys import tiny_llama_config, tiny_model, toy_examples

    from core.data.pool import Pool
    from core.inference.predictor import Question
    from core.records import Query
    from core.workbench import Workbench

    base = tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048))
    base.network.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    loop = make_bank_loop(tmp_path / "run")
    fit(loop)
    trained = read_trained(tmp_path / "run")
    assert trained.head is not None and np.abs(trained.head).sum() > 0
    assert set(trained.means) == {"eng_Latn", "fra_Latn", "swh_Latn"}
    model = load_model(ModelConfig(str(tmp_path / "base"), run=str(tmp_path / "run")))
    predictor = Workbench(model, encoder, pools={"topic": Pool(toy_examples())}).predictor("topic")
    query = Query("The crowd cheered for the runner.", "eng_Latn")
    selection = predictor.select(Question(query, k=1))
    with torch.no_grad():
        examples = toy_examples()
        texts = [query.text, *(example.text for example in examples)]
        languages = [query.language, *(example.language for example in examples)]
        raw = torch.from_numpy(loop.learner.untrained_vectors(texts))
        z = loop.learner.project(raw, languages, loop.learner.projection)
        plain = loop.learner.project(raw, languages)
        scores = z[1:] @ z[0] / loop.learner.temperature + plain[1:] @ loop.learner.head
    best = max((i for i, e in enumerate(examples) if e.language != "eng_Latn"), key=lambda i: float(scores[i]))
    assert selection.demonstrations[0].example.id == examples[best].id
    assert selection.demonstrations[0].score == pytest.approx(float(scores[best]), abs=1e-3)


def test_a_run_stopped_while_its_bank_is_scored_goes_on_and_ends_the_same(
    make_bank_loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_store, "CHUNK", 10)
    fit(make_bank_loop(tmp_path / "whole"))
    asked = iter([False, False, True])
    assert fit(make_bank_loop(tmp_path / "stopped"), stop=lambda: next(asked)) is None
    scored = (tmp_path / "stopped" / "bank" / "scores-00.jsonl").read_text().count("\n")
    assert 0 < scored < 60
    assert fit(make_bank_loop(tmp_path / "stopped")) is not None
    assert lines(tmp_path / "stopped") == lines(tmp_path / "whole")


def test_a_refreshed_bank_asks_only_what_was_never_scored(
    make_bank_loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    original = Scorer.score

    def counted(self: Scorer, requests: Any, *rest: Any) -> Any:
        counts.append(len(requests))
        return original(self, requests, *rest)

    loop = make_bank_loop(tmp_path, bank=replace(BANK, refreshes=1))
    loop.iteration = 0
    monkeypatch.setattr(Scorer, "score", counted)
    first = loop._build(0)
    scored = sum(counts)
    loop._build(0)
    assert sum(counts) == scored
    second = loop._build(1)
    assert len(second.queries) == len(first.queries)
    assert [loop._age_at(i) for i in (1, 2, 3, 4)] == [0, 0, 1, 1]


def test_a_bank_of_a_model_that_changes_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"set optim\.trained=policy, or bank\.queries=0"):
        FitConfig(bank=BANK, optim=OptimConfig(trained="lora"))


def test_a_layer_that_was_chosen_is_not_chosen_again(
    make_bank_loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[int] = []

    def choose(model: Any, parallel: Any) -> Representation:
        chosen.append(1)
        width = model.network.config.hidden_size
        centre = Projection({"eng_Latn": np.zeros(width, np.float32)}, np.zeros(width, np.float32))
        return Representation(2, centre, (0.0, 0.1, 0.9), (0.0, 0.1, 0.2), 20)

    monkeypatch.setattr(run, "choose_representation", choose)
    monkeypatch.setattr(run, "LEAST_PARALLEL", 1)
    layers = [make_bank_loop(tmp_path, layer="retrieval").learner.untrained.layer for _ in range(2)]
    assert layers == [2, 2]
    assert chosen == [1]


@pytest.fixture
def french_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model writes a new sentence at every attempt, which passes the filters of language and length."""
    count = iter(range(1000))
    words = ["matin", "soir", "midi", "jour", "lundi", "mardi", "hiver", "printemps", "village", "marché"]

    def lines(model: Any, prompts: Any, *_: Any) -> list[Generated]:
        numbers = [next(count) for _ in prompts]
        return [
            Generated(f"Le docteur arrive au {words[n % 10]} du {words[n // 10 % 10]}.", 1.0, True) for n in numbers
        ]

    monkeypatch.setattr(writing, "generate", lines)


def writes(short: Any) -> Any:
    return replace(
        short.writing, pairs=3, agreement=0.0, label_share=1.0, coherence=-1.0, overlap=1.0, longest=9.0, shortest=0.1
    )


def test_written_pairs_join_the_pool_and_later_candidates(
    make_bank_loop: Any, short: Any, french_writer: None, tmp_path: Path
) -> None:
    loop = make_bank_loop(tmp_path, writing=writes(short), bank=replace(BANK, refreshes=3))
    entry = fit(loop)
    assert entry is not None and entry["written"]
    assert {row["origin"] for row in entry["written"]} == {"generated"}
    log = lines(tmp_path)[1:]
    assert sum(line["written"] for line in log) == len(entry["written"])
    assert log[-1]["pool_size"] == len(loop.pool.first) + len(entry["written"])
    sizes = [len(loop._pool_at(age)) for age in range(4)]
    assert sizes[0] == len(loop.pool.first) and sizes == sorted(sizes) and sizes[-1] > sizes[0]
    assert [example.id for example in loop.bank.pool[: sizes[0]]] == [example.id for example in loop.pool.first]
    assert len(loop.bank.pool) == sizes[-1]


def test_a_run_that_writes_and_was_stopped_goes_on_bit_for_bit(
    make_bank_loop: Any, short: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Written by the toy model itself, which a text depends on nothing but the attempt for; every line passes as French."""
    monkeypatch.setattr(writing, "language_fault", lambda *_: "")
    monkeypatch.setattr(
        writing.PairWriter, "_read", lambda self, draft, line, excluded: (f"Texte {draft.identity}", "")
    )
    settings = {"writing": writes(short), "bank": replace(BANK, refreshes=1)}
    whole = fit(make_bank_loop(tmp_path / "whole", **settings))
    calls: list[int] = []
    assert (
        fit(make_bank_loop(tmp_path / "parts", **settings), stop=lambda: calls.append(0) is None and len(calls) > 4)
        is None
    )
    rest = fit(make_bank_loop(tmp_path / "parts", **settings))
    assert whole is not None and rest is not None and whole["written"] == rest["written"] != []
    assert lines(tmp_path / "whole") == lines(tmp_path / "parts")


def test_a_run_with_lent_scores_is_the_run_that_scored_them_itself(
    make_bank_loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other settings of learning, the same bank: nothing is scored, and every number is that of a run that scored for itself."""
    assert fit(make_bank_loop(tmp_path / "lender")) is not None
    choice = PolicyFitConfig("expected", steps=40, queries=8, rate=0.02, head=False)
    assert fit(make_bank_loop(tmp_path / "alone", choice=choice)) is not None
    scored: list[int] = []
    monkeypatch.setattr(bank_store, "_scored_alone", lambda _scorer, chunk: scored.append(len(chunk)))
    loop = make_bank_loop(tmp_path / "borrower", choice=choice)
    loop.lenders = tuple(bank_store.banks_in(tmp_path / "lender"))
    assert fit(loop) is not None
    assert scored == []
    assert lines(tmp_path / "borrower") == lines(tmp_path / "alone")
    policies = [read_trained(tmp_path / name) for name in ("borrower", "alone")]
    assert np.array_equal(policies[0].weight, policies[1].weight)
    assert lines(tmp_path / "borrower") != lines(tmp_path / "lender")


def test_a_run_that_is_typed_with_a_bank_takes_its_scores(
    make_bank_loop: Any,
    tmp_path: Path,
    files: dict[str, str],
    tokenizer: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    from toys import LetterEncoder, tiny_llama_config, tiny_model

    monkeypatch.setattr("core.cli.fit.SentenceEncoder", LetterEncoder)
    config = tiny_llama_config(tokenizer, max_position_embeddings=2048)
    tiny_model(tokenizer, config).network.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    small = [
        "optim.trained=policy",
        "losses.align=0",
        "writing.pairs=0",
        "policy.k=2",
        "watch.queries=2",
        "optim.iterations=1",
    ]
    small += ["bank.queries=6", "bank.candidates=4", "bank.shortlist=0", "choice.steps=4", "languages=[]"]

    def typed(name: str, *more: str) -> int:
        command = ["fit", "--model", str(tmp_path / "base"), "--pool", files["pool"], "--output", str(tmp_path / name)]
        return train.main([*command, *more, *small])

    assert typed("first") == 0
    scored: list[int] = []
    monkeypatch.setattr(bank_store, "_scored_alone", lambda _scorer, chunk: scored.append(len(chunk)))
    assert typed("second", "--bank", str(tmp_path / "first"), "choice.objective=expected") == 0
    assert scored == []
    assert typed("third", "--bank", str(tmp_path / "base")) == 2
    assert "holds no score bank; name a run of train.py fit" in capsys.readouterr().err
