"""Scaling: accuracy by number of demonstrations, by prompt budget, and over several models.

The budget is the number of tokens a prompt may take; demonstrations that do not fit are dropped whole, the least preferred first, so a
small budget shows fewer than K. How many the model read is measured, not assumed. Models are asked the same queries about the same pool;
each chooses by its own states.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from core.config import Count, Natural, check
from core.data.pool import Pool
from core.data.tasks import Task
from core.errors import InvalidConfig, PromptTooLong
from core.evaluation import ZERO_SHOT, EvaluationConfig, Run, at_most, evaluate, runs_of
from core.evaluation.passes import Pass
from core.experiments.runner import (
    COMPARED,
    Experiment,
    Results,
    Row,
    cell,
    comparison_rows,
    findings,
    mean_macro_f1,
    right_answers,
)
from core.inference.predictor import Predictor, Settings
from core.models.loading import LanguageModel, ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.progress import Progress
from core.prompting import PromptConfig
from core.records import Demonstration, Example, Query
from core.report.cells import SHARE
from core.report.document import Figure
from core.run_record import model_facts
from core.statistics.comparisons import compare_all, mean_interval
from core.workbench import Workbench, settings_of

Key = tuple[str, int, str, int]  # model, budget, strategy, K
Open = Callable[[ModelConfig], LanguageModel]


@dataclass(frozen=True)
class ScalingConfig:
    """What is varied."""

    models: tuple[ModelConfig, ...]
    strategies: tuple[str, ...]
    k: tuple[Natural, ...]
    budgets: tuple[Natural, ...]  # tokens of a prompt; 0: all that the model can read
    seeds: tuple[int, ...]
    most: Count  # queries of each language

    def __post_init__(self) -> None:
        """Refuse empty lists and negative budgets."""
        if not self.models or not self.budgets:
            raise InvalidConfig(
                "Scaling needs at least one model and one budget; 0 is the whole of what a model reads."
            )
        check(self, "--")
        self.evaluation  # noqa: B018  (raises for what an evaluation refuses)

    @property
    def evaluation(self) -> EvaluationConfig:
        """The passes of one model and budget as an evaluation names them."""
        return EvaluationConfig(self.strategies, self.k, self.seeds, None, most=self.most)


def scaling(
    config: ScalingConfig,
    task: Task,
    pool: Sequence[Example],
    queries: Sequence[Example],
    folder: Path,
    progress: Progress,
    opened: Open = load_model,
) -> Row:
    """Evaluate all models, budgets and numbers of demonstrations; the record. ``opened`` loads a model."""
    subset = at_most(queries, config.most)
    models = {_label(one): opened(one) for one in config.models}
    encoder = SentenceEncoder()
    workbenches: dict[str, Workbench] = {}  # of the model at work alone: its vectors of the pool are large

    def make(name: str, budget: int, run: Run, progress: Progress) -> pd.DataFrame:
        if name not in workbenches:
            workbenches.clear()
            workbenches[name] = Workbench(models[name], encoder, cache=folder, pools={task.name: Pool(tuple(pool))})
        table = _evaluated(workbenches[name], task, subset, budget, run, progress)
        return table.assign(model=name, parameters=models[name].network.num_parameters(), budget=budget)

    def conclude(tables: dict[str, pd.DataFrame]) -> Results:
        items = pd.concat(tables.values(), ignore_index=True)
        return _results(items, task.labels, {name: model.context for name, model in models.items()})

    described = [model_facts(one) | {"parameters": one.network.num_parameters()} for one in models.values()]
    return Experiment(
        kind="scaling",
        title="Accuracy by K, prompt budget and model",
        config=config,
        models=list(models.values()),
        data={"pool": pool, "queries": subset},
        settings={"task": task.name},
        passes=[
            Pass(f"{models[name].fingerprint}-{budget}-{run.name}", partial(make, name, budget, run))
            for name in models
            for budget in config.budgets
            for run in runs_of(config.evaluation)
        ],
        conclude=conclude,
        facts={
            "models": described,
            "task": task.name,
            "seeds": list(config.seeds),
            "items": len({query.item for query in subset}),
        },
    ).run(folder, progress)


def _evaluated(
    workbench: Workbench, task: Task, queries: Sequence[Example], budget: int, run: Run, progress: Progress
) -> pd.DataFrame:
    """One pass, with the number of demonstrations and tokens of each prompt."""
    predictor = Predictor(task, workbench.index(task.name), workbench.scorer, _settings(workbench, budget))
    one = EvaluationConfig((run.strategy,), (run.k,), (run.seed,), None)
    try:
        table = evaluate(predictor, queries, one, progress)
    except PromptTooLong as error:
        raise InvalidConfig(
            f"A budget of {budget} tokens does not hold the longest query alone ({error}) Raise --budgets, or leave out that value."
        ) from error
    return table.assign(**demonstration_counts(predictor, queries, table))


def demonstration_counts(predictor: Predictor, queries: Sequence[Example], table: pd.DataFrame) -> dict[str, list[int]]:
    """Demonstrations and tokens of each prompt, in the order of ``table``, which has a row a query."""
    by_id = {example.id: example for example in predictor.index.pool.examples}
    counts: dict[str, list[int]] = {"shown": [], "tokens": []}
    for example, chosen in zip(queries, table["demonstrations"], strict=True):
        query = Query(example.text, example.language, example.item)
        entries = [Demonstration(by_id[name], None, None) for name in json.loads(chosen)]
        prompt = predictor.writer.prompt(query, entries, example.language)
        counts["shown"].append(len(prompt.demonstrations))
        counts["tokens"].append(prompt.tokens)
    return counts


def _settings(workbench: Workbench, budget: int) -> Settings:
    settings = settings_of(workbench.model)
    reserve = PromptConfig().reserve
    if budget:
        if budget > workbench.model.context - reserve:
            limit = workbench.model.context - reserve
            raise InvalidConfig(
                f"A budget of {budget} tokens is more than {workbench.model.config.name!r} can read: {limit}, as {reserve} are kept for "
                "the answer; lower it, or give 0."
            )
        reserve = workbench.model.context - budget
    return replace(settings, prompt=replace(settings.prompt, reserve=reserve))


def _label(config: ModelConfig) -> str:
    """A model's name in tables: the last part of a path or Hub id, with its precision where that is not fp32."""
    name = config.name.rstrip("/").split("/")[-1]
    return name if config.precision == "fp32" else f"{name} {config.precision}"


