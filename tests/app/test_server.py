"""The two savings of a start: they end with it, also when it fails.

Tests of `app.launching`.
"""

import gc
import inspect
import subprocess
import sys

import pytest

from app.server import import_gradio, swift_start


def test_collections_come_back_also_after_a_failed_start() -> None:
    with pytest.raises(ValueError, match="no model"), swift_start():
        assert not gc.isenabled()
        raise ValueError("no model")
    assert gc.isenabled()
    gc.unfreeze()


def test_gradio_is_whole_without_its_stubs_and_inspect_is_as_before() -> None:
    """In a process of its own, because here Gradio is there already: components work, and no stub was rendered."""
    program = """
import inspect
before = inspect.getfile
from app.server import import_gradio
import ast
read = []  # classes whose source was read for a stub
ast.get_source_segment = lambda *source: read.append(source)
import_gradio()
import gradio
assert inspect.getfile is before
assert inspect.getfile(gradio.Textbox).endswith("textbox.py")
with gradio.Blocks() as page:
    box = gradio.Textbox("a")
    box.change(lambda text: text, box, box)
assert "textbox" in [one["type"] for one in page.get_config_file()["components"]]
print("stubs", len(read))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["stubs", "0"]


def test_a_second_import_changes_nothing() -> None:
    before = inspect.getfile
    import_gradio()
    assert inspect.getfile is before
