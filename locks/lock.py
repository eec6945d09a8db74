"""Writes the lock files beside it: every package of an installation, pinned and with the hashes of its files.

``make lock`` runs it after a change of requirements*.txt or constraints.txt. ``uv`` resolves for Linux, macOS and Windows at once; the
versions are those of constraints.txt. Torch is installed before all others from a lock of its own, so it is left out of them, and so is
what only its CUDA build brings along. pip installs the rest with ``--no-deps --require-hashes``.
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PYTHON = "3.11"  # the oldest that the project runs on; markers tell the others
LOCKS = {
    "runtime": ("requirements.txt",),
    "dev": ("requirements.txt", "requirements-dev.txt"),
    "bench": ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt"),
    "pretrain": ("requirements.txt", "requirements-pretrain.txt"),
}
ELSEWHERE = re.compile(r"^(torch$|nvidia|cuda|triton|gemma3-270m)")  # torch's own lock, and requirements-model.txt
HEADER = "# Made by `make lock`; do not edit.\n"


def compiled(lines: list[str], files: tuple[str, ...] = (), constraints: str = "constraints.txt") -> dict[str, str]:
    """Locked requirements by package name, each with its hashes, as lines of a requirements file."""
    command = [
        sys.executable, "-m", "uv", "pip", "compile", *files, "-", "-c", constraints, "--generate-hashes", "--universal",
        "--python-version", PYTHON, "--no-annotate", "--no-header", "--quiet",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, input="\n".join(lines), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip())
    entries = re.split(r"\n(?=\S)", done.stdout.strip())
    return {re.split(r"[=\[;@ ]", entry, maxsplit=1)[0]: entry for entry in entries}


def write(name: str, entries: dict[str, str]) -> None:
    """Write the lock ``name``, sorted by package."""
    (HERE / f"{name}.txt").write_text(
        HEADER + "\n".join(entries[package] for package in sorted(entries)) + "\n", encoding="utf-8"
    )


def pinned(package: str) -> str:
    """The line of constraints.txt for a package."""
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.lower().startswith(f"{package}=="):
            return line
    raise SystemExit(f"constraints.txt does not pin {package}; add a line {package}==VERSION.")


def main() -> None:
    """Write all locks."""
    write("pip", compiled([pinned("pip")]))
    write("torch", compiled([(HERE / "torch-cpu.txt").read_text(encoding="utf-8").split("+")[0].splitlines()[-1]]))
    write("release", compiled([pinned("cyclonedx-bom")], constraints="/dev/null"))  # an environment of its own
    for name, files in LOCKS.items():
        entries = compiled([], files)
        write(
            name,
            {package: entry for package, entry in entries.items() if not ELSEWHERE.match(package)},
        )


if __name__ == "__main__":
    main()
