"""What the commands of ``train.py`` do: options in, exit code out."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from core.bundle import POOL_OF_TASK, Workbench, bundled_examples
from core.config import read_config
from core.data import read_examples
from core.encoder import SentenceEncoder
from core.errors import InvalidConfig
from core.evaluation import EvaluationConfig, record, refuse_overwrite, save, summary, tables_by_k
from core.evaluation import evaluate as run_evaluation
from core.languages import resolve_language
from core.models import ASSETS, ModelConfig, load_model
from core.pool import Pool
from core.pool_checks import check_demonstrations
from core.predictor import Question, checked
from core.records import Query
from core.run_record import write_record
from core.tasks import Task, load_tasks


def pretrain(options: argparse.Namespace, began: float) -> int:
    """Train the embedded models into ``--work``."""
    from core.pretraining.config import PretrainConfig
    from core.pretraining.recipe import pretrain as run
    from core.pretraining.source import data_folder

    config = read_config(options.config, PretrainConfig, _overrides(options.overrides))

    def report(line: str) -> None:
        print(f"{(time.perf_counter() - began) / 60:5.1f} min  {line}", flush=True)

    run(config, data_folder(options.data), ASSETS, load_tasks(ASSETS), options.work, report)
    report(f"done: {options.work / 'lm'} and {options.work / 'encoder'}; copy them to assets/models to ship them")
    return 0


def fit(options: argparse.Namespace, began: float) -> int:
    """Run the closed loop, or go on with it, and write what it learnt."""
    from core.loop.config import FitConfig
    from core.loop.fit import fit as run
    from core.loop.fit import prepare, verdict
    from core.loop.trackers import make_accelerator, start_trackers

    config = read_config(options.config, FitConfig, _overrides(options.overrides))
    task = _task(config.task)
    where: dict[str, Sequence[str]] = {"language": task.languages}
    if options.pool == "bundled":
        pool = [e for e in bundled_examples(POOL_OF_TASK[config.task]) if e.language in task.languages]
    else:
        pool = read_examples(options.pool, task, where, fold="demo")
    queries = read_examples(options.queries, task, where, fold="demo") if options.queries else None
    model = load_model(ModelConfig(options.model, options.precision, options.device))
    accelerator = make_accelerator(model.device.type == "cpu", list(_split(options.track)), str(options.output))
    start_trackers(accelerator, config)
    main = accelerator.is_main_process
    loop = prepare(
        config,
        model,
        SentenceEncoder(),
        task,
        pool,
        queries,
        options.output,
        accelerator,
        _to_stderr if main else _quiet,
    )
    with tqdm(total=config.optim.iterations, desc="fit", unit="it", file=sys.stderr, disable=not main) as bar:

        def tell(iteration: int, line: dict[str, Any]) -> None:
            bar.n = iteration
            bar.set_postfix({key: round(line[key], 3) for key in ("reward", "acc", "div") if key in line}, refresh=True)
            if "development" in line:
                bar.write(
                    "  ".join(
                        [f"{iteration:5d}", *(f"{name} {value:.3f}" for name, value in line["development"].items())]
                    ),
                    sys.stderr,
                )
            for sentence in line["alarms"]:
                bar.write(f"      {sentence}", sys.stderr)

        entry = run(loop, str(options.pool), tell)
    accelerator.end_training()
    if entry:
        print(f"{verdict(entry)}\n{options.output}")
    return 0


def ablate(options: argparse.Namespace, began: float) -> int:
    """Run the closed loop in variants and seeds, and compare before and after on queries it did not learn from."""
    from core.experiments.ablation import AblationConfig, table
    from core.experiments.ablation import ablate as run
    from core.loop.config import FitConfig

    refuse_overwrite(options.output)
    fit_config = read_config(options.config, FitConfig, _overrides(options.overrides))
    config = AblationConfig(
        fit_config, tuple(_split(options.variants)), _numbers("--seeds", options.seeds), options.most
    )
    task = _task(fit_config.task)
    codes = [resolve_language(name, task.languages).code for name in _split(options.languages)] or list(task.languages)
    pool = read_examples(options.pool, task, {"language": codes}, fold="demo")
    queries = read_examples(options.queries, task, {"language": codes}, fold="dev_query")
    entry = run(config, ModelConfig(options.model, options.precision), task, pool, queries, options.work, _to_stderr)
    write_record(options.output / "record.json", entry)
    print(table(entry))
    return 0


def quality(options: argparse.Namespace, began: float) -> int:
    """Measure the embedded models on held-out text, a record a part."""
    from core.pretraining.source import data_folder
    from core.quality.parts import QualityConfig, Subject, means, measure

    tasks = load_tasks(ASSETS)
    known = tasks["translation"].languages
    codes = None
    if options.translate != "all":
        codes = tuple(resolve_language(name, known).code for name in _split(options.translate))
    config = QualityConfig(tuple(_split(options.parts)), codes, options.k)

    def report(line: str) -> None:
        print(f"{(time.perf_counter() - began) / 60:5.1f} min  {line}", file=sys.stderr, flush=True)

    model, encoder = load_model(ModelConfig(options.model)), SentenceEncoder(options.encoder)
    subject = Subject(model, encoder, tasks, data_folder(options.data), config, Path("runs") / "cache", report)
    for part, table in measure(subject, options.output):
        print(f"{part}\n{table.round(3).to_string(index=False, na_rep='')}\nmean {means(table)}\n", flush=True)
    return 0


def evaluate(options: argparse.Namespace, began: float) -> int:
    """Compare strategies and write a record."""
    refuse_overwrite(options.output)
    task = _task(options.task)
    known = task.languages
    languages = [resolve_language(name, known).code for name in _split(options.languages)]
    if options.pool_languages == "others":
        pool_languages: tuple[str, ...] | None = None
    elif options.pool_languages == "bundled":
        pool_languages = known
    else:
        pool_languages = tuple(resolve_language(name, known).code for name in _split(options.pool_languages))
    config = EvaluationConfig(
        tuple(_split(options.strategies)),
        _numbers("--k", options.k),
        _numbers("--seeds", options.seeds),
        pool_languages,
        options.shown_labels,
        options.most,
    )
    queries = read_examples(options.queries, task, {"language": languages}, fold="dev_query")
    pool = Pool(tuple(read_examples(options.pool, task, {"language": known}, fold="demo")))
    bench = _bench(options, {options.task: pool})
    with tqdm(
        total=100,
        desc="evaluating",
        unit="%",
        file=sys.stderr,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}",
    ) as bar:

        def tell(share: float, stage: str) -> None:
            bar.set_description(stage)
            bar.n = round(100 * share, 1)
            bar.refresh()

        items = run_evaluation(bench.predictor(options.task), queries, config, tell)
    table = summary(items, task.labels)
    save(options.output, items, record(bench.predictor(options.task), config, table, time.perf_counter() - began))
    for name, measure in (("accuracy, %", "accuracy"), ("accuracy after batch calibration, %", "accuracy_batch")):
        for k, wide in tables_by_k(table, measure).items():
            print(f"{name}, k = {k}\n{(100 * wide).round(1).to_string()}\n")
    return 0


def check(options: argparse.Namespace, began: float) -> int:
    """Check a folder of demonstrations; 1 when anything is found."""
    problems = check_demonstrations(read_examples(options.folder))
    for problem in problems:
        print(f"{problem.kind}: {problem.message}")
    print(f"{len(problems)} problems found in {time.perf_counter() - began:.1f} s")
    return 1 if problems else 0


def ask(options: argparse.Namespace, began: float) -> int:
    """Answer one query and print demonstrations and answers."""
    task = _task(options.task)
    code = resolve_language(options.language, task.languages).code
    answers = tuple(resolve_language(name, task.languages).code for name in _split(options.answers))
    query = checked(Query(options.text, code))
    pools = {}
    if options.pool:
        pools[options.task] = Pool(tuple(read_examples(options.pool, task)))
    predictor = _bench(options, pools).predictor(options.task)
    prediction = predictor.predict(Question(query, options.strategy, options.k, answers))
    for entry in prediction.selection.demonstrations:
        print(f"  {entry.example.language}  {entry.example.label}  {entry.example.text}")
    for answer in prediction.answers:
        print(f"{answer.language}: {answer.text}  (confidence {answer.confidence:.2f})")
    return 0


def _overrides(given: Sequence[str]) -> dict[str, str]:
    overrides = {}
    for override in given:
        key, sign, value = override.partition("=")
        if not sign:
            raise InvalidConfig(f"{override!r} is not a setting; write it as KEY=VALUE, for example seed=1.")
        overrides[key] = value
    return overrides


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _quiet(line: str) -> None: ...


def _task(name: str) -> Task:
    tasks = load_tasks(ASSETS)
    if name not in tasks:
        raise InvalidConfig(f"There is no task {name!r}; choose one of {', '.join(tasks)}.")
    return tasks[name]


def _bench(options: argparse.Namespace, pools: dict[str, Pool]) -> Workbench:
    model = load_model(ModelConfig(options.model, options.precision, run=options.run, fall_back=options.fall_back))
    if model.trained is not None and model.trained.fallback and options.fall_back:
        _to_stderr(
            f"The run {model.trained.name!r} found itself no better than {model.trained.fallback}, which is used in its place; "
            "--no-fall-back insists on the run."
        )
    return Workbench(model, SentenceEncoder(), pools=pools, cache=Path("runs") / "cache")


def _split(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in _split(text))
    except ValueError as error:
        raise InvalidConfig(f"{option} is {text!r}; write whole numbers with commas, for example 0,1,2.") from error
