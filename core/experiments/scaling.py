"""Scaling: accuracy by number of demonstrations, by prompt budget, and over several models.

The budget is the number of tokens a prompt may take; demonstrations that do not fit are dropped whole, the least preferred first, so a
small budget shows fewer than K. How many were shown is measured, not assumed. Models are asked the same queries about the same pool; each
chooses by its own states.

Tables and figures of the scaling experiment.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.config import Natural, check
from core.data.pool import Pool
from core.data.tasks import Task
from core.errors import InvalidConfig, PromptTooLong
from core.evaluation import BARE, EvaluationConfig, Run, at_most, evaluate, runs_of
from core.experiments.runner import (
    POINTS,
    SHARE,
    P,
    Row,
    Tell,
    Work,
    cell,
    comparison_rows,
    facts,
    finding,
    mean_macro_f1,
    right,
)
from core.inference.predictor import Predictor
from core.models.loading import LanguageModel, ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.prompting import PromptConfig
from core.records import Demonstration, Example, Query
from core.run_record import model_facts
from core.statistics.comparisons import compare_all, mean_interval
from core.training.run import data_key
from core.workbench import Workbench, settings_of

Key = tuple[str, int, str, int]  # model, budget, strategy, K


def shown_counts(predictor: Predictor, asked: Sequence[Example], table: pd.DataFrame) -> dict[str, list[int]]:
    """Demonstrations and tokens of each prompt, in the order of ``table``, which has a row a query."""
    known = {example.id: example for example in predictor.index.pool.examples}
    counts: dict[str, list[int]] = {"shown": [], "tokens": []}
    for example, chosen in zip(asked, table["demonstrations"], strict=True):
        query = Query(example.text, example.language, example.item)
        entries = [Demonstration(known[name], None, None) for name in json.loads(chosen)]
        prompt = predictor.writer.prompt(query, entries, example.language)
        counts["shown"].append(len(prompt.demonstrations))
        counts["tokens"].append(prompt.tokens)
    return counts


def shown(items: pd.DataFrame, labels: Sequence[str], contexts: Mapping[str, int]) -> dict[str, Any]:
    """Accuracy of every combination; tests against the smallest number of demonstrations, smallest budget, and first model."""
    parts: dict[Key, pd.DataFrame] = {
        (str(model), int(str(budget)), str(strategy), int(str(k))): part
        for (model, budget, strategy, k), part in items.groupby(["model", "budget", "strategy", "k"], sort=False)
    }
    scores = {_name(key): right(part) for key, part in parts.items()}
    rows: list[Row] = []
    for (model, budget, strategy, k), part in parts.items():
        rows.append(
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
        )
    tests = compare_all(scores, _pairs(list(parts)))
    return {
        "findings": [finding(one) for one in tests],
        "tables": {"accuracy": rows, "steps compared": comparison_rows(tests)},
        "units": {"accuracy": SHARE, "macro-F1": SHARE, "first minus second": POINTS, "p": P, "p (Holm)": P},
        "figures": _figures(rows),
    }


def _pairs(keys: Sequence[Key]) -> list[tuple[str, str]]:
    """Each combination against the one with the fewest demonstrations, the smallest budget or the first model, all else equal.

    Zero-shot is the fewest of every strategy.
    """
    bare = {(model, budget): (model, budget, strategy, k) for model, budget, strategy, k in keys if strategy == BARE}
    found: list[tuple[Key, Key]] = []
    for key in keys:
        model, budget, strategy, k = key
        least = min(other for m, b, s, other in keys if (m, b, s) == (model, budget, strategy))
        fewest = bare.get((model, budget), (model, budget, strategy, least))
        tightest = min((b or 10**9 for m, b, s, other in keys if (m, s, other) == (model, strategy, k)))
        first = next(m for m, b, s, other in keys if (b, s, other) == (budget, strategy, k))
        others = (fewest, (model, 0 if tightest == 10**9 else tightest, strategy, k), (first, budget, strategy, k))
        found += [(key, other) for other in others if other != key]
    return [(_name(a), _name(b)) for a, b in dict.fromkeys(found)]


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    """A curve over whatever was varied."""
    line = {"kind": "line", "y": "accuracy", "series": "series", "units": SHARE}
    largest = {row["model"]: max(r["budget"] for r in rows if r["model"] == row["model"]) for row in rows}
    most = max(row["K"] for row in rows)
    found: dict[str, Any] = {}
    by_k = [
        {**row, "series": f"{row['strategy']}, {row['model']}"}
        for row in rows
        if row["budget"] == largest[row["model"]]
    ]
    if len({row["K"] for row in rows}) > 1:
        found["accuracy by K"] = line | {"title": "Accuracy by number of demonstrations", "x": "K", "rows": by_k}
    at_most_k = [{**row, "series": f"{row['strategy']}, K = {row['K']}"} for row in rows if row["K"] in (0, most)]
    if len({row["budget"] for row in rows}) > 1:
        found["accuracy by budget"] = line | {
            "title": "Accuracy by tokens of the prompt",
            "x": "budget",
            "rows": at_most_k,
        }
    if len({row["parameters"] for row in rows}) > 1:
        sized = sorted((r for r in at_most_k if r["budget"] == largest[r["model"]]), key=lambda r: r["parameters"])
        found["accuracy by parameters"] = line | {"title": "Accuracy by model size", "x": "parameters", "rows": sized}
    return found or {"accuracy": {"kind": "bar", "x": "strategy", "y": "accuracy", "table": "accuracy", "units": SHARE}}


def _name(key: Key) -> str:
    model, budget, strategy, k = key
    return f"{strategy}, K = {k}, {model}" + (f", {budget} tokens" if budget else "")


Open = Callable[[ModelConfig], LanguageModel]


@dataclass(frozen=True)
class ScalingConfig:
    """What is varied."""

    models: tuple[ModelConfig, ...]
    strategies: tuple[str, ...]
    k: tuple[int, ...]
    budgets: tuple[Natural, ...]  # tokens of a prompt; 0: all that the model can read
    seeds: tuple[int, ...]
    most: int  # queries of each language

    def __post_init__(self) -> None:
        """Refuse empty lists and negative budgets."""
        if not self.models or not self.budgets:
            raise InvalidConfig(
                "Scaling needs at least one model and one budget; 0 is the whole of what a model reads."
            )
        check(self, "--")
        self.asked  # noqa: B018  (raises for what an evaluation refuses)

    @property
    def asked(self) -> EvaluationConfig:
        """The passes of one model and budget as an evaluation names them."""
        return EvaluationConfig(self.strategies, self.k, self.seeds, None, most=self.most)


def scaling(
    config: ScalingConfig,
    task: Task,
    pool: Sequence[Example],
    queries: Sequence[Example],
    folder: Path,
    tell: Tell,
    opened: Open = load_model,
) -> dict[str, Any]:
    """Evaluate all models, budgets and numbers of demonstrations; the record. ``opened`` loads a model."""
    began = time.perf_counter()
    asked = at_most(queries, config.most)
    work = Work(folder, {"task": task.name, "data": data_key(asked, pool)}, tell)
    models = {_label(one): opened(one) for one in config.models}
    runs = runs_of(config.asked)
    passes = [(name, budget, run) for name in models for budget in config.budgets for run in runs]
    names = [_pass(models[name], budget, run) for name, budget, run in passes]
    work.expect(names)
    encoder, tables = SentenceEncoder(), []
    benches: dict[str, Workbench] = {}  # of the model at work alone
    for (name, budget, run), place in zip(passes, names, strict=True):
        if name not in benches:
            benches = {name: Workbench(models[name], encoder, cache=folder, pools={task.name: Pool(tuple(pool))})}

        def make(told: Tell, bench: Workbench = benches[name], budget: int = budget, run: Run = run) -> pd.DataFrame:
            return _evaluated(bench, task, asked, budget, run, told)

        facts_of = {"model": name, "parameters": models[name].network.num_parameters(), "budget": budget}
        tables.append(work.table(place, make).assign(**facts_of))
    first = next(iter(models.values()))
    return {
        **facts(
            "scaling",
            "Accuracy by K, prompt budget and model",
            first,
            asdict(config),
            {"pool": pool, "queries": asked},
            0,
        ),
        "models": [model_facts(model) | {"parameters": model.network.num_parameters()} for model in models.values()],
        "task": task.name,
        "seeds": list(config.seeds),
        "items": len({query.item for query in asked}),
        **shown(pd.concat(tables, ignore_index=True), task.labels, {n: m.context for n, m in models.items()}),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _evaluated(
    bench: Workbench, task: Task, asked: Sequence[Example], budget: int, run: Run, tell: Tell
) -> pd.DataFrame:
    """One pass, with the number of demonstrations and tokens of each prompt."""
    predictor = Predictor(task, bench.index(task.name), bench.scorer, _settings(bench, budget))
    one = EvaluationConfig((run.strategy,), (run.k,), (run.seed,), None)
    try:
        table = evaluate(predictor, asked, one, tell)
    except PromptTooLong as error:
        raise InvalidConfig(
            f"A budget of {budget} tokens does not hold the longest query alone ({error}) Raise --budgets, or leave out that value."
        ) from error
    return table.assign(**shown_counts(predictor, asked, table))


def _settings(bench: Workbench, budget: int) -> Any:
    settings = settings_of(bench.model)
    reserve = PromptConfig().reserve
    if budget:
        if budget > bench.model.context - reserve:
            raise InvalidConfig(
                f"A budget of {budget} tokens is more than {bench.model.config.name!r} can read: {bench.model.context - reserve}, as "
                f"{reserve} are kept for the answer; lower it, or give 0."
            )
        reserve = bench.model.context - budget
    return replace(settings, prompt=replace(settings.prompt, reserve=reserve))


def _label(config: ModelConfig) -> str:
    """A model's name in tables: the last part of a path or Hub id, with its precision where that is not fp32."""
    name = config.name.rstrip("/").split("/")[-1]
    return name if config.precision == "fp32" else f"{name} {config.precision}"


def _pass(model: LanguageModel, budget: int, run: Run) -> str:
    return f"{model.fingerprint}-{budget}-{run.strategy}-{run.k}-{run.seed}"
