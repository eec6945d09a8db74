"""The lock files are in step with what the project asks for, and every line of them carries hashes."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {
    "runtime": ["requirements.txt"],
    "dev": ["requirements.txt", "requirements-dev.txt"],
    "bench": ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"],
    "pretrain": ["requirements.txt", "requirements-pretrain.txt"],
}


def entries(name: str) -> dict[str, str]:
    """Entries of a lock by package name, without the header."""
    text = (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8")
    lines = re.split(r"\n(?=[A-Za-z0-9])", text)[1:] if text.startswith("#") else re.split(r"\n(?=[A-Za-z0-9])", text)
    return {canonicalize_name(re.split(r"[=\[; ]", line, maxsplit=1)[0]): line for line in lines}


def requirements(file: str) -> list[Requirement]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [Requirement(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_a_lock_pins_what_the_requirements_allow(lock: str) -> None:
    """When this fails after a new requirement: make lock."""
    locked = entries(lock)
    for file in LOCKS[lock]:
        for requirement in requirements(file):
            name = canonicalize_name(requirement.name)
            if name == "torch" or name.startswith("gemma3-270m"):  # from locks of their own
                continue
            version = re.search(r"==([^ ;\\]+)", locked[name])
            assert version, name
            assert requirement.specifier.contains(version[1], prereleases=True), (name, version[1])


@pytest.mark.parametrize("lock", [*sorted(LOCKS), "pip", "torch", "torch-cpu", "release", "../requirements-model"])
def test_every_package_is_pinned_with_hashes(lock: str) -> None:
    for name, entry in entries(lock).items():
        assert re.match(r"^[A-Za-z0-9._-]+(\[[^\]]*\])?==\S+", entry), name
        assert "--hash=sha256:" in entry, name


def test_no_install_step_looks_at_two_indexes() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--extra-index-url" not in makefile
    installs = [line for line in makefile.splitlines() if "pip install" in line or "$(PIP)" in line]
    unhashed = [
        line for line in installs if "--require-hashes" not in line and not line.startswith(("PIP :=", "LOCKED :="))
    ]
    # Resolving for a new lock, and torch for a Python whose hash is not known.
    assert len(unhashed) == 2, unhashed
