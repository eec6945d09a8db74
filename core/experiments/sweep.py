"""Sweep: closed-loop runs over a grid of alpha and beta, and what the trained policy's choices then gain and how they differ.

Every point of the grid is trained with every seed on pool items and evaluated on other queries, paired by item. Diversity is the Vendi
score of the demonstrations chosen for those queries over K, by vectors of the sentence encoder, which no run trains: the loop's own
measure moves with the policy. A point is on the trade-off curve (Pareto) when no other is better in one and at least as good in the other.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from core.config import Count, check
from core.errors import InvalidConfig
from core.evaluation import EvaluationConfig
from core.experiments.runner import (
    COMPARED,
    UNTRAINED,
    Experiment,
    Material,
    Results,
    Row,
    all_pairs,
    cell,
    comparison_rows,
    findings,
    mean_macro_f1,
    right_answers,
    trained_pass,
    untrained_pass,
)
from core.models.loading import load_model
from core.models.sentence_encoder import SentenceEncoder
from core.progress import Progress
from core.report.cells import SHARE
from core.report.document import Figure
from core.statistics.bootstrap import paired_interval
from core.statistics.comparisons import mean_interval
from core.training.config import FitConfig
from core.training.rewards import diversity_reward, entropy_of

Vectors = Callable[[Sequence[str]], Any]  # texts to unit vectors (N, E)


@dataclass(frozen=True)
class SweepConfig:
    """The grid, and what its points are measured on."""

    fit: FitConfig
    alphas: tuple[float, ...]
    betas: tuple[float, ...]
    seeds: tuple[int, ...]
    most: Count  # evaluation queries of each language

    def __post_init__(self) -> None:
        """Refuse a grid without points; every point must be a reward that can be had."""
        check(self, "--")
        for name, values in (("alphas", self.alphas), ("betas", self.betas), ("seeds", self.seeds)):
            if not values:
                raise InvalidConfig(f"The sweep has no {name}; give at least one value to --{name}.")
        for alpha, beta in self.points:
            replace(self.fit.reward, alpha=alpha, beta=beta)  # raises for what the reward refuses

    @property
    def points(self) -> list[tuple[float, float]]:
        """Pairs of alpha and beta, each once."""
        return list(dict.fromkeys((alpha, beta) for alpha in self.alphas for beta in self.betas))


def sweep(config: SweepConfig, material: Material, folder: Path, progress: Progress) -> Row:
    """Train, evaluate and compare all points; the record."""
    evaluation = EvaluationConfig(("zero-shot", "agl"), (config.fit.policy.k,), (0,), None, most=config.most)
    runs = {
        _name(alpha, beta): [
            trained_pass(
                material,
                evaluation,
                replace(config.fit, seed=seed, reward=replace(config.fit.reward, alpha=alpha, beta=beta)),
                folder / f"alpha-{alpha:g}-beta-{beta:g}-{seed}",
            )
            for seed in config.seeds
        ]
        for alpha, beta in config.points
    }

    def conclude(tables: dict[str, pd.DataFrame]) -> Results:
        chosen = {UNTRAINED: [tables[UNTRAINED]]}
        chosen |= {name: [tables[one.name] for one in passes] for name, passes in runs.items()}
        return _results(config, material, chosen)

    return Experiment(
        kind="sweep",
        title="Accuracy and diversity over alpha and beta",
        config=config,
        models=[load_model(material.base)],
        data={"pool": material.pool, "queries": material.queries},
        settings={"fit": asdict(config.fit), "most": config.most},
        passes=[untrained_pass(material, evaluation), *(one for passes in runs.values() for one in passes)],
        conclude=conclude,
        facts={"task": material.task.name, "seeds": list(config.seeds)},
    ).run(folder, progress)


def _results(config: SweepConfig, material: Material, tables: dict[str, list[pd.DataFrame]]) -> Results:
    encoder = SentenceEncoder()
    chosen = {name: pd.concat([t[t["strategy"] == "agl"] for t in several]) for name, several in tables.items()}
    accuracy = {name: right_answers(items) for name, items in chosen.items()}
    weights: dict[str, Row] = {UNTRAINED: {"alpha": None, "beta": None}}
    weights |= {_name(alpha, beta): {"alpha": alpha, "beta": beta} for alpha, beta in config.points}
    texts = {example.id: example.text for example in material.pool}
    rows: list[Row] = []
    for name, items in chosen.items():
        diversity = diversities(items, texts, encoder.vectors)
        by_seed = [round(float(right_answers(table, "agl").mean()), 4) for table in tables[name]]
        rows.append(
            {
                "point": name,
                **weights[name],
                "accuracy": cell(mean_interval(accuracy[name])),
                "lowest seed": min(by_seed),
                "highest seed": max(by_seed),
                "macro-F1": round(mean_macro_f1(items, material.task.labels), 4),
                "diversity": cell(paired_interval(diversity.tolist(), items["item"].astype(str).tolist())),
                "label entropy": round(_mean_entropy(items, "demonstration_labels"), 4),
                "language entropy": round(_mean_entropy(items, "demonstration_languages"), 4),
            }
        )
    best = pareto([(row["accuracy"][0], row["diversity"][0]) for row in rows])
    for row, on in zip(rows, best, strict=True):
        row["on the curve"] = on
    tests = all_pairs(accuracy)
    grid = [
        {k: (v[0] if isinstance(v, list) else v) for k, v in row.items()} for row in rows if row["point"] != UNTRAINED
    ]
    shares = dict.fromkeys(("accuracy", "lowest seed", "highest seed", "macro-F1", "diversity"), SHARE)
    return Results(
        [
            *findings([one for one in tests if one.second == UNTRAINED]),
            "On the trade-off curve: " + "; ".join(row["point"] for row in rows if row["on the curve"]) + ".",
        ],
        {"points of the grid": rows, "pairs of points": comparison_rows(tests)},
        shares | {"label entropy": "nats", "language entropy": "nats"} | COMPARED,
        {
            "trade-off": Figure(
                "Accuracy against diversity",
                "scatter",
                "diversity",
                "accuracy",
                rows,
                series="on the curve",
                label="point",
                unit=SHARE,
            ),
            "accuracy over the grid": Figure(
                "Accuracy", "heatmap", "beta", "alpha", grid, value="accuracy", unit=SHARE
            ),
            "diversity over the grid": Figure(
                "Diversity", "heatmap", "beta", "alpha", grid, value="diversity", unit=SHARE
            ),
        },
    )


def diversities(items: pd.DataFrame, texts: dict[str, str], vectors: Vectors) -> "pd.Series[float]":
    """Vendi score over K of the demonstrations of each row, in (0, 1]; written demonstrations of no pool are passed over.

    ``texts`` by example id. A row without demonstrations has no diversity and is an error of ours.
    """
    chosen = [[name for name in json.loads(row) if name in texts] for row in items["demonstrations"]]
    distinct = sorted({name for names in chosen for name in names})
    vector_of = dict(zip(distinct, torch.from_numpy(vectors([texts[name] for name in distinct])), strict=True))
    values = [float(diversity_reward(torch.stack([vector_of[name] for name in names]))) for names in chosen]
    return pd.Series(values, index=items.index)


def pareto(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether no other point is at least as high in both and higher in one."""

    def beaten(one: tuple[float, float]) -> bool:
        return any(a >= one[0] and b >= one[1] and (a, b) != one for a, b in points)

    return [not beaten(point) for point in points]


def _mean_entropy(items: pd.DataFrame, column: str) -> float:
    values = [entropy_of(json.loads(row)) for row in items[column]]
    return sum(values) / len(values)


def _name(alpha: float, beta: float) -> str:
    return f"alpha {alpha:g}, beta {beta:g}"
