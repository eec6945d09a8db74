"""Default criteria: read when they are needed, in every language that has them, else in English.

Tests of `annotation.vocabulary`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from annotation.criteria import FOLDER, in_language, read_criteria
from annotation.vocabulary import CRITERION_KEYS

ROOT = Path(__file__).parents[2]
POLITENESS = """
[politeness]
label = "Politeness"
question = "How polite is the answer?"
anchors = ["an insult", "curt", "neutral", "polite", "very polite"]
"""


def test_no_file_of_anchors_is_opened_before_a_criterion_is_looked_at() -> None:
    code = (
        "import sys; opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "from annotation.criteria import DEFAULT_CRITERIA\nimport annotation.store, annotation.report.sections\n"
        "early = sum(name.endswith('.toml') for name in opened)\n"
        "keys = [one.key for one in DEFAULT_CRITERIA]\n"
        "print(early, sum(name.endswith('.toml') for name in opened), *keys)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", str(len(list(FOLDER.glob("*.toml")))), *CRITERION_KEYS]


def test_a_further_default_criterion_needs_english_alone_and_falls_back_to_it_with_its_tag(tmp_path: Path) -> None:
    folder = tmp_path / "anchors"
    shutil.copytree(FOLDER, folder)
    with (folder / "en.toml").open("a", encoding="utf-8") as file:
        file.write(POLITENESS)
    *others, politeness = read_criteria(folder, (*CRITERION_KEYS, "politeness"))
    assert [one.key for one in others] == list(CRITERION_KEYS) and "sw" in others[0].question
    assert politeness.label == {"en": "Politeness"}
    tag, question, anchors = in_language(politeness, "sw")
    assert (tag, question, len(anchors)) == ("en", "How polite is the answer?", 5)  # the tag is what marks it
    assert in_language(others[0], "sw")[0] == "sw"
