"""Experiments as they are typed: bad input is one sentence, nothing is written, and it costs no training.

Tests of `core.cli.ablate`, `core.cli.closed_loops`, `core.cli.consistency`, `core.cli.lowresource`, `core.cli.scaling`, `core.cli.sweep`,
`core.cli.unseen`.
"""

import argparse
from pathlib import Path

import pytest

import train
from core.cli.closed_loops import loop_arguments, loop_data

COMMON = {"queries": "queries.jsonl", "pool": "pool.jsonl", "output": "out"}
BAD: dict[str, tuple[str, dict[str, str], str]] = {
    "sweep, an alpha that is no number": ("sweep", {"alphas": "one"}, "--alphas is 'one'; write numbers with commas"),
    "sweep, a negative beta": ("sweep", {"betas": "-0.5"}, "beta"),
    "sweep, no seed": ("sweep", {"seeds": ""}, "seed"),
    "sweep, no such language": ("sweep", {"languages": "xxx_Latn"}, "xxx_Latn"),
    "ablate, no such variant": ("ablate", {"variants": "without sense"}, "without sense"),
    "ablate, a bank for runs without one": (
        "ablate",
        {"bank": "elsewhere"},
        "elsewhere was given, but bank.queries is 0",
    ),
    "ablate, no such pool language": ("ablate", {"pool-languages": "xxx_Latn"}, "xxx_Latn"),
    "sweep, no such pool language": ("sweep", {"pool-languages": "xxx_Latn"}, "xxx_Latn"),
    "sweep, no such file": ("sweep", {"pool": "nowhere.jsonl"}, "nowhere.jsonl"),
    "lowresource, a size that is no number": (
        "lowresource",
        {"sizes": "0,many"},
        "--sizes is '0,many'; write whole numbers",
    ),
    "lowresource, no such source": ("lowresource", {"sources": "somewhere"}, "somewhere"),
    "lowresource, more items than there are": ("lowresource", {"sizes": "0,100000"}, "100000"),
    "lowresource, no such strategy": ("lowresource", {"strategy": "best"}, "best"),
    "scaling, a negative k": ("scaling", {"k": "-1"}, "-1"),
    "scaling, a budget that is no number": ("scaling", {"budgets": "all"}, "--budgets is 'all'; write whole numbers"),
    "scaling, no such model": ("scaling", {"models": "./nowhere"}, "No model was found at './nowhere'"),
    "scaling, no such precision": ("scaling", {"precision": "int8"}, "allowed are fp32, bf16, nf4"),
    "consistency, one language": ("consistency", {"languages": "eng_Latn"}, "two"),
    "consistency, no such strategy": ("consistency", {"strategies": "agl,best"}, "best"),
    "consistency, seeds that are no numbers": (
        "consistency",
        {"seeds": "zero"},
        "--seeds is 'zero'; write whole numbers",
    ),
    "unseen, nothing seen": ("unseen", {"seen": "", "unseen": "fra_Latn"}, "is named as seen and as unseen"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_one_sentence(
    name: str, files: dict[str, str], toy_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, changes, said = BAD[name]
    place = {"queries.jsonl": files["queries"], "pool.jsonl": files["pool"], "out": str(tmp_path / "out")}
    options = {"work": str(tmp_path / "work"), **COMMON, **changes}
    typed = [f"--{option}={place.get(value, value)}" for option, value in options.items()]
    assert train.main([command, *typed]) == 2
    error = capsys.readouterr().err.strip().split("\n")[-1]
    assert said in error
    assert error.endswith(".")
    assert "Traceback" not in error
    assert not (tmp_path / "out" / "record.json").exists()


@pytest.mark.parametrize(("named", "languages"), [("", 1), ("fra_Latn,swh_Latn", 2), ("bundled", 3)])
def test_the_pool_may_have_more_languages_than_the_queries(files: dict[str, str], named: str, languages: int) -> None:
    parser = argparse.ArgumentParser()
    loop_arguments(parser, "ablate")
    typed = ["--pool", files["pool"], "--queries", files["queries"], "--output", "out", "--languages", "eng_Latn"]
    _, material = loop_data(parser.parse_args([*typed, f"--pool-languages={named}"]))
    assert {example.language for example in material.queries} == {"eng_Latn"}
    assert len({example.language for example in material.pool}) == languages
