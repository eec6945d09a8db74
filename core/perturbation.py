"""What labels demonstrations show: their own, or others, to see what an answer takes from them.

- ``gold``: as they are.
- ``permuted``: those of the chosen demonstrations, in another order. Which labels are seen, and how often, stays.
- ``random``: each one drawn uniformly from the task's labels, independently (Min et al. 2022, arXiv 2202.12837, section 4).
- ``swapped``: one derangement of the task's labels for all demonstrations of a query. The mapping stays consistent, so a
  model that reads its demonstrations follows it, and one that goes by what it knows does not (Wei et al. 2023, arXiv
  2303.03846, flip the labels of tasks with two).

Draws depend on the seed and the query's id alone. The gold label of the query is never touched.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from core.errors import InvalidConfig
from core.records import Demonstration

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
