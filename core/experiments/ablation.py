"""Ablation: what the closed loop changes, in both modes, and with each loss off in turn.

Every variant is trained with every seed on pool items, and its own choice is evaluated on other queries before and after, paired by item.
Fall-back is off: the numbers are those of the trained policy, good or bad. A variant that is done is not run again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.tasks import Task
from core.errors import InvalidConfig
from core.evaluation import EvaluationConfig
from core.experiments.runner import (
    POINTS,
    SHARE,
    Material,
    P,
    Work,
    all_pairs,
    comparison_rows,
    evaluated,
    facts,
    finding,
    right,
    train,
)
from core.metrics import macro_f1
from core.models.loading import ModelConfig, load_model
from core.records import Example
from core.run_record import model_facts
from core.statistics.bootstrap import paired_interval
from core.statistics.comparisons import Comparison
from core.training.config import FitConfig
from core.training.run import data_key

Report = Callable[[str], None]


@dataclass(frozen=True)
class AblationConfig:
    """Which runs are made, and what they are measured on."""

    fit: FitConfig
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    most: int  # evaluation queries of each language

    def __post_init__(self) -> None:
        """Refuse unknown variants and an empty list of seeds."""
        for name in self.variants:
            if name not in VARIANTS:
                raise InvalidConfig(f"There is no variant {name!r}; choose from {', '.join(VARIANTS)}.")
        if not self.variants or not self.seeds:
            raise InvalidConfig("An ablation needs at least one variant and one seed.")


def _without(loss: str) -> Callable[[FitConfig], FitConfig]:
    off: dict[str, Any] = {loss: 0.0}
    return lambda config: replace(config, losses=replace(config.losses, **off))


VARIANTS: dict[str, Callable[[FitConfig], FitConfig]] = {
    "supervised": lambda config: replace(config, mode="supervised"),
    "self": lambda config: replace(config, mode="self", answer_languages=max(2, config.answer_languages)),
    "without rl": _without("rl"),
    "without align": _without("align"),
    "without coherence": lambda c: replace(c, losses=replace(c.losses, coherence=0.0, variance_floor=0.0)),
    "without reference": _without("reference"),
    "without writing": lambda config: replace(config, writing=replace(config.writing, pairs=0)),
    "teacher ema": lambda config: replace(config, losses=replace(config.losses, teacher="ema")),
    "teacher base": lambda config: replace(config, losses=replace(config.losses, teacher="base")),
    "teacher both": lambda config: replace(config, losses=replace(config.losses, teacher="both", gate=False)),
}


def ablate(
    config: AblationConfig,
    base: ModelConfig,
    task: Task,
    pool: Sequence[Example],
    queries: Sequence[Example],
    folder: Path,
    report: Report,
) -> dict[str, Any]:
    """Train, evaluate and compare; the record. ``pool`` is learnt from and chosen from, ``queries`` are only evaluated on."""
    began = time.perf_counter()
    material = Material(base, task, pool, queries)
    model = load_model(base)
    shared = {"model": model_facts(model), "fit": asdict(config.fit), "most": config.most}
    work = Work(folder, shared | {"data": data_key(pool, queries)}, lambda share, name: report(f"{share:4.0%} {name}"))
    work.expect(["untrained", *(_pass(variant, seed) for variant in config.variants for seed in config.seeds)])
    asked = EvaluationConfig(("zero-shot", "agl"), (config.fit.policy.k,), (0,), None, most=config.most)
    before = work.table("untrained", partial(evaluated, material, asked, None))
    rows, after = [], {}
    for variant in config.variants:
        parts = []
        for seed in config.seeds:
            place = folder / _pass(variant, seed).removesuffix("/items")
            settings = replace(VARIANTS[variant](config.fit), seed=seed)
            train(settings, material, place, partial(_tell, report, f"{variant}, seed {seed}"))
            parts.append(work.table(_pass(variant, seed), partial(evaluated, material, asked, place)))
            row = _row(variant, before, parts, config.seeds, task)
            report(f"{variant}, seed {seed}: {row['before']:.3f} to {row['after']:.3f}")
        rows.append(_row(variant, before, parts, config.seeds, task))
        after[variant] = _of("agl", pd.concat(parts))
    comparisons = all_pairs({"untrained": _of("agl", before), **after})
    return {
        **facts(
            "ablation",
            "What the closed loop changes",
            model,
            asdict(config),
            {"pool": pool},
            time.perf_counter() - began,
        ),
        "queries": {"of a language": config.most, "languages": sorted({example.language for example in queries})},
        "seeds": list(config.seeds),
        "items": len({item for _, item in _right(before, "agl").index}),
        "rows": rows,
        **_shown(rows, comparisons),
    }


def _pass(variant: str, seed: int) -> str:
    return f"{variant.replace(' ', '-')}-{seed}/items"


def _tell(report: Report, name: str, iteration: int, line: dict[str, Any]) -> None:
    if "development" in line:
        report(f"{name}, iteration {iteration}: {line['development']}")


def _of(strategy: str, items: pd.DataFrame) -> "pd.Series[float]":
    return right(items[items["strategy"] == strategy])


def _shown(rows: Sequence[dict[str, Any]], comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Tables and figures, as ``report`` shows them; the adjusted p-values are of all pairs of variants together."""
    tests = comparison_rows(comparisons)
    table = [
        {
            "variant": row["variant"],
            "before": row["before"],
            "after": row["after"],
            "change": row["change"],
            "p (Holm)": next(
                one.p_holm for one in comparisons if (one.first, one.second) == (row["variant"], "untrained")
            ),
            "lowest seed": min(row["by_seed"]),
            "highest seed": max(row["by_seed"]),
            "macro-F1 after": row["macro_f1_after"],
            "zero-shot before": row["zero_shot_before"],
            "zero-shot after": row["zero_shot_after"],
        }
        for row in rows
    ]
    by_language = [
        {
            "variant": row["variant"],
            "language": code,
            "before": before,
            "after": after,
            "change": round(after - before, 4),
        }
        for row in rows
        for code, (before, after) in row["languages"].items()
    ]
    shares = ("before", "after", "lowest seed", "highest seed", "macro-F1 after", "zero-shot before", "zero-shot after")
    changes = {
        "kind": "bar",
        "title": "Change of accuracy by training",
        "x": "variant",
        "y": "change",
        "table": "variants",
    }
    languages = {
        "kind": "heatmap",
        "title": "Change of accuracy by language",
        "x": "language",
        "y": "variant",
        "value": "change",
    }
    return {
        "findings": [finding(one) for one in comparisons if one.second == "untrained"],
        "tables": {"variants": table, "pairs of variants": tests, "by language": by_language},
        "units": dict.fromkeys(shares, SHARE) | {"change": POINTS, "first minus second": POINTS, "p": P, "p (Holm)": P},
        "figures": {
            "change by variant": changes | {"units": POINTS},
            "change by language": languages | {"units": POINTS, "table": "by language"},
        },
    }