def _results(items: pd.DataFrame, labels: Sequence[str], contexts: Mapping[str, int]) -> Results:
    """Accuracy of every combination; tests against the smallest number of demonstrations, smallest budget, and first model."""
    parts: dict[Key, pd.DataFrame] = {
        (str(model), int(str(budget)), str(strategy), int(str(k))): part
        for (model, budget, strategy, k), part in items.groupby(["model", "budget", "strategy", "k"], sort=False)
    }
    scores = {_name(key): right_answers(part) for key, part in parts.items()}
    rows: list[Row] = [
        {
            "model": model,
            "parameters": int(part["parameters"].iloc[0]),
            "budget": budget or contexts[model],
            "strategy": strategy,
            "K": k,
            "accuracy": cell(mean_interval(scores[_name((model, budget, strategy, k))])),
            "macro-F1": round(mean_macro_f1(part, labels), 4),
            "seeds": int(part["seed"].nunique()),
            "shown": round(float(part["shown"].mean()), 2),
            "tokens": round(float(part["tokens"].mean()), 1),
        }
        for (model, budget, strategy, k), part in parts.items()
    ]
    tests = compare_all(scores, _pairs(list(parts)))
    return Results(
        findings(tests),
        {"accuracy": rows, "steps compared": comparison_rows(tests)},
        {"accuracy": SHARE, "macro-F1": SHARE} | COMPARED,
        _figures(rows),
    )


def _pairs(keys: Sequence[Key]) -> list[tuple[str, str]]:
    """Each combination against the one with the fewest demonstrations, the smallest budget or the first model, all else equal.

    Zero-shot is the fewest of every strategy.
    """
    zero_shot = {
        (model, budget): (model, budget, strategy, k) for model, budget, strategy, k in keys if strategy == ZERO_SHOT
    }
    pairs: list[tuple[Key, Key]] = []
    for key in keys:
        model, budget, strategy, k = key
        least = min(other for m, b, s, other in keys if (m, b, s) == (model, budget, strategy))
        fewest = zero_shot.get((model, budget), (model, budget, strategy, least))
        tightest = min((b or 10**9 for m, b, s, other in keys if (m, s, other) == (model, strategy, k)))
        first = next(m for m, b, s, other in keys if (b, s, other) == (budget, strategy, k))
        others = (fewest, (model, 0 if tightest == 10**9 else tightest, strategy, k), (first, budget, strategy, k))
        pairs += [(key, other) for other in others if other != key]
    return [(_name(a), _name(b)) for a, b in dict.fromkeys(pairs)]


def _figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """A curve over whatever was varied."""

    def curve(title: str, along: str, points: Sequence[Row]) -> Figure:
        return Figure(title, "line", along, "accuracy", points, series="series", unit=SHARE)

    largest = {row["model"]: max(r["budget"] for r in rows if r["model"] == row["model"]) for row in rows}
    most = max(row["K"] for row in rows)
    whole = [
        row | {"series": f"{row['strategy']}, {row['model']}"} for row in rows if row["budget"] == largest[row["model"]]
    ]
    at_most_k = [row | {"series": f"{row['strategy']}, K = {row['K']}"} for row in rows if row["K"] in (0, most)]
    figures: dict[str, Figure] = {}
    if len({row["K"] for row in rows}) > 1:
        figures["accuracy by K"] = curve("Accuracy by number of demonstrations", "K", whole)
    if len({row["budget"] for row in rows}) > 1:
        figures["accuracy by budget"] = curve("Accuracy by tokens of the prompt", "budget", at_most_k)
    if len({row["parameters"] for row in rows}) > 1:
        sized = sorted((r for r in at_most_k if r["budget"] == largest[r["model"]]), key=lambda r: int(r["parameters"]))
        figures["accuracy by parameters"] = curve("Accuracy by model size", "parameters", sized)
    return figures or {"accuracy": Figure("Accuracy", "bar", "strategy", "accuracy", rows, unit=SHARE)}


def _name(key: Key) -> str:
    model, budget, strategy, k = key
    return f"{strategy}, K = {k}, {model}" + (f", {budget} tokens" if budget else "")
