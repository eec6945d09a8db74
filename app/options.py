"""Command-line options of the app; a Space and a proxy set theirs through the environment."""

import argparse
import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

ROOT = Path(__file__).resolve().parent.parent


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command-line options; defaults suit a laptop, a Space sets its own through the environment. Exits with 2 for what cannot be."""
    environment = os.environ
    on_space = environment.get("SYSTEM") == "spaces"
    host = environment.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if on_space else "127.0.0.1")  # noqa: S104
    parser = argparse.ArgumentParser(prog="python -m app.main", description="Open the AGL app in a browser.")
    parser.add_argument("--host", default=host, help="address to listen on")
    parser.add_argument(
        "--port", type=_port, default=environment.get("GRADIO_SERVER_PORT", "7860"), help="port to listen on"
    )
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="folder for ratings, caches and downloads")
    parser.add_argument("--cache", type=Path, help="folder for the pool's vectors (default: cache in --data)")
    parser.add_argument(
        "--database", default=environment.get("DATABASE_URL"), help="rating database (default: ratings.db in --data)"
    )
    parser.add_argument(
        "--root-path",
        default=environment.get("GRADIO_ROOT_PATH", ""),
        help="path or URL below which a proxy shows the app",
    )
    parser.add_argument(
        "--mcp",
        action="store_true",
        default=environment.get("AGL_MCP", "") not in ("", "0"),
        help="offer Explore as MCP tools",
    )
    parser.add_argument(
        "--public", action="store_true", help="strangers can reach this (default: on a Space, or with another --host)"
    )
    parser.add_argument(
        "--password-file", type=Path, help="file with a password for all but raters' links (or AGL_PASSWORD)"
    )
    parser.add_argument("--prepare", action="store_true", help="compute what can be computed beforehand, then stop")
    options = parser.parse_args(arguments)
    options.on_space = on_space
    return options


_PORT = TypeAdapter(Annotated[int, Field(ge=0, le=65535)])


def _port(text: str) -> int:
    try:
        return _PORT.validate_python(text)
    except ValidationError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no port; give a number from 0 to 65535, here or in GRADIO_SERVER_PORT"
        ) from None
