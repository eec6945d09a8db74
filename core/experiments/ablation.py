"""Ablation: what the closed loop changes, in both modes, and with each loss, or each part of learning from a bank, off in turn.

Every variant is trained with every seed on pool items, and its own choice is evaluated on other queries before and after, paired by item.
Fall-back is off: the numbers are those of the trained policy, good or bad. A variant that is done is not run again. Intervals of a change
are over items; where there are several seeds the one over items and seeds stands beside it, which says what training again would give.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.config import Count, check
from core.errors import InvalidConfig
from core.evaluation import EvaluationConfig
from core.experiments.comparison import changes_over_seeds
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
from core.progress import Progress
from core.report.cells import POINTS, SHARE
from core.report.document import Figure
from core.statistics.bootstrap import paired_interval
from core.training.config import FitConfig

Variant = Callable[[FitConfig], FitConfig]


def _without(loss: str) -> Callable[[FitConfig], FitConfig]:
    off: dict[str, Any] = {loss: 0.0}
    return lambda config: replace(config, losses=replace(config.losses, **off))


COMMON: dict[str, Variant] = {
    "supervised": lambda config: replace(config, mode="supervised"),
    "self": lambda config: replace(config, mode="self", answer_languages=max(2, config.answer_languages)),
    "without writing": lambda config: replace(config, writing=replace(config.writing, pairs=0)),
}
LOSSES: dict[str, Variant] = {  # of runs that ask the model at every step
    "without rl": _without("rl"),
    "without align": _without("align"),
    "without coherence": lambda c: replace(c, losses=replace(c.losses, coherence=0.0, variance_floor=0.0)),
    "without reference": _without("reference"),
    "teacher ema": lambda config: replace(config, losses=replace(config.losses, teacher="ema")),
    "teacher base": lambda config: replace(config, losses=replace(config.losses, teacher="base")),
    "teacher both": lambda config: replace(config, losses=replace(config.losses, teacher="both", gate=False)),
}
BANK: dict[str, Variant] = {  # of runs with a bank, which read no loss weight
    "expected reward": lambda config: replace(config, choice=replace(config.choice, objective="expected")),
    "listwise": lambda config: replace(config, choice=replace(config.choice, objective="listwise")),
    "without head": lambda config: replace(config, choice=replace(config.choice, head=False)),
    "without decay": lambda config: replace(config, choice=replace(config.choice, decay=0.0)),
    "without imputed": lambda config: replace(config, bank=replace(config.bank, imputed=0)),
}
VARIANTS = COMMON | LOSSES | BANK


def variants_of(config: FitConfig) -> dict[str, Variant]:
    """Those that can change something about runs of ``config``."""
    return COMMON | (BANK if config.bank.queries else LOSSES)


@dataclass(frozen=True)
class AblationConfig:
    """Which runs are made, and what they are measured on."""

    fit: FitConfig
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    most: Count  # evaluation queries of each language

    def __post_init__(self) -> None:
        """Refuse unknown variants and an empty list of seeds."""
        check(self, "--")
        for name in self.variants:
            if name not in VARIANTS:
                raise InvalidConfig(f"There is no variant {name!r}; choose from {', '.join(variants_of(self.fit))}.")
            if name not in variants_of(self.fit):
                here = "with" if self.fit.bank.queries else "without"
                raise InvalidConfig(
                    f"The variant {name!r} changes nothing about a run {here} a bank (bank.queries is {self.fit.bank.queries}); choose "
                    f"from {', '.join(variants_of(self.fit))}."
                )
        if not self.variants or not self.seeds:
            raise InvalidConfig("An ablation needs at least one variant and one seed.")


def ablate(config: AblationConfig, material: Material, folder: Path, progress: Progress) -> Row:
    """Train, evaluate and compare; the record."""
    evaluation = EvaluationConfig(("zero-shot", "agl"), (config.fit.policy.k,), (0,), None, most=config.most)
    runs = {
        variant: [
            trained_pass(
                material,
                evaluation,
                replace(VARIANTS[variant](config.fit), seed=seed),
                folder / f"{variant.replace(' ', '-')}-{seed}",
            )
            for seed in config.seeds
        ]
        for variant in config.variants
    }

    def conclude(tables: dict[str, pd.DataFrame]) -> Results:
        trained = {variant: [tables[one.name] for one in passes] for variant, passes in runs.items()}
        return _results(tables[UNTRAINED], trained, material.task.labels)

    return Experiment(
        kind="ablation",
        title="What the closed loop changes",
        config=config,
        models=[load_model(material.base)],
        data={"pool": material.pool, "queries": material.queries},
        settings={"fit": asdict(config.fit), "most": config.most},
        passes=[untrained_pass(material, evaluation), *(one for passes in runs.values() for one in passes)],
        conclude=conclude,
        facts={"task": material.task.name, "seeds": list(config.seeds)},
    ).run(folder, progress)


def _results(untrained: pd.DataFrame, trained: Mapping[str, Sequence[pd.DataFrame]], labels: Sequence[str]) -> Results:
    """Tables and figures; the adjusted p-values are of all pairs of variants together."""
    systems = {UNTRAINED: right_answers(untrained, "agl")}
    systems |= {name: right_answers(pd.concat(tables), "agl") for name, tables in trained.items()}
    comparisons = all_pairs(systems)
    p_values = {one.first: one.p_holm for one in comparisons if one.second == UNTRAINED}
    variants = [_row(name, untrained, tables, labels, p_values[name]) for name, tables in trained.items()]
    by_language = [row for name, tables in trained.items() for row in _languages(name, untrained, tables)]
    shares = ("before", "after", "lowest seed", "highest seed", "macro-F1 after", "zero-shot before", "zero-shot after")
    changes = dict.fromkeys(("change", "change over items and seeds", "zero-shot change"), POINTS)
    return Results(
        findings([one for one in comparisons if one.second == UNTRAINED]),
        {"variants": variants, "pairs of variants": comparison_rows(comparisons), "by language": by_language},
        dict.fromkeys(shares, SHARE) | changes | COMPARED,
        {
            "change by variant": Figure(
                "Change of accuracy by training", "bar", "variant", "change", variants, unit=POINTS
            ),
            "change by language": Figure(
                "Change of accuracy by language",
                "heatmap",
                "variant",
                "language",
                by_language,
                value="change",
                unit=POINTS,
            ),
        },
    )


def _row(
    variant: str, untrained: pd.DataFrame, trained: Sequence[pd.DataFrame], labels: Sequence[str], p_holm: float
) -> Row:
    """Accuracy of self-selection and of zero-shot before and after, with the interval of the paired difference."""
    row: Row = {"variant": variant}
    for strategy, name in (("agl", ""), ("zero-shot", "zero-shot ")):
        first = right_answers(untrained, strategy)
        after = [right_answers(table, strategy) for table in trained]
        changes = [(scores - first).dropna() for scores in after]
        every = pd.concat(changes)
        by_seed = [round(float(scores.mean()), 4) for scores in after]
        row |= {
            f"{name}before": round(float(first.mean()), 4),
            f"{name}after": round(float(pd.concat(after).mean()), 4),
            f"{name}change": cell(paired_interval(every.tolist(), [item for _, item in every.index])),
        }
        if strategy == "agl":
            row |= {"change over items and seeds": changes_over_seeds(changes), "p (Holm)": round(p_holm, 5)}
            row |= {"lowest seed": min(by_seed), "highest seed": max(by_seed), "seeds": len(by_seed)}
            scores = [mean_macro_f1(table, labels, strategy) for table in trained]
            row["macro-F1 after"] = round(sum(scores) / len(scores), 4)
    return row


def _languages(variant: str, untrained: pd.DataFrame, trained: Sequence[pd.DataFrame]) -> list[Row]:
    first = right_answers(untrained, "agl").groupby(level="language").mean()
    last = pd.concat([right_answers(table, "agl") for table in trained]).groupby(level="language").mean()
    return [
        {
            "variant": variant,
            "language": str(code),
            "before": round(float(first[code]), 4),
            "after": round(float(last[code]), 4),
            "change": round(float(last[code] - first[code]), 4),
        }
        for code in first.index
    ]
