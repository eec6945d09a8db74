"""Next-token log-probabilities of the default model's GGUF file: our conversion against llama.cpp, an independent implementation.

    PYTHONPATH=.:tests:tests/toys python tests/benchmarks/gguf_parity.py    # needs requirements-bench.txt and the model's packages

Twenty positions of bundled sentences in each of ten languages, one <bos> in front, ids by our tokenizer (llama.cpp's must agree).
llama.cpp quantises the states too (Q8_K) before it multiplies Q4_K blocks, so the two differ by a tenth of a nat on average, not by
rounding alone.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import circumstances

from core.config import ASSETS
from core.models.catalogue import GEMMA
from core.models.loading import LanguageModel, ModelConfig, load_model
from core.models.packaged import SHA256, join
from core.run_record import write_record
from core.workbench import bundled_examples

LANGUAGES = (
    "eng_Latn", "deu_Latn", "fra_Latn", "rus_Cyrl", "arb_Arab", "hin_Deva", "zho_Hans", "jpn_Jpan", "swh_Latn", "yor_Latn",
)  # fmt: skip
POSITIONS = 20  # of each language
OUTPUT = ASSETS / "results" / "models" / "gguf_parity.json"


def rows_of(model: LanguageModel) -> dict[str, list[int]]:
    """One row of ids a language, ``<bos>`` in front: sentences joined until there are positions enough, and one token more."""
    rows = {}
    for language in LANGUAGES:
        text = " ".join(example.text for example in bundled_examples("topic") if example.language == language)[:600]
        rows[language] = [*model.start, *model.encode([text])[0][:POSITIONS]]
    return rows


@torch.inference_mode()
def ours(model: LanguageModel, row: list[int]) -> np.ndarray:
    """``(T, V)`` log-probabilities after each token."""
    logits = model.network(torch.tensor([row])).logits[0]
    return np.asarray(logits.float().log_softmax(-1).numpy())


def theirs(peer: Any, row: list[int]) -> np.ndarray:
    """The same by llama.cpp."""
    peer.reset()
    peer.eval(row)
    logits = torch.tensor(np.array(peer.scores[: len(row)], dtype=np.float32))
    return np.asarray(logits.log_softmax(-1).numpy())


def compared(
    rows: dict[str, list[int]], left: dict[str, np.ndarray], right: dict[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Per language: agreement of the likeliest token, and differences in nats at the token that stands next in the text."""
    parts = []
    for language, row in rows.items():
        a, b, following = left[language][:-1], right[language][:-1], row[1:]  # the last position has no next token
        at = np.arange(len(following))
        difference = a[at, following] - b[at, following]
        p = np.exp(b)
        parts.append(
            {
                "language": language,
                "positions": len(following),
                "top1_agreement": round(float((a.argmax(1) == b.argmax(1)).mean()), 3),
                "mean_difference": round(float(difference.mean()), 4),
                "mean_absolute_difference": round(float(np.abs(difference).mean()), 4),
                "largest_difference": round(float(np.abs(difference).max()), 3),
                "kl_llama_cpp_to_ours": round(float((p * (b - a)).sum(1).mean()), 5),
            }
        )
    return parts


def summary(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Over all positions; languages have as many each."""
    fields = ("top1_agreement", "mean_difference", "mean_absolute_difference", "kl_llama_cpp_to_ours")
    means = {field: round(float(np.mean([part[field] for part in parts])), 4) for field in fields}
    return {
        "positions": sum(part["positions"] for part in parts),
        **means,
        "largest_difference": max(part["largest_difference"] for part in parts),
    }


def _without_repacking(library: Any) -> None:
    """Blocks as the file has them: AMX kernels of repacked ones trap in some virtual machines, and need not be what is compared."""
    defaults = library.llama_model_default_params

    def plain() -> Any:
        parameters = defaults()
        parameters.use_extra_bufts = False
        return parameters

    library.llama_model_default_params = plain


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--precisions", default="fp32,bf16", help="of our weights, with commas")
    options = parser.parse_args()
    import llama_cpp

    _without_repacking(llama_cpp.llama_cpp)
    record = circumstances() | {"model": GEMMA, "sha256": SHA256, "peer": f"llama-cpp-python {llama_cpp.__version__}"}
    models = {name: load_model(ModelConfig(GEMMA, name, "cpu")) for name in options.precisions.split(",")}
    full = next(iter(models.values()))
    rows = rows_of(full)
    with tempfile.TemporaryDirectory() as folder:
        path = join(Path(folder) / "model.gguf")
        peer = llama_cpp.Llama(str(path), n_ctx=512, logits_all=True, n_threads=1, verbose=False)
        reference = {language: theirs(peer, row) for language, row in rows.items()}
        again = {
            language: peer.tokenize(full.tokenizer.decode(row[1:]).encode(), add_bos=True)
            for language, row in rows.items()
        }
    record["rows_tokenised_alike"] = sum(list(again[language]) == row for language, row in rows.items())
    for name, model in models.items():
        parts = compared(rows, {language: ours(model, row) for language, row in rows.items()}, reference)
        record[name] = summary(parts)
        record[f"{name}_by_language"] = parts
    examples = []
    for language in LANGUAGES[:4]:
        token = int(reference[language][-1].argmax())
        text = full.tokenizer.decode(rows[language][1:])
        examples.append(
            {"text": text, "token": token, "log_probability": round(float(reference[language][-1][token]), 4)}
        )
    record["reference"] = examples  # core.models.packaged.REFERENCE
    write_record(options.output, record)
    print({name: record[name] for name in (*models, "rows_tokenised_alike")})


if __name__ == "__main__":
    main()
