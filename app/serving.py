"""One life of the app: its address says "waking up", ratings are restored, the page opens, and at the end a last backup is made.

Nothing is taken before the ratings are back: when they cannot be brought back, the program ends with a sentence, or, on a Space, which
would start it again and again, stays closed and says so. Heavy libraries are imported inside, after the address is taken.
"""

import argparse
import errno
import os
import socket
import sys
from typing import TYPE_CHECKING

from app.starting import import_gradio, swift_start
from app.waking import Waking

if TYPE_CHECKING:
    from gradio import Blocks

    from app.services import Services

_NO_ADDRESS = {
    None,
    errno.EADDRINUSE,
    errno.EADDRNOTAVAIL,
    errno.EACCES,
    errno.EPERM,
}  # None: Gradio's own, for a port in use


def serve(options: argparse.Namespace) -> int:
    """Run until somebody ends it. Returns 2 with one sentence on standard error when it cannot."""
    services = waking = None
    try:
        if not options.prepare:
            waking = Waking(options.host, options.port)
        with swift_start():
            services = _opened(options)
            page = None if waking is None else _launched(options, services, waking)
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
        if waking is not None and options.on_space and _is_lost(error):
            waking.closed()
            waking.wait()
        return 2
    finally:
        if waking is not None:
            waking.stop()
        if services is not None:
            services.close()
    return 0


def _opened(options: argparse.Namespace) -> "Services":
    """The services, with the ratings restored."""
    import app.gpu  # noqa: F401 - before anything that imports torch

    import_gradio()
    from app.access.settings import open_access
    from app.services import open_services
    from core.errors import InvalidConfig

    try:
        options.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidConfig(
            f"The folder {options.data} cannot be made ({error.strerror}); give another one with --data."
        ) from error
    access = open_access(options.host, options.public, options.password_file)
    return open_services(options.data, options.database, options.cache, access)


def _prepare(services: "Services") -> None:
    for step in services.explorer.ask(services.explorer.examples()[0]):
        print(f"\r{step.stage.removeprefix('explore.step_') or 'ready'}     ", end="", flush=True)
    print()


def _launched(options: argparse.Namespace, services: "Services", waking: Waking) -> "Blocks":
    """Build the page and take over the address."""
    from app.access.launching import QUEUE, served_with
    from app.builder import build_app, look
    from app.public_api import mcp_wanted

    mcp = mcp_wanted(options.mcp)
    page = build_app(services)
    page.queue(**QUEUE)
    waking.stop()
    page.launch(
        server_name=options.host,
        server_port=options.port,
        root_path=options.root_path,
        allowed_paths=[str(services.folder)],
        prevent_thread_lock=True,
        mcp_server=mcp,
        _frontend=False,  # else Gradio asks its own page once and gives up after 3 s, which a start under load takes
        **served_with(services),
        **look(),
    )
    return page


def _run(options: argparse.Namespace, services: "Services", page: "Blocks") -> None:
    """Say what its host has to know, and wait for the end."""
    from app.study.authority import FILE_NAME as SECRET_FILE

    if services.fresh_secret is not None:
        print(
            f"Organiser's secret, for the page Study: {services.fresh_secret}\n"
            f"It is shown this once and kept in {options.data / SECRET_FILE}, which only you can read."
        )
    if os.environ.get("AGL_ORGANISERS") and not services.authority.names:
        print("AGL_ORGANISERS names accounts of a Space with hf_oauth; here only the organiser's secret lets in.")
    services.warm_up()  # once the page can be had: it would slow the start
    page.block_thread()


def _is_a_sentence(error: Exception) -> bool:
    """Whether the error is one that a person can mend."""
    from annotation.errors import AnnotationError
    from core.errors import CoreError

    return isinstance(error, CoreError | AnnotationError)


def _is_lost(error: Exception) -> bool:
    """Whether ratings that were saved could not be brought back."""
    from annotation.errors import DatabaseUnavailable, MirrorFailed, RestoreFailed

    return isinstance(error, RestoreFailed | MirrorFailed | DatabaseUnavailable)
