"""A Hugging Face Space as far as a test can have one: what a push brings, what ``requirements.txt`` installs, and nothing else.

- The sources are a copy of the tracked files, started from a foreign working directory by the header's ``app_file``.
- Packages that neither ``requirements.txt`` nor the Space's build line would install cannot be imported.
- No other host can be reached, each try is noted; the home cannot be written; the environment is the Space's own.
- A package ``spaces`` notes every decorated function, and every call that would have taken a GPU.
"""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
BUILD_LINE = ("gradio[oauth,mcp]", "uvicorn", "websockets", "spaces")  # beside requirements.txt
SITE = '''
"""What a Space lacks, taken away before anything else is imported."""
import json, os, socket, sys
from importlib.machinery import PathFinder

LACKING, NOTES = set(json.loads(os.environ["LACKING"])), os.environ["NOTES"]


def note(kind, what):
    with open(NOTES, "a") as file:
        file.write(f"{kind} {what}\\n")


class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in LACKING else PathFinder.find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
look_up, connect = socket.getaddrinfo, socket.socket.connect
HERE = {"127.0.0.1", "localhost", "0.0.0.0", "::1", "", None}


def getaddrinfo(host, *rest, **more):
    if host not in HERE:
        note("network", host)
        raise socket.gaierror(socket.EAI_NONAME, "no network")
    return look_up(host, *rest, **more)


def connecting(self, address):
    if self.family != socket.AF_UNIX and address[0] not in HERE:
        note("network", address)
        raise OSError("no network")
    return connect(self, address)


socket.getaddrinfo, socket.socket.connect = getaddrinfo, connecting
'''
SPACES = """
import os, sys


def note(kind, what):
    with open(os.environ["NOTES"], "a") as file:
        file.write(f"{kind} {what}\\n")


note("spaces", "torch first" if "torch" in sys.modules else "before torch")


def GPU(task=None, *, duration=60, size="large"):
    def decorate(function):
        note("decorated", function.__name__)

        def call(*args, **kwargs):
            note("gpu", function.__name__)
            return function(*args, **kwargs)

        return call

    return decorate if task is None else decorate(task)


def gradio_auto_wrap(task):
    return task
"""


def lacking() -> list[str]:
    """Top-level modules that are installed here and would not be on a Space."""
    known = {canonicalize_name(one.metadata["Name"]): one for one in importlib.metadata.distributions()}
    wanted = [
        Requirement(line)
        for line in [*(ROOT / "requirements.txt").read_text().splitlines(), *BUILD_LINE]
        if line and not line.startswith("#")
    ]
    there: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    while wanted:
        one = wanted.pop()
        name, extras = canonicalize_name(one.name), frozenset(one.extras)
        there.add(name)
        if (name, extras) in seen or name not in known:
            continue
        seen.add((name, extras))
        for further in map(Requirement, known[name].requires or []):
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
                wanted.append(further)
    modules = importlib.metadata.packages_distributions()
    return sorted(
        module for module, owners in modules.items() if not {canonicalize_name(owner) for owner in owners} & there
    )


class Space:
    """One Space; its disk is lost whenever somebody says so, what lies in ``bucket`` is not."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self.code, self.bucket, self.notes = folder / "app", folder / "bucket", folder / "notes"
        self.process: subprocess.Popen[str] | None = None
        self.http = httpx.Client(
            timeout=60, limits=httpx.Limits(max_keepalive_connections=0)
        )  # nothing outlives a kill
        self._checkout()
        site = folder / "site"
        (site / "spaces").mkdir(parents=True)
        (site / "sitecustomize.py").write_text(SITE)
        (site / "spaces" / "__init__.py").write_text(SPACES)
        self.bucket.mkdir()
        self.notes.touch()
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(site),
            "LACKING": json.dumps(lacking()),
            "NOTES": str(self.notes),
            "OMP_NUM_THREADS": "1",
            "HOME": "/proc/no-home",  # nobody can write there, not even root
            "SYSTEM": "spaces",
            "SPACE_ID": "lab/agl",
            "SPACE_AUTHOR_NAME": "lab",
            "SPACE_HOST": "lab-agl.hf.space",
            "SPACES_ZERO_GPU": "true",
            "GRADIO_SERVER_NAME": "127.0.0.1",  # a Space listens everywhere; a test need not
            "GRADIO_SERVER_PORT": str(port),
            "AGL_ORGANISER_SECRET": "an organiser's secret",
            "AGL_BACKUP_FOLDER": str(self.bucket),
            "AGL_BACKUP_MINUTES": "60",
            "AGL_MODEL": "tiny",  # converting the default model takes longer than all of the rest
        }

    def _checkout(self) -> None:
        """What a push brings: tracked files, and new ones that git does not ignore; large ones are linked."""
        listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        done = subprocess.run(listing, capture_output=True, check=True)
        for name in filter(None, done.stdout.decode().split("\0")):
            source, target = ROOT / name, self.code / name
            if name.startswith("tests/") or not source.is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.stat().st_size > 100_000:
                target.symlink_to(source)
            else:
                target.write_bytes(source.read_bytes())

    def start(self, **more: str) -> None:
        """Begin; returns at once."""
        header = (self.code / "README.md").read_text(encoding="utf-8").split("---")[1]
        (entry,) = re.findall(r"^app_file: (.*)$", header, re.MULTILINE)
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        self.log = (self.folder / "log").open("a")
        self.process = subprocess.Popen(
            [sys.executable, str(self.code / entry)],
            cwd=elsewhere, env=self.environment | more, stdout=self.log, stderr=self.log, text=True,
        )  # fmt: skip

    def statuses(self, wanted: int = 200, path: str = "/", seconds: float = 240) -> list[int]:
        """Statuses of a page, asked again and again, until one is ``wanted``; the different ones in their order."""
        seen: list[int] = []
        deadline = time.monotonic() + seconds
        while not seen or seen[-1] != wanted:
            assert self.process is not None
            assert self.process.poll() is None, self.logged()
            assert time.monotonic() < deadline, (seen, self.logged())
            try:
                status = self.http.get(f"{self.url}{path}").status_code
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if not seen or seen[-1] != status:
                seen.append(status)
            time.sleep(0.1)
        return seen

    def post(self, path: str, token: str, **body: Any) -> tuple[int, dict[str, Any]]:
        """One call of a rater's page. Raises ``httpx.TransportError`` where nobody answers."""
        answer = self.http.post(f"{self.url}/rate/{path}", json=body, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.json()

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; the exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=60)
        self.log.close()
        return code

    def logged(self) -> str:
        """What the host reads."""
        return (self.folder / "log").read_text(encoding="utf-8")[-4000:]

    def noted(self, kind: str) -> list[str]:
        """Notes of one kind: network, decorated, gpu, spaces."""
        lines = self.notes.read_text().splitlines()
        return [line.removeprefix(f"{kind} ") for line in lines if line.startswith(f"{kind} ")]
