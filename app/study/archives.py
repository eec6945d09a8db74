"""An exported archive as a draft again: its design and outputs, nothing of its raters and ratings.

Of a crowd platform the archive holds the parameter alone, never the codes, so a draft of it begins without a platform.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotation.errors import InvalidTable
from annotation.import_outputs import MOST_UNPACKED, refuse_large
from annotation.participation_records import Consent, Question
from annotation.preference_records import PreferenceQuestion
from annotation.qualification_records import Exercise, Qualification
from annotation.records import Criterion, NewOutput, NewStudy
from annotation.scales import Scale
from annotation.stopping import Stopping

BOOK, OUTPUTS = "codebook.json", "outputs.jsonl"
Json = Mapping[str, Any]


def from_archive(path: Path) -> tuple[NewStudy, tuple[NewOutput, ...]]:
    """The design, under its old slug and name, and the outputs without attention checks. Raises InvalidTable."""
    refuse_large(path, path.name)
    try:
        with zipfile.ZipFile(path) as bundle:
            book = json.loads(_member(bundle, BOOK, path))
            lines = _member(bundle, OUTPUTS, path).decode("utf-8").splitlines()
        design = _design(book)
        rows = [json.loads(line) for line in lines if line.strip()]
        outputs = tuple(_output(row, design.task) for row in rows if row["item_kind"] == "normal")
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidTable(
            f"'{path.name}' cannot be read as an exported study ({type(error).__name__}: {error}); give the zip file that "
            "Export made.",
            "no_archive",
            file=path.name,
        ) from None
    return design, outputs


def _member(bundle: zipfile.ZipFile, name: str, path: Path) -> bytes:
    """One file of the archive, bounded: a small archive can hold much."""
    if name not in bundle.namelist():
        raise InvalidTable(
            f"'{path.name}' holds no {name}; give the zip file that Export made.", "no_archive", file=path.name
        )
    with bundle.open(name) as file:
        content = file.read(MOST_UNPACKED + 1)
    if len(content) > MOST_UNPACKED:
        raise InvalidTable(f"{name} in '{path.name}' unpacks to more than {MOST_UNPACKED // 2**20} MB.")
    return content


def _design(book: Json) -> NewStudy:
    study, design, consent = book["study"], book["study"]["design"], book.get("consent")
    plain = (
        "items_per_rater", "planned_items", "target_difference", "check_every", "repeat_after", "failed_share",
    )  # fmt: skip
    return NewStudy(
        slug=study["slug"],
        name=study["name"],
        task=study["task"],
        instructions=dict(study["instructions"]),
        criteria=tuple(
            Criterion(
                one["key"],
                one["question"],
                {tag: tuple(anchors) for tag, anchors in one["anchors"].items()},
                one["version"],
                one["label"],
                _scale(one.get("scale")),
            )
            for one in book["criteria"]
        ),
        raters_per_item=study["raters_per_item"],
        lease_minutes=design.get("lease_minutes", 60),
        state="draft",
        consent=None if consent is None else Consent(consent["version"], consent["texts"]),
        background=tuple(
            Question(one["key"], one["text"], one["kind"], tuple(one["options"]), one["optional"])
            for one in book.get("background_questions", ())
        ),
        materials=tuple(design.get("materials", ())),
        qualification=_qualification(book.get("qualification")),
        error_spans=bool(book.get("error_spans", False)),
        balance_groups=bool(design.get("balance_groups", False)),
        stopping=Stopping(**design["stopping"]) if design.get("stopping") else None,
        quotas=dict(design.get("quotas", {})),
        preferences=tuple(PreferenceQuestion(**one) for one in book.get("preferences", ())),
        **{name: design[name] for name in plain},
    )


def _scale(scale: Json | None) -> Scale:
    """1 to 5 where an older archive names none."""
    return Scale() if scale is None else Scale(scale["low"], scale["high"], scale["not_applicable"])


def _qualification(held: Json | None) -> Qualification | None:
    if held is None:
        return None
    exercises = [
        Exercise(**(one | {"expected": {key: (low, high) for key, (low, high) in one["expected"].items()}}))
        for one in held["exercises"]
    ]
    return Qualification(tuple(exercises), held["pass_share"], held["tries"])


def _output(row: Json, task: str) -> NewOutput:
    return NewOutput(
        item_key=row["item_key"],
        item_language=row["item_language"],
        source_text=row["source_text"],
        task="" if row["task"] == task else row["task"],
        system=row["system"],
        language=row["language"],
        text=row["text"],
        provenance=row["provenance"],
        reference=row.get("reference"),
        context=row.get("context"),
        group=row.get("group"),
    )
