"""Random sources that depend on nothing but what they are for, so that a run can be resumed or split and stay the same."""

import hashlib
import random

import torch


def seed_of(*parts: object) -> int:
    """A number below 2^56 from any parts that have a text."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:7], "big")


def generator_of(*parts: object) -> torch.Generator:
    """A torch source on the CPU."""
    return torch.Generator().manual_seed(seed_of(*parts))


def random_of(*parts: object) -> random.Random:
    """A source of Python's own."""
    return random.Random(seed_of(*parts))
