"""Programs in processes of their own, forked from one that has imported what they need: to be killed, or to be one of several.

A new interpreter takes ten seconds of processor time to import torch and its companions; a fork of one that has them takes none. Every
program is a function of a module here, because a forked process looks it up by name; or it is a script, which finds what it imports there.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

from app_server import free_port

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["preloaded"])
MOST_SECONDS = 300


def _process(program: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """A started process. The server that forks it looks for modules where this process does, of which Python 3.11 tells it nothing."""
    with patch.dict(os.environ, {"PYTHONPATH": os.pathsep.join(sys.path)}):
        forkserver.ensure_running()
    process = _CONTEXT.Process(target=program, args=arguments)
    process.start()
    return process


def started(
    program: Callable[..., None], *arguments: Any, environment: Mapping[str, str] | None = None
) -> ForkServerProcess:
    """``program(*arguments)`` in a process of its own, with one thread."""
    return _process(_run, program, arguments, dict(environment or {}))


class Script:
    """``script`` run as ``python script *arguments`` would run it, for those who would start it with `subprocess.Popen`.

    It prints into ``log``, in ``folder``, with ``environment`` and no other variables.
    """

    def __init__(
        self, script: Path, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        self._process = _process(_script, str(script), list(arguments), str(folder), dict(environment), str(log))

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        """How it ended. Raises ``subprocess.TimeoutExpired``; it is then killed."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self._process.kill()
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return self._process.exitcode


def _script(script: str, arguments: Sequence[str], folder: str, environment: Mapping[str, str], log: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(printed, descriptor)
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="__main__")


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
