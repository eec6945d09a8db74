"""A closed-loop run from its parts to its result: what ``train.py fit`` and the Train tab call.

Experiment trackers (trackio, TensorBoard, wandb) come through accelerate, each only where it is named and installed.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from core.data.pool import Pool, check_pool
from core.data.tasks import Task
from core.errors import InvalidConfig, InvalidData
from core.models.adapters import write_base
from core.models.embeddings import Projection, SentenceVectors
from core.models.loading import LanguageModel
from core.models.trained_run import ADAPTER, MANIFEST, POLICY, WEIGHTS
from core.prompting import PromptConfig, PromptWriter
from core.records import Example
from core.run_record import command, commit, model_facts, write_record
from core.scoring import Scorer, Scores
from core.seeds import random_of, seed_of
from core.training.bank.build import request_of, spread
from core.training.bank.loop import BankLoop
from core.training.bank.served import PROBES, distance, require_bank
from core.training.batching import BatchMaker
from core.training.config import FitConfig
from core.training.development import Development, Encoder, fallback, held_items, rivals
from core.training.learner import Learner
from core.training.pool import LivingPool
from core.training.representation import Representation, choose_representation
from core.training.rollouts import Asker
from core.training.trainer import Loop, Progress

if TYPE_CHECKING:
    from accelerate import Accelerator

LEAST_PARALLEL, MOST_PARALLEL = 20, 60  # items with all translations that a layer is chosen by
TRACKERS = ("tensorboard", "wandb", "trackio")


def make_accelerator(cpu: bool, track: list[str], folder: str) -> "Accelerator":
    """An accelerator with the trackers named in ``track``. Raises ``InvalidConfig`` for an unknown or missing one."""
    for name in track:
        if name not in TRACKERS:
            raise InvalidConfig(f"There is no tracker {name!r}; choose from {', '.join(TRACKERS)}.")
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs

    # A loss that is switched off leaves parameters without a gradient.
    handlers = [DistributedDataParallelKwargs(find_unused_parameters=True)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a tracker is missing is said below, by name
            accelerator = Accelerator(cpu=cpu, log_with=track or None, project_dir=folder, kwargs_handlers=handlers)
    except (ImportError, ValueError) as error:
        raise InvalidConfig(
            f"The tracker {', '.join(track)} cannot be used ({error}); install it, or leave --track out."
        ) from error
    started = {str(getattr(kind, "value", kind)) for kind in accelerator.log_with}
    missing = [name for name in track if name not in started]
    if missing:
        raise InvalidConfig(
            f"The tracker {missing[0]!r} is not installed; run pip install {missing[0]}, or leave --track out."
        )
    return accelerator


def start_trackers(accelerator: "Accelerator", config: FitConfig) -> None:
    """Begin a tracked run under the name of the project, with the settings."""
    accelerator.init_trackers("agl", config=_flat(asdict(config)))


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value if isinstance(value, bool | int | float | str) else str(value)
    return flat


def prepare(
    config: FitConfig,
    model: LanguageModel,
    encoder: Encoder,
    task: Task,
    pool: Sequence[Example],
    queries: Sequence[Example] | None,
    folder: Path,
    accelerator: "Accelerator | None" = None,
    report: Callable[[str], None] = lambda _: None,
    served: Scores | None = None,
) -> Loop:
    """A run ready to go. ``queries`` None: the pool's own examples are asked, each without its translations.

    ``served``: a server of the same model, which scores the bank and development items in its place. The model's weights are changed in
    place, where they learn. Raises ``InvalidConfig`` or ``InvalidData`` for data that a loop can learn nothing from.
    """
    accelerator = accelerator or make_accelerator(model.device.type == "cpu", [], str(folder))
    _check_processes(config, accelerator)
    pool_examples, training_queries, held = split(config, task, pool, queries)
    facts = model_facts(model)  # of the weights before training
    torch.manual_seed(config.seed)
    if config.optim.trained == "lora":
        add_adapter(model, config.optim.rank)
    pool_now = LivingPool(pool_examples, config.upkeep)
    writer = PromptWriter(task, pool_now.pool, model, PromptConfig())
    asker, apart = Asker(writer, Scorer(model), served), None
    if served is not None:
        require_bank(config)
        few = spread(training_queries, PROBES, config.seed)
        probes = [request_of(writer, query, (), config.bank.code(query)) for query in few]
        apart = distance(asker.scorer, served, probes)
        report(
            f"{served.model.config.name} scores: its label log-probabilities are {apart:.4f} nats from those made here, on average"
        )
    asker.frozen = config.optim.trained == "policy"
    layer = _layer(config, model, pool_examples, folder, report)
    vectors = SentenceVectors(model, layer, remember=1_000_000)
    vectors.load(folder / "before.npz")
    texts = [*dict.fromkeys([example.text for example in (*pool_examples, *training_queries)] + _sentences(task))]
    report(f"reading {len(texts)} texts")
    vectors.raw(texts)
    if accelerator.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        vectors.save(folder / "before.npz", texts)
    centre = Projection.fit(vectors.raw([e.text for e in pool_examples]), [e.language for e in pool_examples])
    learner = Learner(model, asker, vectors, centre, config)
    maker = BatchMaker(config, task, training_queries, learner)
    development = Development(learner, held, encoder, config)
    identity = {"model": facts, "config": asdict(config), "data": data_key(pool_examples, training_queries, held)}
    if served is not None:
        identity["served"] = served.model.facts
    kind = BankLoop if config.bank.queries else Loop
    loop = kind(config, learner, pool_now, maker, development, folder, identity, accelerator)
    loop.served_distance = apart
    loop.report = report
    return loop


def _layer(
    config: FitConfig, model: LanguageModel, pool: Sequence[Example], folder: Path, report: Callable[[str], None]
) -> int | None:
    """The layer whose states are the vectors; None for the middle one, also where the pool has too few translations to choose one.

    What was chosen lies in ``folder``: a run that goes on does not choose again.
    """
    if config.layer == "middle":
        return None
    if (stored := Representation.read(folder, model.fingerprint)) is not None:
        return stored.layer
    sides: dict[str, dict[str, str]] = {}
    for example in pool:
        sides.setdefault(example.item, {})[example.language] = example.text
    codes = sorted({example.language for example in pool})
    items = sorted(item for item, texts in sides.items() if len(texts) == len(codes))
    if len(items) < LEAST_PARALLEL:
        report(
            f"{len(items)} items of the pool stand in all of its languages, too few to choose a layer by; the middle one is taken"
        )
        return None
    items = random_of("parallel", 0).sample(items, min(MOST_PARALLEL, len(items)))
    report(f"choosing the layer by {len(items)} sentences and their translations")
    chosen = choose_representation(model, {code: [sides[item][code] for item in items] for code in codes})
    chosen.save(folder, model.fingerprint)
    return chosen.layer


def fit(
    loop: Loop, pool: str = "bundled", progress: Progress | None = None, stop: Callable[[], bool] = lambda: False
) -> dict[str, Any] | None:
    """Run to the end and write the result; None when stopped before. ``pool`` names where the pool came from."""
    if not loop.run(progress, stop):
        return None
    return finish(loop, pool) if loop.accelerator.is_main_process else {}


def finish(loop: Loop, pool: str) -> dict[str, Any]:
    """Write adapter, policy and, last, ``run.json``; its content."""
    assert loop.first is not None and loop.last is not None, "a run that ended has been measured"
    learner, config, folder = loop.learner, loop.config, loop.folder
    tested = rivals(loop.first, loop.last)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in _policy(learner).items()}, folder / POLICY)
    if config.optim.trained == "lora":
        learner.network.save_pretrained(folder / ADAPTER)
        write_base(folder / ADAPTER, loop.identity["model"], learner.model.source)
    elif config.optim.trained == "full":
        learner.network.save_pretrained(folder / WEIGHTS)
        learner.model.tokenizer.save_pretrained(folder / WEIGHTS)
        write_base(folder / WEIGHTS, loop.identity["model"], learner.model.source)
    entry = {
        "command": command(),
        "commit": commit(),
        **loop.identity,
        "pool": pool,
        **({} if loop.served_distance is None else {"served_distance": round(loop.served_distance, 4)}),
        "iterations": loop.iteration,
        "temperature": learner.temperature,
        "arithmetic": "bf16" if learner.computes_half else "fp32",
        "layer": learner.untrained.layer,
        "centre": sorted(learner.centre.means) if config.bank.queries else [],
        "before": loop.first.systems,
        "after": loop.last.systems,
        "fallback": fallback(tested),
        "fallback_tests": [rival.entry() for rival in tested],
        "pool_version": loop.pool.version,
        "written": [asdict(pair.example) for pair in loop.pool.written.values()],
        "retired": sorted(loop.pool.retired),
        "changes": [asdict(change) for change in loop.pool.changes],
    }
    write_record(folder / MANIFEST, entry)
    return entry


def _policy(learner: Learner) -> dict[str, torch.Tensor]:
    """The policy's tensors; a run from a bank adds its head, and the language means that it was trained with."""
    tensors: dict[str, torch.Tensor] = {"projection": learner.projection}
    if not learner.config.bank.queries:
        return tensors
    means = [torch.from_numpy(learner.centre.means[code]) for code in sorted(learner.centre.means)]
    centre = {"means": torch.stack(means).float(), "overall": torch.from_numpy(learner.centre.overall).float()}
    return tensors | {"head": learner.head} | centre


