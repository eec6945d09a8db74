"""What commands share: options in several commands, and turning what was typed into what the parts take."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from core.data.examples import read_examples
from core.data.pool import Pool
from core.data.prompt_variants import prompt_variants
from core.data.tasks import Task, load_tasks
from core.errors import InvalidConfig
from core.inference.label_scores import CALIBRATIONS
from core.inference.predictor import Settings
from core.languages import resolve_language
from core.models.catalogue import DEFAULT
from core.models.loading import ASSETS, ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.progress import Progress
from core.prompting import PromptConfig
from core.records import Example
from core.served import PREFIX, ServedModel, ServedScorer, served_config, served_workbench
from core.workbench import POOL_OF_TASK, Workbench, bundled_examples

ROOT = ASSETS.parent
CONFIGS = ASSETS / "configs"


def model_arguments(parser: argparse.ArgumentParser, run: bool = True) -> None:
    """Which language model; with ``run`` also what a closed-loop run learnt."""
    parser.add_argument(
        "--model", default=DEFAULT, help="default, gemma-3-270m, tiny, a folder, a .gguf file, or a Hub id"
    )
    # What is trained stays in float32, products aside; what is only asked is held as suits the device.
    allowed = "fp32, bf16 or nf4 (4-bit)" + ("; default bf16 on a GPU, fp32 on a CPU" if run else "")
    parser.add_argument("--precision", default="auto" if run else "fp32", help=allowed)
    if run:
        parser.add_argument("--run", default="", help="folder of a finished train.py fit, to use what it learnt")
        parser.add_argument("--adapter", default="", help="folder of a PEFT adapter on the model")
        parser.add_argument(
            "--no-fall-back",
            dest="fall_back",
            action="store_false",
            help="use a run also where it found itself no better",
        )


def pool_argument(parser: argparse.ArgumentParser) -> None:
    """Where the examples of a closed-loop run come from."""
    parser.add_argument("--pool", default="bundled", help="bundled, or a file, folder or Hub data set; fold demo")


def training_pool(name: str, task: Task) -> Sequence[Example]:
    """The examples that ``pool_argument`` names, in the languages that ``task`` has words for."""
    if name == "bundled":
        return [example for example in bundled_examples(POOL_OF_TASK[task.name]) if example.language in task.languages]
    return read_examples(name, task, {"language": task.languages}, fold="demo")


def served_arguments(parser: argparse.ArgumentParser) -> None:
    """For commands that can ask a model behind a server: ``--model openai:http://host:8000/v1#name``."""
    parser.add_argument("--tokenizer", default="", help="of a served model: folder or Hub id; default: the server's")
    parser.add_argument(
        "--vectors",
        default="",
        help="of a served model: tiny, to choose by the tiny model's states; default none",
    )


def prompt_arguments(parser: argparse.ArgumentParser) -> None:
    """How queries are put, and how label scores are made and calibrated; by default as the model's card says."""
    parser.add_argument("--prompt", default="", help="prompt variant: " + ", ".join(prompt_variants()))
    parser.add_argument("--calibration", default="", help="of label scores: " + ", ".join(CALIBRATIONS))
    parser.add_argument(
        "--label-score",
        default="",
        help="of labels of several tokens: sum (default), mean (per token), or calibrated (sum, divided by the labels' prior)",
    )


def prompted(settings: Settings, options: argparse.Namespace) -> Settings:
    """``settings`` with what ``prompt_arguments`` were given. Raises ``InvalidConfig``."""
    if options.prompt:
        settings = replace(settings, prompt=PromptConfig.of(options.prompt, settings.prompt.reserve))
    if options.calibration:
        settings = replace(settings, calibration=options.calibration)
    if options.label_score == "calibrated":
        if options.calibration in ("none", "contextual"):
            raise InvalidConfig(
                f"--label-score calibrated divides by the labels' prior, but --calibration is {options.calibration}; leave one of them out."
            )
        return replace(settings, label_score="sum", calibration=options.calibration or "domain")
    return replace(settings, label_score=options.label_score) if options.label_score else settings


def overrides_argument(parser: argparse.ArgumentParser, example: str) -> None:
    """Settings typed after the options."""
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help=f"settings, as in {example}")


