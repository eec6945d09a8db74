"""GGUF files: checked, then converted once into a folder that loads like any other.

transformers reads the file (https://huggingface.co/docs/transformers/gguf): it unpacks the quantised blocks and undoes what
llama.cpp's converter did to the weights, such as the 1 that is added to Gemma's norms. What comes out is written as safetensors in
bfloat16 (files of full floats keep theirs) beside the tokenizer, so that later loads take seconds instead of a minute.

A conversion is atomic (a folder without ``agl_model.json`` is not whole), holds a lock against a second one, checks the disk space
before, and goes on after a kill with the stage that was not finished.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from core.errors import ModelUnavailable
from core.models.catalogue import RECORD, models_cache
from core.models.tokenizer_files import read_once

MAGIC = b"GGUF"
BLOCK = 1 << 20  # bytes read at once
TOKENIZER_SIZE = 60e6  # bytes, more than any tokenizer takes
NOT_CAUSAL = (
    "t5",
    "t5encoder",
    "bert",
    "nomic-bert",
    "jina-bert-v2",
    "clip",
)  # read by transformers or llama.cpp, but no decoders
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class GGUFHeader:
    """What a GGUF file says of itself."""

    architecture: str  # general.architecture, such as "gemma3"
    name: str  # general.name; "" where it has none
    parameters: int
    full: bool  # whether its weights are float32 throughout, so that bfloat16 would lose digits
    reader: Any = field(repr=False, compare=False, default=None)  # gguf.GGUFReader: the directory takes seconds to read


def sha256_of(path: Path) -> str:
    """Hash of a file, 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def read_header(path: Path) -> GGUFHeader:
    """Check a GGUF file and say what it holds. Raises ``ModelUnavailable`` for a torn file and an architecture that cannot be read."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read ({error.strerror}); check the path and its rights.") from error
    if magic != MAGIC:
        raise ModelUnavailable(_torn(path, f"it begins with {magic!r}, not with {MAGIC!r}"))
    reader, float32 = _reader(path)
    try:
        architecture = str(reader.fields["general.architecture"].contents())
        title = reader.fields.get("general.name")
        parameters = sum(int(tensor.n_elements) for tensor in reader.tensors)
        full = all(tensor.tensor_type == float32 for tensor in reader.tensors)
    except KeyError as error:
        raise ModelUnavailable(_torn(path, f"it does not say {error}")) from error
    if not reader.tensors:
        raise ModelUnavailable(_torn(path, "it holds no weights"))
    _supported(path, architecture)
    return GGUFHeader(architecture, str(title.contents()) if title else "", parameters, full, reader)


def _reader(path: Path) -> tuple[Any, Any]:
    """The file mapped and its directory read, and the type of float32 weights. Raises ``ModelUnavailable`` for a torn file."""
    try:
        from gguf import GGMLQuantizationType, GGUFReader
    except ImportError as error:
        raise ModelUnavailable(
            f"{path.name} needs the package gguf, which is not installed; run `pip install gguf`, or name a folder with safetensors."
        ) from error

    class Reader(GGUFReader):
        """Reads the map as a plain array: a vocabulary is a million slices of it, each four times as dear of a ``memmap``."""

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, np.asarray(value) if name == "data" else value)

    try:
        return Reader(path), GGMLQuantizationType.F32
    except Exception as error:  # a torn file fails wherever its end happens to lie
        raise ModelUnavailable(_torn(path, str(error).strip().split("\n")[0][:120] or type(error).__name__)) from error


def _torn(path: Path, reason: str) -> str:
    size = path.stat().st_size
    return (
        f"{path.name} is torn or no GGUF file: {reason} (size {size:,} bytes, sha256 {sha256_of(path)}); compare both with what its "
        "publisher names, and fetch it again."
    )


def _supported(path: Path, architecture: str) -> None:
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    aliases = {"qwen2moe", "qwen3moe", "gpt-oss", "minimax-m2"}  # renamed by the library before it looks
    if architecture in NOT_CAUSAL or architecture not in aliases | set(GGUF_SUPPORTED_ARCHITECTURES):
        readable = ", ".join(sorted(aliases | set(GGUF_SUPPORTED_ARCHITECTURES) - set(NOT_CAUSAL)))
        raise ModelUnavailable(
            f"{path.name} holds a model of the architecture {architecture!r}, which cannot be read from GGUF here; readable are "
            f"{readable}. Name a folder with safetensors of the same model, or serve the file by llama.cpp and name openai:http://host:port/v1."
        )


def converted(path: Path, progress: Progress = lambda _share, _stage: None) -> Path:
    """The folder that ``path`` was converted into, now or earlier; named after the file and its hash, in the cache of models."""
    digest = sha256_of(path)
    return convert(
        path, models_cache() / f"{path.stem}-{digest[:12]}", digest, f"the GGUF file {path.name}", progress=progress
    )


def convert(
    path: Path,
    folder: Path,
    digest: str,
    source: str,
    name: str = "",
    check: Callable[[Path], None] | None = None,
    progress: Progress = lambda _share, _stage: None,
) -> Path:
    """Convert the GGUF file ``path`` of hash ``digest`` into ``folder``, unless that was done.

    ``source`` and ``name`` (of a card; "" for none) go into the record. ``check`` sees the folder before it counts as whole, and raises
    where it is not as it should be. Raises ``ModelUnavailable`` for a file that cannot be read and for too little disk space.
    """
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if record_of(folder).get("sha256") == digest:
            return folder
        partial = folder.with_name(f"{folder.name}.partial")
        progress(0.02, "reading the file's header")
        header = read_header(path)
        if (partial / "sha256").is_file() and (partial / "sha256").read_text(encoding="utf-8") != digest:
            shutil.rmtree(partial)
        partial.mkdir(exist_ok=True)
        (partial / "sha256").write_text(digest, encoding="utf-8")
        require_disk_space(partial, header.parameters * (4 if header.full else 2) + TOKENIZER_SIZE)
        with patch("gguf.GGUFReader", lambda *_: header.reader):  # the library would read the directory four times more
            _stage(partial / "config.json", lambda: _write_weights(path, partial, header, progress))
            progress(0.6, "converting the tokenizer")
            _stage(partial / "tokenizer.json", lambda: _write_tokenizer(path, partial))
        progress(0.8, "checking the tokenizer")
        read_once(partial)
        if check is not None:
            progress(0.9, "checking what came out")
            check(partial)
        (partial / "sha256").unlink()
        content = {"name": name, "source": source, "sha256": digest, "architecture": header.architecture}
        (partial / RECORD).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    progress(1.0, "converted")
    return folder


def record_of(folder: Path) -> dict[str, Any]:
    """What a converted folder was made from; {} where it is not whole."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def require_disk_space(folder: Path, needed: float) -> None:
    """Raises ``ModelUnavailable`` where the disk of ``folder``, whose parent exists, has fewer than ``needed`` bytes left."""
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise ModelUnavailable(
            f"The disk of {folder.parent} has {free / 1e6:,.0f} MB left, and the converted model takes {needed / 1e6:,.0f} MB; free some, "
            "or name a folder on another disk in AGL_CACHE."
        )