def _row(
    variant: str, before: pd.DataFrame, parts: Sequence[pd.DataFrame], seeds: Sequence[int], task: Task
) -> dict[str, Any]:
    """Accuracy of self-selection and of zero-shot before and after, with the interval of the paired difference."""
    row: dict[str, Any] = {"variant": variant, "seeds": list(seeds[: len(parts)])}
    for strategy, name in (("agl", ""), ("zero-shot", "zero_shot_")):
        first = _right(before, strategy)
        found = [_right(part, strategy) for part in parts]
        change = pd.concat([(part - first).rename("change") for part in found])
        interval = paired_interval(change.tolist(), [item for _, item in change.index])
        row |= {
            f"{name}before": round(float(first.mean()), 4),
            f"{name}after": round(float(pd.concat(found).mean()), 4),
            f"{name}by_seed": [round(float(part.mean()), 4) for part in found],
            f"{name}change": [round(value, 4) for value in (interval.value, interval.low, interval.high)],
            f"{name}macro_f1_before": round(_f1(before, strategy, task), 4),
            f"{name}macro_f1_after": round(sum(_f1(part, strategy, task) for part in parts) / len(parts), 4),
        }
    row["languages"] = {
        str(code): [
            round(float(_right(before, "agl")[code].mean()), 4),
            round(float(pd.concat([_right(p, "agl")[code] for p in parts]).mean()), 4),
        ]
        for code in sorted(set(before["language"]))
    }
    return row


def _right(items: pd.DataFrame, strategy: str) -> "pd.Series[float]":
    """Whether each answer is right, by language and item."""
    part = items[items["strategy"] == strategy]
    return (
        (part["gold"] == part["prediction"])
        .astype(float)
        .set_axis(pd.MultiIndex.from_arrays([part["language"], part["item"]]))
    )


def _f1(items: pd.DataFrame, strategy: str, task: Task) -> float:
    """Macro-F1, mean over languages."""
    part = items[items["strategy"] == strategy]
    values = [
        macro_f1(rows["gold"].tolist(), rows["prediction"].tolist(), task.labels)
        for _, rows in part.groupby("language")
    ]
    return sum(values) / len(values)


def table(entry: dict[str, Any]) -> str:
    """The record as lines of text: accuracy in %, change with its interval."""
    lines = [f"{'variant':20s} {'before':>7s} {'after':>7s}  change [95 %]           zero-shot before, after"]
    for row in entry["rows"]:
        mean, low, high = (100 * value for value in row["change"])
        lines.append(
            f"{row['variant']:20s} {100 * row['before']:7.1f} {100 * row['after']:7.1f}  {mean:+5.1f} [{low:+5.1f}, {high:+5.1f}]      "
            f"{100 * row['zero_shot_before']:5.1f}, {100 * row['zero_shot_after']:5.1f}"
        )
    return "\n".join(lines)