def verdict(entry: dict[str, Any]) -> str:
    """One sentence on what a run achieved on its development items."""
    before, after = entry["before"], entry["after"]
    gain = after["agl"] - before["agl"]
    line = f"Self-selection went from {before['agl']:.1%} to {after['agl']:.1%} on development items ({100 * gain:+.1f} points)"
    others = f"zero-shot has {after['zero-shot']:.1%}, nearest neighbours {after['knn']:.1%}"
    if entry["fallback"]:
        test = next((t for t in entry.get("fallback_tests", ()) if t["rival"] == entry["fallback"]), None)
        by = (
            "" if test is None else f" ({test['difference']:+.1%}, p = {test['p_holm']:.3f} over {test['items']} items)"
        )
        return f"{line}; {others}. {entry['fallback']} is better{by}, so inference falls back to {entry['fallback']}."
    if not entry.get("fallback_tests", True):
        return f"{line}; {others}. Too few development items to test whether anything simpler is better."
    return f"{line}; {others}. Nothing simpler is better by a paired test."


def split(
    config: FitConfig, task: Task, pool: Sequence[Example], queries: Sequence[Example] | None
) -> tuple[list[Example], list[Example], list[Example]]:
    """Pool, queries to learn from, and development queries: items set aside are in neither of the others.

    Raises ``InvalidData`` for a pool with one language, one label, or too few items.
    """
    if not task.is_closed:
        raise InvalidConfig(f"Task {task.name!r} has free-text answers; the loop learns from tasks with labels.")
    training_queries = [
        e for e in (queries if queries is not None else pool) if not config.languages or e.language in config.languages
    ]
    languages_of_task = set(task.languages)
    training_queries = [example for example in training_queries if example.language in languages_of_task]
    items = {example.item for example in training_queries}
    held = held_items(training_queries, config.watch.share, config.seed)
    if not 0 < len(held) < len(items):
        raise InvalidData(
            f"The queries hold {len(items)} items, of which a share of {config.watch.share} is set aside; give at least "
            f"{math_least(config.watch.share)} items."
        )
    pool_examples = [example for example in pool if example.item not in held]
    if not pool_examples:
        raise InvalidData("Nothing is left in the pool once the development items are set aside; give more items.")
    check_pool(Pool(tuple(pool_examples)), task.labels)
    languages = {example.language for example in pool_examples}
    if len(languages) < 2:
        raise InvalidData(
            f"All {len(pool_examples)} examples of the pool are in {next(iter(languages))}; a context is cross-lingual, so add a second "
            "language."
        )
    everything = Pool(tuple(pool_examples))
    for example in {example.language: example for example in training_queries}.values():
        query = example.query
        everything.require(everything.usable(query), config.policy.k, query)
    return (
        pool_examples,
        [e for e in training_queries if e.item not in held],
        [e for e in training_queries if e.item in held],
    )


def math_least(share: float) -> int:
    """Fewest items of which a share can be set aside and some are left."""
    return max(2, round(0.5 / share) + 1)


def add_adapter(model: LanguageModel, rank: int) -> None:
    """Put a LoRA adapter on every linear layer but the last, in place (Hu et al. 2022, arXiv 2106.09685)."""
    from peft import LoraConfig

    model.network.add_adapter(LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear"))
    model.network.eval()


def data_key(*parts: Sequence[Example]) -> str:
    """Changes with any text, label or language of the data."""
    return f"{seed_of(*((e.id, e.language, e.text, e.label) for part in parts for e in part)):014x}"


def _sentences(task: Task) -> list[str]:
    if task.own_choices:
        return []
    return [task.verbaliser(code).sentence_of(label) for code in task.languages for label in task.labels]


def _check_processes(config: FitConfig, accelerator: "Accelerator") -> None:
    parts = accelerator.num_processes * config.optim.accumulate
    if config.optim.queries % parts:
        raise InvalidConfig(
            f"optim.queries is {config.optim.queries}, but {accelerator.num_processes} processes with optim.accumulate = "
            f"{config.optim.accumulate} need a multiple of {parts}."
        )
