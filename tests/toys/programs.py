"""Programs in processes of their own, forked from one that has imported what they need: to be killed, or to be one of several.

A new interpreter takes ten seconds of processor time to import torch and its companions; a fork of one that has them takes none. Every
program is a function of a module here, because a forked process looks it up by name.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from app_server import free_port

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["torch", "transformers", "peft", "accelerate", "safetensors.torch", "core.training.run", "toys"]
)
MOST_SECONDS = 300


def started(
    program: Callable[..., None], *arguments: Any, environment: Mapping[str, str] | None = None
) -> ForkServerProcess:
    """``program(*arguments)`` in a process of its own, with one thread."""
    process = _CONTEXT.Process(target=_run, args=(program, arguments, dict(environment or {})))
    process.start()
    return process


def exit_code(program: Callable[..., None], *arguments: Any) -> int | None:
    """How ``program(*arguments)`` ended: 0, or the negative number of a signal."""
    return ended([started(program, *arguments)])[0]


def two_processes(program: Callable[..., None], *arguments: Any) -> list[int | None]:
    """How the two processes of one distributed program ended; they are told of each other as `accelerate launch` does."""
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return ended([started(program, *arguments, environment=shared | {"RANK": n, "LOCAL_RANK": n}) for n in "01"])


def ended(processes: Sequence[ForkServerProcess]) -> list[int | None]:
    """Exit codes, waited for."""
    for process in processes:
        process.join(MOST_SECONDS)
        if process.is_alive():
            process.kill()
    return [process.exitcode for process in processes]


def _run(program: Callable[..., None], arguments: Sequence[Any], environment: Mapping[str, str]) -> None:
    import torch

    os.environ.update(environment)
    torch.set_num_threads(1)
    program(*arguments)


def closed_loop(folder: Path, killed_at: int, weights: Path) -> None:
    """A run of four iterations at toy size; it kills itself once iteration ``killed_at`` is logged, or leaves its ``weights``."""
    from safetensors.torch import save_file
    from toys import LetterEncoder, byte_tokenizer, tiny_llama_config, tiny_model, toy_examples

    from core.data.tasks import load_tasks
    from core.models.loading import ASSETS
    from core.training.config import ContextConfig, FitConfig, OptimConfig, WatchConfig, WritingConfig
    from core.training.run import fit, prepare

    config = FitConfig(
        policy=ContextConfig(k=2, contexts=3, candidates=12),
        optim=OptimConfig(iterations=4, queries=4, rank=2, warm_up=1, bf16=False),
        writing=WritingConfig(pairs=2, shown=2, max_tokens=8),
        watch=WatchConfig(every=2, queries=6, save_every=1, fixed=2),
    )
    tokenizer = byte_tokenizer()
    model = tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048))
    loop = prepare(config, model, LetterEncoder(), load_tasks(ASSETS)["topic"], toy_examples(), None, folder)
    fit(loop, progress=lambda iteration, _: os.kill(os.getpid(), signal.SIGKILL) if iteration == killed_at else None)
    if loop.accelerator.is_main_process:
        (folder / "processes").write_text(str(loop.accelerator.num_processes))
        learnt = {n: p.detach().contiguous() for n, p in loop.learner.named_parameters() if p.requires_grad}
        save_file(learnt, weights)


def command_line(arguments: Sequence[str], folder: Path) -> None:
    """``train.py`` with the toy model and encoder, in ``folder``, which keeps what each process prints."""
    from toys import LetterEncoder, byte_tokenizer, tiny_llama_config, tiny_model

    import train
    from core.cli import options

    tokenizer = byte_tokenizer()
    model = tiny_model(tokenizer, tiny_llama_config(tokenizer))
    options.load_model = lambda config: model  # type: ignore[assignment]
    options.SentenceEncoder = LetterEncoder  # type: ignore[assignment,misc]
    os.chdir(folder)
    with (folder / f"printed-{os.environ['RANK']}").open("w", encoding="utf-8") as out, redirect_stdout(out):
        code = train.main(list(arguments))
    if code:
        sys.exit(code)


def filled_bank(folder: Path, requests: Sequence[Any], chunk: int) -> None:
    """A score bank of ``requests`` that two processes fill."""
    from accelerate import Accelerator
    from toys import byte_tokenizer, tiny_llama_config, tiny_model

    from core.scoring import Scorer
    from core.training.bank import store as bank_store

    bank_store.CHUNK = chunk
    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == 2
    tokenizer = byte_tokenizer()
    model = tiny_model(tokenizer, tiny_llama_config(tokenizer))
    index = accelerator.process_index
    store = bank_store.ScoreStore(folder, model.fingerprint, index)
    count = bank_store.fill(store, Scorer(model), requests, process=index, processes=2)
    accelerator.wait_for_everyone()
    assert 0 < count < len(requests), count
