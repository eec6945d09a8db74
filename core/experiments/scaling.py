"""Scaling: accuracy by number of demonstrations, by prompt budget, and over several models.

The budget is the number of tokens a prompt may take; demonstrations that do not fit are dropped whole, the least preferred first, so a
small budget shows fewer than K. How many were shown is measured, not assumed. Models are asked the same queries about the same pool; each
chooses by its own states.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.bundle import Workbench, settings_of
from core.encoder import SentenceEncoder
from core.errors import InvalidConfig, PromptTooLong
from core.evaluation import EvaluationConfig, Run, at_most, evaluate, runs_of
from core.experiments.result import facts
from core.experiments.scaling_tables import shown, shown_counts
from core.experiments.work import Tell, Work
from core.loop.fit import data_key
from core.models import LanguageModel, ModelConfig, load_model
from core.pool import Pool
from core.predictor import Predictor
from core.prompting import PromptConfig
from core.records import Example
from core.run_record import model_facts
from core.tasks import Task

Open = Callable[[ModelConfig], LanguageModel]


@dataclass(frozen=True)
class ScalingConfig:
    """What is varied."""

    models: tuple[ModelConfig, ...]
    strategies: tuple[str, ...]
    k: tuple[int, ...]
    budgets: tuple[int, ...]  # tokens of a prompt; 0: all that the model can read
    seeds: tuple[int, ...]
    most: int  # queries of each language

    def __post_init__(self) -> None:
        """Refuse empty lists and negative budgets."""
        if not self.models or not self.budgets:
            raise InvalidConfig(
                "Scaling needs at least one model and one budget; 0 is the whole of what a model reads."
            )
        if min(self.budgets) < 0:
            raise InvalidConfig(f"A budget is {min(self.budgets)} tokens; give 0 (all the model reads) or more.")
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