def _stage(last: Path, work: Callable[[], None]) -> None:
    """Do ``work``, which writes ``last`` as the last of its files, unless that was done before a kill."""
    if not last.is_file():
        work()


def _write_weights(path: Path, folder: Path, header: GGUFHeader, progress: Progress) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM

    from core.models.checks import refuse_other_weights

    dtype = torch.float32 if header.full else torch.bfloat16
    try:
        with _bar_becomes(lambda share: progress(0.05 + 0.45 * share, "reading the weights")):
            network, info = AutoModelForCausalLM.from_pretrained(
                path.parent, gguf_file=path.name, dtype=dtype, output_loading_info=True
            )
    except Exception as error:
        reason = str(error).strip().split("\n")[0][:160]
        raise ModelUnavailable(
            f"{path.name} ({header.architecture}) could not be read by transformers ({type(error).__name__}: {reason}); serve it by "
            "llama.cpp and name openai:http://host:port/v1, or name a folder with safetensors."
        ) from error
    refuse_other_weights(path.name, info)
    progress(0.52, "writing the weights")
    state, written = {}, set()
    for key, tensor in network.state_dict().items():
        if tensor.data_ptr() not in written:  # a head tied to the token vectors is written once
            written.add(tensor.data_ptr())
            state[key] = tensor.contiguous()
    whole = folder / "model.safetensors"
    save_file(state, whole.with_suffix(".partial"), metadata={"format": "pt"})
    whole.with_suffix(".partial").replace(whole)
    settings = network.config
    if hasattr(settings, "quantization_config"):
        del settings.quantization_config  # the weights are unpacked now
    settings.dtype = dtype
    if network.generation_config is not None:
        network.generation_config.save_pretrained(folder)
    settings.architectures = [type(network).__name__]
    settings.save_pretrained(folder)


@contextmanager
def _bar_becomes(report: Callable[[float], None]) -> Iterator[None]:
    """Let the library's bar over tensors drive ours: its own would cut through it, and cannot be switched off."""
    import transformers.modeling_gguf_pytorch_utils as library

    def counted(tensors: Iterable[Any], **_settings: object) -> Iterator[Any]:
        rows = list(tensors)
        for index, tensor in enumerate(rows):
            yield tensor
            report((index + 1) / len(rows))

    with patch.object(library, "tqdm", counted):
        yield


def _write_tokenizer(path: Path, folder: Path) -> None:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    except Exception as error:
        raise ModelUnavailable(
            f"The tokenizer in {path.name} could not be read ({type(error).__name__}); name a folder with safetensors of this model."
        ) from error
    unfinished = folder / "tokenizer"
    tokenizer.save_pretrained(unfinished)
    for file in sorted(
        unfinished.iterdir(), key=lambda one: one.name == "tokenizer.json"
    ):  # the one that says "done" comes last
        file.replace(folder / file.name)
    unfinished.rmdir()