def overrides(arguments: Sequence[str]) -> dict[str, str]:
    """``KEY=VALUE`` pairs. Raises ``InvalidConfig`` for anything else."""
    settings = {}
    for override in arguments:
        key, sign, value = override.partition("=")
        if not sign:
            raise InvalidConfig(f"{override!r} is not a setting; write it as KEY=VALUE, for example seed=1.")
        settings[key] = value
    return settings


def parts(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def numbers(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers between commas. Raises ``InvalidConfig`` naming ``option``."""
    try:
        return tuple(int(part) for part in parts(text))
    except ValueError as error:
        raise InvalidConfig(f"{option} is {text!r}; write whole numbers with commas, for example 0,1,2.") from error


def decimals(option: str, text: str) -> tuple[float, ...]:
    """Numbers between commas. Raises ``InvalidConfig`` naming ``option``."""
    try:
        return tuple(float(part) for part in parts(text))
    except ValueError as error:
        raise InvalidConfig(f"{option} is {text!r}; write numbers with commas, for example 0,0.2,1.") from error


def language_codes(text: str, task: Task) -> list[str]:
    """Codes of the languages named between commas."""
    return [resolve_language(name, task.languages).code for name in parts(text)]


def task_named(name: str) -> Task:
    """A bundled task. Raises ``InvalidConfig``."""
    tasks = load_tasks(ASSETS)
    if name not in tasks:
        raise InvalidConfig(f"There is no task {name!r}; choose one of {', '.join(tasks)}.")
    return tasks[name]


def workbench(options: argparse.Namespace, pools: dict[str, Pool]) -> Workbench:
    """The model that the options of ``model_arguments`` and ``served_arguments`` name, with the bundled encoder."""
    cache = Path("runs") / "cache"
    if options.model.startswith(PREFIX):
        return _served(options, pools, cache)
    if getattr(options, "tokenizer", "") or getattr(options, "vectors", ""):
        raise InvalidConfig(
            f"--tokenizer and --vectors are of a served model; name one by --model {PREFIX}http://host:8000/v1#name."
        )
    model = load_model(
        ModelConfig(
            options.model, options.precision, run=options.run, adapter=options.adapter, fall_back=options.fall_back
        )
    )
    if model.trained is not None and model.trained.fallback and options.fall_back:
        to_stderr(
            f"The run {model.trained.name!r} found itself no better than {model.trained.fallback}, which is used in its place; "
            "--no-fall-back insists on the run."
        )
    encoder = SentenceEncoder(getattr(options, "encoder", "bundled"))
    return Workbench(model, encoder, pools=pools, cache=cache)


def _served(options: argparse.Namespace, pools: dict[str, Pool], cache: Path) -> Workbench:
    """A model behind a server. Raises ``InvalidConfig`` for what only a model here can have."""
    of_weights = [name for name in ("run", "adapter") if getattr(options, name, "")]
    if options.precision not in ("auto", "fp32"):  # what the options say by themselves
        of_weights.append("precision")
    if of_weights or not hasattr(options, "vectors"):
        what = f"--{of_weights[0]}" if of_weights else "This command"
        raise InvalidConfig(
            f"{what} needs the model's weights, and {options.model.partition('#')[0]} is a server; name a folder or a Hub id by --model."
        )
    settings = served_config(options.model, options.tokenizer, options.vectors)
    return served_workbench(settings, SentenceEncoder(), cache, pools)


def served_scores(options: argparse.Namespace) -> ServedScorer | None:
    """What scores in the model's place, where ``--served`` names a server. Raises ``InvalidConfig`` and what the server does."""
    if not options.served:
        if options.tokenizer:
            raise InvalidConfig(
                f"--tokenizer is of a served model; name one by --served {PREFIX}http://host:8000/v1#name."
            )
        return None
    return ServedScorer(ServedModel(served_config(options.served, options.tokenizer)))


def to_stderr(line: str) -> None:
    """Progress beside the output."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def progress(title: str, quiet: bool = False) -> Iterator[Progress]:
    """A bar on standard error with the time that is left; it yields the progress callback."""
    form = "{desc} {percentage:5.1f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=100, desc=title, unit="%", file=sys.stderr, bar_format=form, disable=quiet) as bar:

        def report(share: float, stage: str) -> None:
            bar.set_description_str(f"{title}: {stage}", refresh=False)
            bar.update(max(0.0, 100 * share - bar.n))

        yield report
