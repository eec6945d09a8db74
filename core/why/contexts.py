"""The contexts that an answer is held against: the same demonstrations in other orders, with other labels, with other inputs.

All are drawn from a seed and what they are for, differ from each other and from what was shown, and come best first.
Shapes: K demonstrations, N pool examples.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np

from core.perturbation import show_labels
from core.pool import Pool
from core.records import Demonstration
from core.seeds import random_of, seed_of

Context = tuple[Demonstration, ...]
TRIES = 20  # draws tried for each one wanted before fewer are accepted


def orders(shown: Context, most: int, rng: random.Random) -> list[Context]:
    """Different orders of ``shown``, as given first: all K! of them where they are at most ``most``, else ``most`` drawn uniformly."""
    if math.factorial(len(shown)) <= most:
        return list(permutations(shown))
    drawn = dict.fromkeys([shown])
    while len(drawn) < most:
        drawn[tuple(rng.sample(shown, len(shown)))] = None
    return list(drawn)


def relabelled(shown: Context, how: str, labels: Sequence[str], draws: int, seed: int, query: str) -> list[Context]:
    """At most ``draws`` contexts with the same inputs and other labels; ``how`` as in ``core.perturbation``.

    Fewer where fewer exist: labels that are all alike have no other permutation.
    """
    return _different(shown, draws, lambda place: show_labels(shown, how, labels, seed_of(seed, how, place), query))


def reinputs(
    shown: Context, pool: Pool, usable: np.ndarray, same_label: bool, draws: int, seed: int, query: str
) -> list[Context]:
    """At most ``draws`` contexts with the same labels and other inputs, each of another item in the language of the one it replaces.

    ``usable`` ``(N,)``, True = may be shown. ``same_label``: only inputs whose own label is the one shown, so that what a context says
    stays right; else any, so that it is right by chance alone. Where the language has no other input, any language's is drawn.
    """
    taken = {entry.example.item for entry in shown}
    free = [example for example, may in zip(pool.examples, usable, strict=True) if may and example.item not in taken]
    fitting = []
    for entry in shown:
        right = [other for other in free if not same_label or other.label == entry.example.label]
        fitting.append([other for other in right if other.language == entry.example.language] or right)

    def draw(place: int) -> Context:
        rng = random_of("inputs", same_label, seed, query, place)
        used: set[str] = set()
        drawn = []
        for entry, choices in zip(shown, fitting, strict=True):
            left = [other for other in choices if other.item not in used]
            if not left:
                return shown
            other = rng.choice(left)
            used.add(other.item)
            example = replace(other, label=entry.example.label, choices=entry.example.choices)
            drawn.append(replace(entry, example=example))
        return tuple(drawn)

    return _different(shown, draws, draw)


def _different(shown: Context, draws: int, draw: Callable[[int], Context]) -> list[Context]:
    """Different contexts of ``draw(0)``, ``draw(1)``, ..., none of them ``shown``; at most ``draws``."""
    found: dict[Context, None] = {}
    for place in range(TRIES * draws):
        if len(found) == draws:
            break
        context = draw(place)
        if context != shown:
            found[context] = None
    return list(found)
