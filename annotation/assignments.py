"""Who sees what in which order: pure and seeded, so that the stored order can be computed again.

Orders come from sorting SHA-256 digests of (seed, purpose, key). That is a uniform random permutation for
each seed, the same on every machine and Python version, and adding items later does not reshuffle those
already there.
"""

import hashlib
import secrets
from collections.abc import Iterable

_SEPARATOR = "\x1f"


def _ranked(keys: Iterable[str], *salt: str) -> list[str]:
    def digest(key: str) -> bytes:
        return hashlib.sha256(_SEPARATOR.join((*salt, key)).encode("utf-8", "surrogatepass")).digest()

    return sorted(keys, key=lambda key: (digest(key), key))


def item_order(item_keys: Iterable[str], seed: int) -> list[str]:
    """The order in which a rater with this seed meets the items."""
    return _ranked(item_keys, str(seed), "items")


def system_order(systems: Iterable[str], seed: int, item_key: str) -> list[str]:
    """The order in which a rater with this seed sees the systems of one item; independent between items."""
    return _ranked(systems, str(seed), "systems", item_key)


def letter(index: int) -> str:
    """The blind name of the output at `index` (from 0): A..Z, AA, AB, ..."""
    name = ""
    index += 1
    while index > 0:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def new_seed() -> int:
    """A fresh seed of 31 bits; drawn once per rater and stored."""
    return secrets.randbits(31)
