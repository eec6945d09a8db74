"""Perturbed contexts of an answer: its demonstrations in another order, with other labels, or with other inputs.

Every draw depends on a seed and on the query alone. The contexts of one kind differ from each other and from the original, and
hold their demonstrations best first. Labels are perturbed in one of four ways; the query's own gold label is never touched:

- ``gold``: as they are.
- ``permuted``: those of the chosen demonstrations, in another order. Which labels are seen, and how often, stays.
- ``random``: each one drawn uniformly from the task's labels, independently (Min et al. 2022, arXiv 2202.12837, section 4).
- ``swapped``: one derangement of the task's labels for all demonstrations of a query. The mapping stays consistent, so a
  model that reads its demonstrations follows it, and one that goes by what it knows does not (Wei et al. 2023, arXiv
  2303.03846, flip the labels of tasks with two).

Shapes: K demonstrations, N pool examples.
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
        drawn = rng.sample(own, len(own))
    elif how == "random":
        drawn = [rng.choice(labels) for _ in own]
    elif how == "swapped":
        instead = derangement(labels, rng)
        drawn = [instead[label] for label in own]
    else:
        raise InvalidConfig(f"The labels shown are {how!r}; choose one of {', '.join(SHOWN_LABELS)}.")
    return tuple(
        replace(entry, example=replace(entry.example, label=label))
        for entry, label in zip(demonstrations, drawn, strict=True)
    )


def derangement(labels: Sequence[str], rng: random.Random) -> dict[str, str]:
    """A uniformly drawn permutation of distinct ``labels`` that has no fixed point, as a mapping.

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
TRIES = 20  # draws for each context before fewer are accepted


def orders(demonstrations: Context, most: int, rng: random.Random) -> list[Context]:
    """Distinct orders of K ``demonstrations``, theirs first: all K! where that is at most ``most``, else ``most`` drawn uniformly."""
    if math.factorial(len(demonstrations)) <= most:
        return list(permutations(demonstrations))
    drawn = dict.fromkeys([demonstrations])
    while len(drawn) < most:
        drawn[tuple(rng.sample(demonstrations, len(demonstrations)))] = None
    return list(drawn)


def relabelled(
    demonstrations: Context, how: str, labels: Sequence[str], draws: int, seed: int, query: str
) -> list[Context]:
    """At most ``draws`` contexts with the same inputs and other labels; ``how`` as in ``core.inference.perturbation``.

    Fewer where fewer exist: labels that are all alike have no other permutation.
    """
    return _different(
        demonstrations,
        draws,
        lambda number: show_labels(demonstrations, how, labels, seed_of(seed, how, number), query),
    )


def reinputs(
    demonstrations: Context, pool: Pool, usable: np.ndarray, same_label: bool, draws: int, seed: int, query: str
) -> list[Context]:
    """At most ``draws`` contexts with the same labels and other inputs, each of another item in the language of the one it replaces.

    ``usable`` ``(N,)``, True = may be chosen. ``same_label``: only inputs whose own label is that of the one replaced, so that the
    context stays right; else any, so that it is right by chance alone. Where the language has no other input, any language's is drawn.
    """
    used_items = {entry.example.item for entry in demonstrations}
    free = [
        example for example, may in zip(pool.examples, usable, strict=True) if may and example.item not in used_items
    ]
    fitting = []
    for entry in demonstrations:
        matching = [other for other in free if not same_label or other.label == entry.example.label]
        fitting.append([other for other in matching if other.language == entry.example.language] or matching)

    def draw(number: int) -> Context:
        rng = random_of("inputs", same_label, seed, query, number)
        used: set[str] = set()
        drawn = []
        for entry, choices in zip(demonstrations, fitting, strict=True):
            unused = [other for other in choices if other.item not in used]
            if not unused:
                return demonstrations
            other = rng.choice(unused)
            used.add(other.item)
            example = replace(other, label=entry.example.label, choices=entry.example.choices)
            drawn.append(replace(entry, example=example))
        return tuple(drawn)

    return _different(demonstrations, draws, draw)


def _different(demonstrations: Context, draws: int, draw: Callable[[int], Context]) -> list[Context]:
    """Different contexts of ``draw(0)``, ``draw(1)``, ..., none of them ``demonstrations``; at most ``draws``."""
    contexts: dict[Context, None] = {}
    for number in range(TRIES * draws):
        if len(contexts) == draws:
            break
        context = draw(number)
        if context != demonstrations:
            contexts[context] = None
    return list(contexts)
