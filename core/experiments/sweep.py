"""Sweep: closed-loop runs over a grid of alpha and beta, and what the trained policy's choices then gain and how they differ.

Every point of the grid is trained with every seed on pool items and evaluated on other queries, paired by item. Diversity is the Vendi
score of the demonstrations chosen for those queries over K, by vectors of the sentence encoder, which no run trains: the loop's own
measure moves with the policy. A point is on the trade-off curve (Pareto) when no other is better in one and at least as good in the other.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from core.errors import InvalidConfig
from core.evaluation import EvaluationConfig
from core.experiments.runner import (
    POINTS,
    SHARE,
    Material,
    P,
    Row,
    Tell,
    Work,
    all_pairs,
    cell,
    comparison_rows,
    evaluated,
    facts,
    finding,
    mean_macro_f1,
    right,
    train,
)
from core.models.loading import load_model
from core.models.sentence_encoder import SentenceEncoder
from core.run_record import model_facts
from core.statistics.bootstrap import paired_interval
from core.statistics.comparisons import mean_interval
from core.training.config import FitConfig
from core.training.rewards import diversity_reward, entropy_of
from core.training.run import data_key

Vectors = Callable[[Sequence[str]], Any]  # texts to unit vectors (N, E)
UNTRAINED = "untrained"


@dataclass(frozen=True)
class SweepConfig:
    """The grid, and what its points are measured on."""

    fit: FitConfig
    alphas: tuple[float, ...]
    betas: tuple[float, ...]
    seeds: tuple[int, ...]
    most: int  # evaluation queries of each language

    def __post_init__(self) -> None:
        """Refuse a grid without points; every point must be a reward that can be had."""
        for name, values in (("alphas", self.alphas), ("betas", self.betas), ("seeds", self.seeds)):
            if not values:
                raise InvalidConfig(f"The sweep has no {name}; give at least one value to --{name}.")
        for alpha, beta in self.points:
            replace(self.fit.reward, alpha=alpha, beta=beta)  # raises for what the reward refuses

    @property
    def points(self) -> list[tuple[float, float]]:
        """Pairs of alpha and beta, each once."""
        return list(dict.fromkeys((alpha, beta) for alpha in self.alphas for beta in self.betas))


def sweep(config: SweepConfig, material: Material, folder: Path, tell: Tell) -> dict[str, Any]:
    """Train, evaluate and compare all points; the record."""
    began = time.perf_counter()
    model = load_model(material.base)
    shared = {"model": model_facts(model), "fit": asdict(config.fit), "most": config.most}
    work = Work(folder, shared | {"data": data_key(material.pool, material.queries)}, tell)
    work.expect([UNTRAINED, *(_pass(point, seed) for point in config.points for seed in config.seeds)])
    asked = EvaluationConfig(("zero-shot", "agl"), (config.fit.policy.k,), (0,), None, most=config.most)
    before = work.table(UNTRAINED, partial(evaluated, material, asked, None))
    found = {UNTRAINED: [before]}
    for point in config.points:
        found[_name(point)] = [
            work.table(_pass(point, seed), partial(_run, config, material, asked, folder, point, seed))
            for seed in config.seeds
        ]
    return {
        **facts(
            "sweep", "Accuracy and diversity over alpha and beta", model, asdict(config), {"pool": material.pool}, 0
        ),
        "queries": {"of a language": config.most, "languages": sorted({q.language for q in material.queries})},
        "seeds": list(config.seeds),
        "items": len(set(before["item"])),
        **_shown(config, material, found),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _run(
    config: SweepConfig,
    material: Material,
    asked: EvaluationConfig,
    folder: Path,
    point: tuple[float, float],
    seed: int,
    tell: Tell,
) -> pd.DataFrame:
    """Train a point under a seed and evaluate it; training is told as nine tenths of the pass."""
    alpha, beta = point
    settings = replace(config.fit, seed=seed, reward=replace(config.fit.reward, alpha=alpha, beta=beta))
    place = folder / _pass(point, seed).removesuffix("/items")

    def told(iteration: int, _line: dict[str, Any]) -> None:
        tell(0.9 * iteration / settings.optim.iterations, "")

    train(settings, material, place, told)
    return evaluated(material, asked, place, lambda share, stage: tell(0.9 + 0.1 * share, stage))


def _shown(config: SweepConfig, material: Material, found: dict[str, list[pd.DataFrame]]) -> dict[str, Any]:
    encoder = SentenceEncoder()
    chosen = {name: pd.concat([t[t["strategy"] == "agl"] for t in tables]) for name, tables in found.items()}
    accuracy = {name: right(items) for name, items in chosen.items()}
    named: dict[str, Row] = {UNTRAINED: {"alpha": None, "beta": None}}
    named |= {_name(point): dict(zip(("alpha", "beta"), point, strict=True)) for point in config.points}
    rows: list[Row] = []
    for name, tables in found.items():
        items = chosen[name]
        diversity = diversities(items, {e.id: e.text for e in material.pool}, encoder.vectors)
        spread = paired_interval(diversity.tolist(), items["item"].astype(str).tolist())
        by_seed = [round(float(right(t[t["strategy"] == "agl"]).mean()), 4) for t in tables]
        rows.append(
            {
                "point": name,
                **named[name],
                "accuracy": cell(mean_interval(accuracy[name])),
                "lowest seed": min(by_seed),
                "highest seed": max(by_seed),
                "macro-F1": round(mean_macro_f1(items, material.task.labels), 4),
                "diversity": cell(spread),
                "label entropy": round(_mean_entropy(items, "demonstration_labels"), 4),
                "language entropy": round(_mean_entropy(items, "demonstration_languages"), 4),
            }
        )
    best = pareto([(row["accuracy"][0], row["diversity"][0]) for row in rows])
    for row, on in zip(rows, best, strict=True):
        row["on the curve"] = on
    tests = all_pairs(accuracy)
    curve = {"kind": "scatter", "title": "Accuracy against diversity", "x": "diversity", "y": "accuracy"}
    heat = {"kind": "heatmap", "x": "beta", "y": "alpha"}
    flat = [
        {k: (v[0] if isinstance(v, list) else v) for k, v in row.items()} for row in rows if row["point"] != UNTRAINED
    ]
    return {
        "findings": [
            *(finding(one) for one in tests if one.second == UNTRAINED),
            "On the trade-off curve: " + "; ".join(row["point"] for row in rows if row["on the curve"]) + ".",
        ],
        "tables": {"points of the grid": rows, "pairs of points": comparison_rows(tests)},
        "units": dict.fromkeys(("accuracy", "lowest seed", "highest seed", "macro-F1", "diversity"), SHARE)
        | {"label entropy": "nats", "language entropy": "nats", "first minus second": POINTS, "p": P, "p (Holm)": P},
        "figures": {
            "trade-off": curve
            | {"series": "on the curve", "label": "point", "table": "points of the grid", "units": SHARE},
            "accuracy over the grid": heat | {"title": "Accuracy", "value": "accuracy", "rows": flat, "units": SHARE},
            "diversity over the grid": heat
            | {"title": "Diversity", "value": "diversity", "rows": flat, "units": SHARE},
        },
    }


def diversities(items: pd.DataFrame, texts: dict[str, str], vectors: Vectors) -> "pd.Series[float]":
    """Vendi score over K of the demonstrations of each row, in (0, 1]; written demonstrations of no pool are passed over.

    ``texts`` by example id. A row without demonstrations has no diversity and is an error of ours.
    """
    chosen = [[name for name in json.loads(row) if name in texts] for row in items["demonstrations"]]
    distinct = sorted({name for names in chosen for name in names})
    known = dict(zip(distinct, torch.from_numpy(vectors([texts[name] for name in distinct])), strict=True))
    values = [float(diversity_reward(torch.stack([known[name] for name in names]))) for names in chosen]
    return pd.Series(values, index=items.index)


def pareto(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether no other point is at least as high in both and higher in one."""

    def beaten(one: tuple[float, float]) -> bool:
        return any(a >= one[0] and b >= one[1] and (a, b) != one for a, b in points)

    return [not beaten(point) for point in points]


def _mean_entropy(items: pd.DataFrame, column: str) -> float:
    values = [entropy_of(json.loads(row)) for row in items[column]]
    return sum(values) / len(values)


def _name(point: tuple[float, float]) -> str:
    return f"alpha {point[0]:g}, beta {point[1]:g}"


def _pass(point: tuple[float, float], seed: int) -> str:
    return f"alpha-{point[0]:g}-beta-{point[1]:g}-{seed}/items"
