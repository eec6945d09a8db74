"""One life of the app: its address says "waking up", ratings are restored, the page opens, and at the end a last backup is made.

Nothing is taken before the ratings are back: when they cannot be brought back, the program ends with a sentence, or, on a Space, which
would start it again and again, stays closed and says so. Heavy libraries are imported inside, after the address is taken.

What makes a start short: two things that Python and Gradio do while modules are read and that nobody needs.

Measured on two slow cores, where a start took 13 s: the collector looks through a million new objects again and again and frees next to
none (1.5 s). Gradio renders type stubs of its components into its own folder at every import (``component_meta.create_or_modify_pyi``,
2.5 s), unless a component has no source file, which ``inspect.getfile`` reports by an ``OSError``.
"""

import argparse
import errno
import gc
import inspect
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.machine import FolderLock, raise_file_limit
from app.startup_page import StartupPage
from core.errors import InvalidConfig

if TYPE_CHECKING:
    from gradio import Blocks

    from app.services import Services


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


_NO_ADDRESS = {
    None,
    errno.EADDRINUSE,
    errno.EADDRNOTAVAIL,
    errno.EACCES,
    errno.EPERM,
}  # None: Gradio's own, for a port in use


def serve(options: argparse.Namespace) -> int:
    """Run until somebody ends it. Returns 2 with one sentence on standard error when it cannot."""
    raise_file_limit()
    os.umask(0o077)  # ratings, backups and secrets are their owner's: no file that this process makes is anybody else's
    try:
        lock = FolderLock(options.data)
    except InvalidConfig as error:
        print(error, file=sys.stderr)
        return 2
    try:
        return _life(options)
    finally:
        lock.release()


def _life(options: argparse.Namespace) -> int:
    services = startup_page = None
    try:
        if not options.prepare:
            startup_page = StartupPage(options.host, options.port)
        with swift_start():
            services = _opened(options)
            page = None if startup_page is None else _launched(options, services, startup_page)
        if page is None:
            _prepare(services)
        else:
            _run(options, services, page)
    except OSError as error:
        if error.errno not in _NO_ADDRESS and not isinstance(error, socket.gaierror):
            raise
        print(
            f"The address {options.host}:{options.port} cannot be used ({error}); give another --port.", file=sys.stderr
        )
        return 2
    except Exception as error:
        if not _is_a_sentence(error):
            raise
        print(error, file=sys.stderr, flush=True)
        if startup_page is not None and options.on_space and _is_lost(error):
            startup_page.closed()
            startup_page.wait()
        return 2
    finally:
        if startup_page is not None:
            startup_page.stop()
        if services is not None:
            services.close()
    return 0


def _set_up_model() -> None:
    """Convert the default model on a Space, whose disk is new at every start; elsewhere `make` did. Without it the tiny one answers."""
    from core.models.packaged import default_set_up

    print(default_set_up(), flush=True)


def _opened(options: argparse.Namespace) -> "Services":
    """The services, with the ratings restored."""
    import app.explore.zero_gpu  # noqa: F401 - before anything that imports torch

    if options.on_space:
        _set_up_model()
    from app.downloads import FOLDER, keep_copies_in

    keep_copies_in(options.data / FOLDER)
    import_gradio()
    from app.access.settings import open_access
    from app.services import open_services

    access = open_access(options.host, options.public, options.password_file)
    os.environ["FORWARDED_ALLOW_IPS"] = ",".join(
        access.proxies
    )  # whose headers uvicorn believes; without it, this machine's
    return open_services(options.data, options.database, options.cache, access)


def _prepare(services: "Services") -> None:
    from app.explore.examples import examples

    for step in services.explore.ask(examples()[0]):
        print(f"\r{step.stage.removeprefix('explore.step_') or 'ready'}     ", end="", flush=True)
    print()


def _launched(options: argparse.Namespace, services: "Services", startup_page: StartupPage) -> "Blocks":
    """Build the page and take over the address."""
    from app.explore.api_routes import mcp_available
    from app.launching import queued, served_with
    from app.page import build_app, look

    mcp = mcp_available(options.mcp)
    page = build_app(services)
    queued(page, services)
    startup_page.stop()
    page.launch(
        server_name=options.host,
        server_port=options.port,
        root_path=options.root_path,
        allowed_paths=[str(services.folder)],
        prevent_thread_lock=True,
        mcp_server=mcp,
        _frontend=False,  # else Gradio asks its own page once and gives up after 3 s, which a start under load takes
        **served_with(services, page),
        **look(),
    )
    return page


def _run(options: argparse.Namespace, services: "Services", page: "Blocks") -> None:
    """Say what its host has to know, and wait for the end."""
    from app.access.organiser import FILE_NAME as SECRET_FILE

    if services.fresh_secret is not None:
        print(
            f"The page Study, for the organiser alone: {organiser_link(options, services.fresh_secret)}\n"
            f"The link is shown this once; the secret at its end is stored in {options.data / SECRET_FILE}, which only you can read."
        )
    if os.environ.get("AGL_ORGANISERS") and not services.authority.names:
        print("AGL_ORGANISERS names accounts of a Space with hf_oauth; here only the organiser's secret lets in.")
    services.opening.start()
    page.block_thread()


def organiser_link(options: argparse.Namespace, secret: str, environment: Mapping[str, str] = os.environ) -> str:
    """The link that opens Study; the secret stands in the fragment, which a browser sends nowhere."""
    if "://" in options.root_path:
        root = options.root_path.rstrip("/")
    elif environment.get("SPACE_HOST"):
        root = f"https://{environment['SPACE_HOST']}"
    else:
        host = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host  # noqa: S104
        root = f"http://{f'[{host}]' if ':' in host else host}:{options.port}{options.root_path.rstrip('/')}"
    return f"{root}/#organiser={quote(secret, safe='')}"


def _is_a_sentence(error: Exception) -> bool:
    """Whether the error is one that a person can mend."""
    from annotation.errors import AnnotationError
    from core.errors import CoreError

    return isinstance(error, CoreError | AnnotationError)


def _is_lost(error: Exception) -> bool:
    """Whether ratings that were saved could not be brought back."""
    from annotation.errors import DatabaseUnavailable, MirrorFailed, RestoreFailed

    return isinstance(error, RestoreFailed | MirrorFailed | DatabaseUnavailable)
