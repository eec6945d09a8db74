"""Twelve hex digits that tell models apart: by precision, weights, tokenizer and what a closed-loop run's policy learnt."""

import hashlib
from typing import TYPE_CHECKING

from core.models.trained_run import Trained

if TYPE_CHECKING:
    from torch import nn

SAMPLES = 4096  # numbers of every tensor that are looked at, evenly spread


def fingerprint_of(network: "nn.Module", words: int, precision: str, trained: Trained | None) -> str:
    """Of a network with a tokenizer of ``words`` entries; ``trained`` None: of what the states of a text depend on alone."""
    digest = hashlib.sha256(precision.encode())
    if trained is not None:
        digest.update(f"{trained.weight.tobytes().hex()[:4096]}{trained.temperature}".encode())
        if trained.head is not None:
            digest.update(trained.head.tobytes())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        flat = tensor.detach().flatten()
        digest.update(flat[:: max(1, flat.numel() // SAMPLES)].float().cpu().numpy().tobytes())
    digest.update(str(words).encode())
    return digest.hexdigest()[:12]
