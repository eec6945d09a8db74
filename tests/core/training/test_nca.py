"""Neighbourhood components analysis against a direct computation; the command `core.cli.nca`."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import LetterEncoder, toy_examples

import train
from core.errors import InvalidConfig
from core.models.sentence_encoder import SentenceEncoder
from core.records import Example
from core.training.nca import NcaConfig, Side, agreement, nca_loss, save_encoder, train_nca, usable


class Table:
    """An encoder that knows the vectors of its texts."""

    def __init__(self, rows: dict[str, list[float]]) -> None:
        self.rows = rows

    def vectors(self, texts: Any) -> np.ndarray:
        found = np.array([self.rows[text] for text in texts], dtype=np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def example(number: int, language: str, label: str, item: str = "") -> Example:
    return Example(f"{number}", item or f"i{number}", language, f"text {number}", label)


def sides(seed: int = 0) -> tuple[Side, Side]:
    rng = np.random.default_rng(seed)
    rows = [example(i, ("en", "fr", "sw")[i % 3], "ab"[i % 2], f"i{i // 2}") for i in range(12)]
    encoder = Table({row.text: rng.normal(size=4).tolist() for row in rows})
    return Side.of(encoder, rows[:5]), Side.of(encoder, rows)


def test_candidates_are_of_another_item_and_another_language() -> None:
    queries, pool = sides()
    for i, row in enumerate(usable(queries, pool).tolist()):
        assert row == [j // 2 != i // 2 and j % 3 != i % 3 for j in range(12)]


def test_the_loss_is_that_of_the_definition() -> None:
    queries, pool = sides()
    weight = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))
    expected = []
    for i in range(5):
        own = weight @ queries.vectors[i]
        scores = {}
        for j in range(12):
            if j // 2 != i // 2 and j % 3 != i % 3:
                other = weight @ pool.vectors[j]
                scores[j] = math.exp(float(own @ other / (own.norm() * other.norm())) / 0.2)
        right = sum(score for j, score in scores.items() if j % 2 == i % 2)
        if right:
            expected.append(-math.log(right / sum(scores.values())))
    assert expected
    assert float(nca_loss(queries, pool, weight, 0.2)) == pytest.approx(sum(expected) / len(expected), rel=1e-4)


def test_the_gradient_is_that_of_finite_differences() -> None:
    queries, pool = sides()
    weight = torch.eye(4, dtype=torch.float64).requires_grad_()
    double = [Side(side.vectors.double(), side.labels, side.items, side.languages) for side in (queries, pool)]
    assert torch.autograd.gradcheck(lambda w: nca_loss(double[0], double[1], w, 0.3), (weight,))


def test_what_tells_labels_apart_is_learnt_from_noise_around_it() -> None:
    """One of six directions carries the label, weaker than the noise of the others: neighbours then agree nearly always."""
    rng = np.random.default_rng(3)
    rows = [example(i, ("en", "fr", "sw")[i % 3], "ab"[(i // 3) % 2]) for i in range(300)]
    table = {
        row.text: [*rng.normal(size=5), (1.0 if row.label == "a" else -1.0) * 0.6 + rng.normal() * 0.1] for row in rows
    }
    config = NcaConfig(queries=200, batch=64, candidates=200, steps=150, rate=0.02, decays=(0.0,), temperatures=(0.1,))
    trained = train_nca(Table(table), rows, config)
    assert trained.before < 0.9
    assert trained.after > 0.97
    again = train_nca(Table(table), rows, config)
    assert np.array_equal(again.weight, trained.weight)


def test_the_best_setting_on_the_items_set_aside_is_kept() -> None:
    encoder = LetterEncoder()
    config = NcaConfig(queries=20, steps=3, rate=0.05, decays=(0.0, 100.0), temperatures=(0.1, 1.0))
    best = train_nca(encoder, toy_examples(), config)
    single = [
        train_nca(encoder, toy_examples(), NcaConfig(queries=20, steps=3, rate=0.05, decays=(d,), temperatures=(t,)))
        for d in (0.0, 100.0)
        for t in (0.1, 1.0)
    ]
    assert best.after == max(one.after for one in single)


def test_agreement_counts_labels_of_the_nearest() -> None:
    rows = [
        example(0, "en", "a"),
        example(1, "fr", "a"),
        example(2, "fr", "b"),
        example(3, "sw", "a"),
        example(4, "en", "a"),
    ]
    vectors = {
        "text 0": [1.0, 0.0],
        "text 1": [1.0, 0.1],
        "text 2": [1.0, 0.2],
        "text 3": [1.0, 0.3],
        "text 4": [1.0, 0.0],
    }
    encoder = Table(vectors)
    assert agreement(Side.of(encoder, rows[:1]), Side.of(encoder, rows[1:4]), torch.eye(2)) == pytest.approx(2 / 3)


def test_the_folder_holds_an_encoder_with_the_projection_behind_it(tmp_path: Path) -> None:
    bundled = SentenceEncoder()
    texts = ["A goal in the last minute.", "Bei le mafuta imepanda.", "下雨了"]
    before = bundled.vectors(texts)
    weight = np.random.default_rng(0).normal(size=(before.shape[1],) * 2).astype(np.float32)
    save_encoder(bundled, weight, tmp_path / "encoder")
    expected = before @ weight.T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert SentenceEncoder(str(tmp_path / "encoder")).vectors(texts) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(InvalidConfig, match="is there already"):
        save_encoder(bundled, weight, tmp_path / "encoder")


def test_the_command_trains_and_writes_an_encoder(files: dict[str, str], tmp_path: Path, capsys: Any) -> None:
    command = [
        "nca",
        "--pool",
        files["pool"],
        "--output",
        str(tmp_path / "out"),
        "steps=2",
        "decays=[1.0]",
        "temperatures=[0.1]",
    ]
    assert train.main(command) == 0
    assert capsys.readouterr().out.startswith("Labels of the 4 nearest agree with the query's in ")
    assert (tmp_path / "out" / "modules.json").is_file()
    assert train.main([*command, "decays=[]"]) == 2
    assert "decays and temperatures each need a number" in capsys.readouterr().err
