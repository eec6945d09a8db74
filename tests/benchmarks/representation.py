"""Which layer's sentence vectors find translations, by layer, with and without language means: a record for a model.

Run: python tests/benchmarks/representation.py MODEL PRECISION PARALLEL.parquet OUTPUT.json
PARALLEL has the columns language, line and text, as NTREX-128 does. No label is read.
"""

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from core.models.loading import LanguageModel, ModelConfig, load_model
from core.run_record import command, commit, write_record
from core.training.representation import Representation, choose_representation

LANGUAGES = (
    "eng_Latn", "fra_Latn", "deu_Latn", "spa_Latn", "rus_Cyrl", "arb_Arab", "hin_Deva", "zho_Hans", "jpn_Jpan", "tur_Latn", "ind_Latn",
    "swh_Latn", "tam_Taml", "hau_Latn",
)  # fmt: skip
LINES = 60


def parallel_text(path: Path) -> dict[str, list[str]]:
    """The first ``LINES`` lines of every language, the same in all."""
    rows = pd.read_parquet(path, columns=["language", "line", "text"], filters=[("language", "in", LANGUAGES)])
    lines = sorted(rows["line"].unique())[:LINES]
    sides = {code: part.drop_duplicates("line").set_index("line")["text"] for code, part in rows.groupby("language")}
    return {code: [str(text) for text in sides[code].loc[lines]] for code in LANGUAGES}


def entry(model: LanguageModel, chosen: Representation) -> dict[str, Any]:
    """The record: shares of sentences whose nearest in another language is their translation, mean over ordered pairs."""
    return {
        "command": command(),
        "commit": commit(),
        "model": model.facts,
        "languages": list(LANGUAGES),
        "sentences": chosen.sentences,
        "layer": chosen.layer,
        "middle": model.layers // 2,
        "centred": [round(value, 4) for value in chosen.centred],
        "plain": [round(value, 4) for value in chosen.plain],
    }


if __name__ == "__main__":
    name, precision, source, output = sys.argv[1:5]
    loaded = load_model(ModelConfig(name, precision, "cpu"))  # type: ignore[arg-type]
    result = choose_representation(loaded, parallel_text(Path(source)), lambda share: print(f"{share:.0%}", flush=True))
    write_record(Path(output), entry(loaded, result))
