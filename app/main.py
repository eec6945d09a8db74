"""Starts the app: ``python -m app.main``, ``python app/main.py`` from anywhere, or as a Space's app file.

As a script this module is ``__main__``; nothing imports it.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    sys.path.insert(0, str(ROOT))

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command-line options; defaults suit a laptop, a Space sets its own through the environment."""
    on_space = os.environ.get("SYSTEM") == "spaces"
    parser = argparse.ArgumentParser(prog="python -m app.main", description="Open the AGL app in a browser.")
    parser.add_argument("--host", default="0.0.0.0" if on_space else "127.0.0.1", help="address to listen on")  # noqa: S104
    parser.add_argument(
        "--port", type=int, default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")), help="port to listen on"
    )
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="folder for ratings, caches and downloads")
    parser.add_argument("--cache", type=Path, help="folder for the pool's vectors (default: cache in --data)")
    parser.add_argument(
        "--database", default=os.environ.get("DATABASE_URL"), help="rating database (default: ratings.db in --data)"
    )
    parser.add_argument("--prepare", action="store_true", help="compute what can be computed beforehand, then stop")
    return parser.parse_args(arguments)


def main() -> int:
    """Open the app. Returns 2 with one sentence when something given cannot be used."""
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # how a container is stopped: the last backup is still made
    from annotation.errors import AnnotationError
    from app.builder import build_app, look
    from app.rater.routes import rater_routes
    from app.services import open_services
    from app.study.authority import FILE_NAME as SECRET_FILE
    from core.errors import CoreError

    services = None
    try:
        try:
            options.data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            print(
                f"The folder {options.data} cannot be made ({error.strerror}); give another one with --data.",
                file=sys.stderr,
            )
            return 2
        services = open_services(options.data, options.database, options.cache)
        if options.prepare:
            for step in services.explorer.ask(services.explorer.examples()[0]):
                print(f"\r{step.stage.removeprefix('explore.step_') or 'ready'}     ", end="", flush=True)
            print()
            return 0
        page = build_app(services)
        page.queue(default_concurrency_limit=8)
        page.launch(
            server_name=options.host,
            server_port=options.port,
            allowed_paths=[str(services.folder)],
            prevent_thread_lock=True,
            app_kwargs={"routes": rater_routes(services.store)},
            **look(),
        )
        if services.fresh_secret is not None:
            print(
                f"Organiser's secret, for the page Study: {services.fresh_secret}\n"
                f"It is shown this once and kept in {options.data / SECRET_FILE}, which only you can read."
            )
        services.warm_up()  # once the page can be had: it would slow the start
        page.block_thread()
    except (CoreError, AnnotationError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"The address {options.host}:{options.port} cannot be used ({error}); give another --port.", file=sys.stderr
        )
        return 2
    finally:
        if services is not None:
            services.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
