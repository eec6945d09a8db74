"""From a model and data to a run that is ready, and from an ended run to what inference takes up.

With a finished run of ``train.py fit`` the output is a run as well: its policy as it was, with an adapter for the answers. Without one
it is an adapter and ``tune.json``.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from core.data.tasks import Task
from core.errors import InvalidConfig, InvalidData
from core.inference.predictor import Predictor
from core.models.adapters import write_base
from core.models.loading import LanguageModel
from core.models.soft_prompts import add_soft_prompt, save_soft_prompt, vectors_of_tokens
from core.models.trained_run import ADAPTER, MANIFEST, POLICY, STATES_OF_BASE, WEIGHTS, Trained
from core.records import Example
from core.run_record import command, commit, model_facts, write_record
from core.statistics.paired import PairedTest, holm, paired_test
from core.training.bank.build import spread
from core.training.development import Rival, fallback, held_items, watched
from core.training.rollouts import Asker
from core.training.run import add_adapter, data_key
from core.training.tuning.config import TuneConfig
from core.training.tuning.loop import TuneLoop
from core.training.tuning.rows import asks_of, training_rows
from core.training.tuning.translations import translate_queries

RECORD = "tune.json"  # of an adapter that belongs to no run


def split(
    config: TuneConfig, task: Task, pool: Sequence[Example], trained: Trained | None
) -> tuple[list[Example], list[Example], list[Example]]:
    """Pool, queries to learn from, and development queries, whose items are in neither of the others.

    The items that a run set aside stay aside. Raises ``InvalidConfig`` where ``config`` would set others aside, ``InvalidData`` for too
    few items.
    """
    if not task.is_closed:
        raise InvalidConfig(
            f"Task {task.name!r} has free-text answers; answers are learnt where there is a set of labels."
        )
    if trained is not None:
        _check_run(config, trained)
    examples = [
        e for e in pool if e.language in task.languages and (not config.languages or e.language in config.languages)
    ]
    items = len({example.item for example in examples})
    held = held_items(examples, config.share, config.seed)
    if not 0 < len(held) < items:
        raise InvalidData(
            f"The queries hold {items} items, of which a share of {config.share} is set aside; give more items."
        )
    return (
        [example for example in pool if example.item not in held],
        _teaching(config, [example for example in examples if example.item not in held]),
        [example for example in examples if example.item in held],
    )


def _teaching(config: TuneConfig, examples: Sequence[Example]) -> list[Example]:
    """The queries whose labels teach; fewer ``labelled`` ones are among more of them."""
    chosen = [example for example in examples if not config.sources or example.language in config.sources]
    if not chosen:
        raise InvalidData(
            f"No query is in {', '.join(config.sources)}, which sources names; name languages of the pool."
        )
    return spread(chosen, config.labelled, config.seed) if config.labelled else chosen


def _check_run(config: TuneConfig, trained: Trained) -> None:
    made = trained.manifest["config"]
    if (trained.folder / ADAPTER).is_dir() or (trained.folder / WEIGHTS).is_dir():
        raise InvalidConfig(
            f"The run {trained.name!r} changed the language model already; name one whose policy alone learnt (optim.trained=policy)."
        )
    here = {"task": config.task, "seed": config.seed, "languages": list(config.languages), "share": config.share}
    there = {key: made[key] for key in ("task", "seed", "languages")} | {"share": made["watch"]["share"]}
    for key, value in here.items():
        if value != there[key]:
            raise InvalidConfig(
                f"{key} is {value!r}, but {there[key]!r} in the run {trained.name!r}: other development items would be set aside; set "
                f"{key} as the run has it."
            )


def prepare(
    config: TuneConfig,
    predictor: Predictor,
    model: LanguageModel,
    queries: Sequence[Example],
    held: Sequence[Example],
    folder: Path,
    report: Callable[[str], None] = lambda _: None,
    parallel: Sequence[Example] = (),
) -> TuneLoop:
    """A run ready to go: demonstrations are chosen, then ``model``, which is ``predictor``'s, gets a fresh adapter or soft prompt.

    ``parallel``: sentences in many languages, after which the model translates queries where ``config.translations`` asks for it.
    Development queries, those of ``train.py fit``, are asked under every strategy that teaches or is learnt under, without demonstrations
    and, with a run, under the policy's choice and the nearest by the encoder.
    """
    if (folder / MANIFEST).is_file() or (folder / RECORD).is_file():
        raise InvalidConfig(f"{folder} holds a finished run already; name another output folder.")
    base = model_facts(model) if model.trained is None else model.trained.manifest["model"]
    translations = None
    if config.translations:
        assert predictor.translation is not None
        codes = config.languages or predictor.task.languages
        translations = translate_queries(
            config, model, predictor.translation, predictor.writer.config, queries, codes, parallel, folder, report
        )
        queries = [*queries, *translations.kept]
    rows = training_rows(predictor, queries, config, report)
    examples = watched(held, config.watch)
    names = [*config.contexts, *([config.teacher] if config.objective == "align" else []), "zero-shot"]
    names += ["agl", "knn"] if model.trained else []
    development = {
        name: list(zip(asks_of(predictor, examples, name, config), examples, strict=True))
        for name in dict.fromkeys(names)
    }
    _add_learnt(config, model, predictor.task)
    identity = {"model": base, "data": data_key(predictor.index.pool.examples, queries, held)}
    asker = Asker(predictor.writer, predictor.scorer)  # type: ignore[arg-type]
    loop = TuneLoop(config, model, asker, rows, development, folder, identity)
    loop.material = {"queries": len({row.ask.query.text for row in rows})}
    if translations is not None:
        loop.material["translations"] = translations.facts
    return loop


def _add_learnt(config: TuneConfig, model: LanguageModel, task: Task) -> None:
    """Put what is to learn on the network, in place, in float32: small updates are lost in bfloat16. Nothing else learns."""
    torch.manual_seed(config.seed)
    if config.method == "prompt":
        (ids,) = model.encode(
            [", ".join(task.labels)]
        )  # label words are the better start (Lester et al. 2021, section 3.2)
        add_soft_prompt(model.network, vectors_of_tokens(model.network, ids, config.virtual_tokens))
    else:
        add_adapter(model, config.rank)
    part = "soft_prompt" if config.method == "prompt" else "lora_"
    for name, weight in model.network.named_parameters():
        weight.requires_grad_(part in name)
        if weight.requires_grad:
            weight.data = weight.data.float()


def finish(loop: TuneLoop, pool: str) -> dict[str, Any]:
    """Write the adapter and, last, the manifest of the run or the record of the adapter; its content. ``pool`` names where it came from."""
    model, folder = loop.model, loop.folder
    if loop.config.method == "prompt":
        save_soft_prompt(model.network, folder / ADAPTER)
    else:
        model.network.save_pretrained(folder / ADAPTER)
    write_base(folder / ADAPTER, loop.identity["model"], model.source)
    tests = _tests(loop)
    entry: dict[str, Any] = {
        "command": command(),
        "commit": commit(),
        "model": loop.identity["model"],
        "prompt": loop.asker.writer.config.variant,
        "tuned": asdict(loop.config),
        "tuned_material": loop.material,
        "tuned_before": _shares(loop.before),
        "tuned_after": _shares(loop.after),
        "tuned_tests": {name: _test_entry(test) for name, test in tests.items()},
    }
    if model.trained is None:
        entry |= {"data": loop.identity["data"], "pool": pool}
        write_record(folder / RECORD, entry)
        return entry
    made = model.trained.manifest
    after = {**made["after"], **{name: share for name, share in _shares(loop.after).items() if name in made["after"]}}
    entry = {**made, **entry, **_fallback(loop), "after": after, STATES_OF_BASE: True}
    save_file(load_file(model.trained.folder / POLICY), folder / POLICY)
    write_record(folder / MANIFEST, entry)
    return entry


def verdict(entry: dict[str, Any]) -> str:
    """A sentence for every strategy that development queries were asked under."""
    lines = []
    for name, after in entry["tuned_after"].items():
        test = entry["tuned_tests"].get(name)
        tested = (
            f" ({100 * test['difference']:+.1f} points [{100 * test['low']:.1f}, {100 * test['high']:.1f}], p = {test['p']:.3f}, "
            f"{test['items']} items)"
            if test
            else ""
        )
        lines.append(f"{name}: {entry['tuned_before'][name]:.1%} -> {after:.1%} on development items{tested}.")
    if made := entry.get("tuned_material", {}).get("translations"):
        reasons = ", ".join(f"{reason} {count}" for reason, count in made["rejected"].items())
        lines.append(
            f"{made['kept']} of {made['requested']} translations of queries were kept"
            + (f" ({reasons})." if reasons else ".")
        )
    return "\n".join(lines)


def _tests(loop: TuneLoop) -> dict[str, PairedTest]:
    """After against before, by strategy; none where too few items allow no test."""
    tests = {}
    for name, pairs in loop.development.items():
        test = paired_test(loop.after[name], loop.before[name], [example.item for _, example in pairs])
        if isinstance(test, PairedTest):
            tests[name] = test
    return tests


def _test_entry(test: PairedTest) -> dict[str, Any]:
    difference = test.difference
    figures = {"difference": difference.value, "low": difference.low, "high": difference.high, "p": test.p}
    return {name: round(figure, 4) for name, figure in figures.items()} | {"items": test.items}


def _fallback(loop: TuneLoop) -> dict[str, Any]:
    """What inference falls back to: no demonstrations or the nearest, where they are better than the policy's by a paired test."""
    items = [example.item for _, example in loop.development["agl"]]
    made = {name: paired_test(loop.after[name], loop.after["agl"], items) for name in ("zero-shot", "knn")}
    tests = {name: test for name, test in made.items() if isinstance(test, PairedTest)}
    corrected = holm([test.p for test in tests.values()])
    tested = [Rival(name, test, p) for (name, test), p in zip(tests.items(), corrected, strict=True)]
    return {"fallback": fallback(tested), "fallback_tests": [rival.entry() for rival in tested]}


def _shares(right: dict[str, list[bool]]) -> dict[str, float]:
    return {name: sum(values) / len(values) for name, values in right.items()}
