"""How much a measure depends on the seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

ENOUGH_SEEDS = 3


@dataclass(frozen=True)
class Spread:
    """A measure over seeds."""

    mean: float
    deviation: float | None  # sample standard deviation (n - 1); None with a single seed
    seeds: int


def spread(values: Sequence[float]) -> Spread:
    """``values`` one a seed, at least one."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return Spread(mean, None, 1)
    return Spread(mean, sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1)), len(values))


def too_few_seeds(seeds: Mapping[str, int]) -> dict[str, int]:
    """Of strategies with chance in them and their numbers of seeds, those with fewer than ``ENOUGH_SEEDS``."""
    return {name: number for name, number in seeds.items() if number < ENOUGH_SEEDS}
