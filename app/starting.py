"""What makes a start short: two things that Python and Gradio do while modules are read and that nobody needs.

Measured on two slow cores, where a start took 13 s: the collector looks through a million new objects again and again and frees next to
none (1.5 s). Gradio renders type stubs of its components into its own folder at every import (``component_meta.create_or_modify_pyi``,
2.5 s), unless a component has no source file, which ``inspect.getfile`` tells by an ``OSError``.
"""

import gc
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def swift_start() -> Iterator[None]:
    """No collections inside; what was made stays out of later ones, which forked processes of ZeroGPU share memory by."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def import_gradio() -> None:
    """Import Gradio without its stubs."""
    getfile = inspect.getfile

    def sourceless(thing: Any) -> str:
        if inspect.isclass(thing) and thing.__module__.startswith("gradio."):
            raise OSError("no stubs are wanted")
        return getfile(thing)

    inspect.getfile = sourceless  # type: ignore[assignment]
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = getfile
