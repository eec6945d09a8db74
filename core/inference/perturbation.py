"""The contexts that an answer is held against: the same demonstrations in other orders, with other labels, with other inputs.

All are drawn from a seed and what they are for, differ from each other and from what was shown, and come best first.
Shapes: K demonstrations, N pool examples.

What labels demonstrations show: their own, or others, to see what an answer takes from them.

- ``gold``: as they are.
- ``permuted``: those of the chosen demonstrations, in another order. Which labels are seen, and how often, stays.
- ``random``: each one drawn uniformly from the task's labels, independently (Min et al. 2022, arXiv 2202.12837, section 4).
- ``swapped``: one derangement of the task's labels for all demonstrations of a query. The mapping stays consistent, so a
  model that reads its demonstrations follows it, and one that goes by what it knows does not (Wei et al. 2023, arXiv
  2303.03846, flip the labels of tasks with two).

Draws depend on the seed and the query's id alone. The gold label of the query is never touched.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np

from core.data.pool import Pool
from core.errors import InvalidConfig
from core.records import Demonstration
from core.seeds import random_of, seed_of

SHOWN_LABELS = ("gold", "permuted", "random", "swapped")


def show_labels(
    demonstrations: Sequence[Demonstration], how: str, labels: Sequence[str], seed: int, query: str
) -> tuple[Demonstration, ...]:
    """The demonstrations in the same order with the labels they are to show.

    ``how`` is one of ``SHOWN_LABELS``, ``labels`` are all labels of the task, ``query`` is the query's id. Raises
    ``InvalidConfig`` for another ``how``, and for ``swapped`` with fewer than two labels.
    """
    if how == "gold":
        return tuple(demonstrations)
    rng = random.Random(f"{seed}/{query}")
    own = [entry.example.label for entry in demonstrations]
    if how == "permuted":
        shown = rng.sample(own, len(own))
    elif how == "random":
        shown = [rng.choice(labels) for _ in own]
    elif how == "swapped":
        instead = derangement(labels, rng)
        shown = [instead[label] for label in own]
    else:
        raise InvalidConfig(f"The labels shown are {how!r}; choose one of {', '.join(SHOWN_LABELS)}.")
    return tuple(
        replace(entry, example=replace(entry.example, label=label))
        for entry, label in zip(demonstrations, shown, strict=True)
    )


def derangement(labels: Sequence[str], rng: random.Random) -> dict[str, str]:
    """A uniformly drawn permutation of distinct ``labels`` that leaves none in its place, as a mapping.

    Drawn by rejection: about one permutation in e is a derangement. Raises ``InvalidConfig`` with fewer than two labels.
    """
    if len(labels) < 2:
        raise InvalidConfig(
            f"The task has the labels {list(labels)}; labels can be swapped only where there are two or more."
        )
    while True:
        drawn = rng.sample(list(labels), len(labels))
        if all(label != other for label, other in zip(labels, drawn, strict=True)):
            return dict(zip(labels, drawn, strict=True))


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
    """At most ``draws`` contexts with the same inputs and other labels; ``how`` as in ``core.inference.perturbation``.

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
