"""A Hugging Face Space can be built from this repository: header, requirements, app file."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def header() -> dict[str, str]:
    """The YAML header of README.md: flat ``key: value`` lines between two rules."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert match, "README.md must begin with the Space's YAML header"
    return dict(re.findall(r'^(\w+): "?([^"\n]*)"?$', match.group(1), re.MULTILINE))


def test_the_header_names_what_is_here() -> None:
    seen = header()
    assert seen["sdk"] == "gradio"
    assert (ROOT / seen["app_file"]).is_file()
    assert seen["python_version"].startswith("3.12")
    assert f"gradio=={seen['sdk_version']}" in (ROOT / "constraints.txt").read_text()


def test_requirements_are_the_dependencies_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [
        line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert sorted(listed) == sorted(project["dependencies"] + project["optional-dependencies"]["model"])
    dev = [
        line for line in (ROOT / "requirements-dev.txt").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert sorted(dev) == sorted(project["optional-dependencies"]["dev"])


@pytest.mark.slow
@pytest.mark.soak  # a minute of asking the package index
def test_the_build_line_of_a_space_resolves(tmp_path: Path) -> None:
    """The one pip call that a Space's build makes, on its Python, as a dry run."""
    seen = header()
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--disable-pip-version-check",
        "--python-version", ".".join(seen["python_version"].split(".")[:2]), "--only-binary=:all:", "--target", str(tmp_path),
        "-r", str(ROOT / "requirements.txt"), f"gradio[oauth,mcp]=={seen['sdk_version']}",
        "uvicorn>=0.14.0", "websockets>=10.4", "spaces",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    if (
        "Temporary failure in name resolution" in done.stderr
        or "No matching distribution found for accelerate" in done.stderr
    ):
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr[-2000:]
