"""Who sees what in which order: pure and seeded, so that the stored order can be computed again.

Orders come from sorting SHA-256 digests of (seed, purpose, key). That is a uniform random permutation for
each seed, the same on every machine and Python version, and adding items later does not reshuffle those
already there.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence

_SEPARATOR = "\x1f"


def ranked(keys: Iterable[str], *salt: str) -> list[str]:
    """The keys in the order of their digests under this salt."""
    return sorted(keys, key=lambda key: (_bytes(*salt, key), key))


def digest(*parts: str) -> int:
    """A number of 64 bits that follows from the parts alone."""
    return int.from_bytes(_bytes(*parts)[:8], "big")


def _bytes(*parts: str) -> bytes:
    return hashlib.sha256(_SEPARATOR.join(parts).encode("utf-8", "surrogatepass")).digest()


def item_order(item_keys: Iterable[str], seed: int) -> list[str]:
    """The order in which a rater with this seed meets the items."""
    return ranked(item_keys, str(seed), "items")


def system_order(systems: Iterable[str], seed: int, item_key: str) -> list[str]:
    """The order in which a rater with this seed sees the systems of one item; independent between items."""
    return ranked(systems, str(seed), "systems", item_key)


def fewest_first(held: Mapping[str, int], seed: int) -> list[str]:
    """Item keys by how many raters hold them, fewest first; ties in this rater's own order."""
    return sorted(item_order(held, seed), key=lambda key: held[key])


def other_order(order: Sequence[str], previous: Sequence[str]) -> list[str]:
    """`order`, turned by one where it equals `before`: a repeat never shows the systems as they stood."""
    turned = list(order)
    return [*turned[1:], turned[0]] if len(turned) > 1 and turned == list(previous) else turned


def letter(index: int) -> str:
    """The blind name of the output at `index` (from 0): A..Z, AA, AB, ..."""
    name = ""
    index += 1
    while index > 0:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def item_alias(study_seed: int, rater_seed: int, item_id: int, order: Sequence[int]) -> str:
    """What a rater's page calls an item with its outputs in this order, in 16 hex digits that tell neither.

    Two writers that went on from one state give an item the same name, whatever its position in her order is in each.
    """
    return f"{digest(str(study_seed), str(rater_seed), 'shown', str(item_id), *map(str, order)):016x}"


def new_seed() -> int:
    """A fresh seed of 31 bits; drawn once per rater and stored."""
    return secrets.randbits(31)
