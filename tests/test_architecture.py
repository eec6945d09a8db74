"""The shape of the code, read from its syntax trees: who may import whom, how long things are, what happens at import."""

import ast
import json
import re
import socket
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("core", "annotation", "app")
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_BUILDER = 320, 70, 100  # lines
HEAVY = {"torch", "transformers", "sentence_transformers", "bitsandbytes", "peft", "datasets", "accelerate"}


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


@dataclass(frozen=True)
class Facts:
    """What the tests ask of a file's syntax tree, which is walked once."""

    docstring: str
    imported: tuple[str, ...]  # full names of everything it imports, anywhere in it
    names: frozenset[str]  # with each name of ``from package import name`` as if it were a module
    functions: tuple[tuple[str, int], ...]  # with their lines


@cache
def facts(path: Path) -> Facts:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    imported: list[str] = []
    names: set[str] = set()
    functions: list[tuple[str, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported += (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction of an arrow"
            imported.append(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.append((node.name, (node.end_lineno or 0) - node.lineno + 1))
    return Facts(ast.get_docstring(tree) or "", tuple(imported), frozenset(names.union(imported)), tuple(functions))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


# Who may import whom: a package its own modules, and these.
ARROWS = {
    "core": ("core",),
    "annotation": ("annotation", "core.statistics", "core.report"),
    "app": ("app", "annotation", "core"),
}
MOST_LOOSE_FILES = 12  # modules in the root of a package, beside its folders


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_point_one_way(package: str) -> None:
    files = sources(package)
    assert len(files) > 10
    ours = {*PACKAGES, "train"}
    beyond = {
        name(path): sorted(
            module
            for module in facts(path).imported
            if module.split(".")[0] in ours and not within(module, ARROWS[package]) and module != "core"
        )
        for path in files
    }
    assert {path: modules for path, modules in beyond.items() if modules} == {}


def test_imports_have_no_circle() -> None:
    """Wherever in a file an import stands: one inside a function hides a circle and does not undo it."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sources(*PACKAGES)
    }
    after = {
        module: {other for name_ in facts(path).names if (other := name_) in files} - {module}
        for module, path in files.items()
    }
    done: set[str] = set()
    while ready := {module for module, needed in after.items() if module not in done and needed <= done}:
        done |= ready
    assert {module: sorted(after[module] - done) for module in set(files) - done} == {}


def test_the_root_of_core_holds_few_loose_files() -> None:
    loose = [path.name for path in (ROOT / "core").glob("*.py") if path.name != "__init__.py"]
    assert len(loose) <= MOST_LOOSE_FILES, sorted(loose)


def test_nothing_in_core_but_the_model_loader_knows_bitsandbytes() -> None:
    assert {name(p) for p in sources(*PACKAGES) if any(m.startswith("bitsandbytes") for m in facts(p).imported)} <= {
        "core/models/loading.py"
    }


def test_no_file_is_too_long() -> None:
    lines = {
        name(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in [*sources(*PACKAGES), ROOT / "train.py"]
    }
    assert {path: count for path, count in lines.items() if count > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    """A builder of the app lays a page out from top to bottom, so it alone may be longer; what is nested counts in both."""
    long = {}
    for path in [*sources(*PACKAGES), ROOT / "train.py"]:
        for function, lines in facts(path).functions:
            builder = path.relative_to(ROOT).parts[0] == "app" and function.startswith("build_")
            if lines > (LONGEST_BUILDER if builder else LONGEST_FUNCTION):
                long[f"{name(path)}:{function}"] = lines
    assert long == {}


def test_every_module_is_named_by_its_tests() -> None:
    """By a file of its name at the same path below ``tests``, or in the first lines of one: grep finds the tests of any module."""
    named = " ".join(facts(path).docstring for path in (ROOT / "tests").rglob("test_*.py"))
    missing = []
    for path in sources(*PACKAGES):
        if path.name.startswith("__") or "migrations" in path.parts:
            continue
        folder = ROOT / "tests" / path.relative_to(ROOT).parent
        own = [*folder.glob(f"test_{path.stem}.py"), *folder.glob(f"test_{path.stem}_*.py")]
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if not own and f"`{module}`" not in named:
            missing.append(module)
    assert missing == []


def test_every_module_says_what_it_does() -> None:
    assert [name(path) for path in sources(*PACKAGES) if not facts(path).docstring and path.stat().st_size] == []


def fresh(code: str, *flags: str) -> str:
    """What a new interpreter prints for ``code``, run from the project's root."""
    done = subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_words_and_pieces_of_the_app_load_without_heavy_libraries() -> None:
    code = "import sys, json; import app.texts, app.html; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    assert set(json.loads(fresh(code))) & HEAVY == set()


WATCH = """
import sys, threading
seen = []
sys.addaudithook(lambda event, args: seen.append(str(args[0])) if event == "open" else None)
import torch, gradio, pandas, scipy.sparse, py3langid  # their own work at import is theirs
before = threading.active_count()
import app.services, app.page, app.explore.api_routes, app.launching, core.cli.evaluate
loaded = sorted({name.split(".")[0] for name in sys.modules})
threads = threading.active_count() - before
import transformers
before = threading.active_count()
import importlib, json, pathlib
for path in sorted(pathlib.Path("core").rglob("*.py")):
    importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
threads += threading.active_count() - before
assets = str(pathlib.Path("assets").absolute())
touched = [name for name in seen if name.startswith(("assets/", assets))]
print(json.dumps({"loaded": loaded, "touched": touched, "threads": threads}))
"""


@pytest.mark.slow
def test_importing_reads_no_asset_starts_no_thread_and_the_page_waits_for_no_model_library() -> None:
    """Of the heavy ones torch alone is read before the page is there; the others cost as long again, and come with the first model."""
    found = json.loads(fresh(WATCH).split("\n")[-2])
    assert set(found["loaded"]) & HEAVY == {"torch"}
    assert (found["touched"], found["threads"]) == ([], 0)


def tracked() -> list[Path]:
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    files = [ROOT / path for path in done.stdout.decode().split("\0") if path]
    return [
        path
        for path in files
        if path.is_file() and path.suffix in {".py", ".toml", ".md", ".txt", ".js", ".css", ".yml", ""}
    ]


MACHINE = re.compile(r"(?<![\w.])/(work|root)/\w")


def test_no_path_of_one_machine_is_in_the_sources() -> None:
    here = Path(__file__).resolve()
    found = [
        f"{name(path)}:{number}"
        for path in tracked()
        if path != here
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE.search(line)
    ]
    assert found == []


def catalogue(path: Path) -> dict[str, str]:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        f"{section}.{key}": text
        for section, texts in content.items()
        if isinstance(texts, dict)
        for key, text in texts.items()
    }


CATALOGUES = sorted((ROOT / "app" / "catalogues").glob("*.toml"))


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_has_no_unknown_key_and_the_placeholders_of_english(path: Path) -> None:
    english, other = catalogue(ROOT / "app" / "catalogues" / "en.toml"), catalogue(path)
    titles = {key for key in other if key.startswith("explore.strategy_")}  # translations of Strategy.title
    assert other.keys() - titles - english.keys() == set()
    assert [key for key, text in other.items() if not text.strip()] == []
    holes = re.compile(r"\{(\w*)")
    assert {
        key: text
        for key, text in other.items()
        if sorted(holes.findall(text)) != sorted(holes.findall(english.get(key, "")))
    } == {}


def test_tests_cannot_reach_another_host() -> None:
    with socket.socket() as connection:
        connection.settimeout(0.1)
        with pytest.raises(RuntimeError, match="tests stay on this machine"):
            connection.connect(("192.0.2.1", 80))  # an address that is reserved for documentation
