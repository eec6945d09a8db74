"""Ratings freed from how lenient and how wide each rater is, and whether the order of systems depends on that.

z = (value - mean of the rater) / her standard deviation (n - 1), over all her ratings of one criterion in one
language. Raters with fewer than 2 ratings or always the same value have no z and are named. Raw and normalised
order are reported side by side: normalising can itself move an order (Knowles 2021, on WMT).
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from annotation.records import RatingRecord
from annotation.statistics.values import Undefined, undefined
from core.statistics.bootstrap import resampled, seed_of

FEWEST = 2  # ratings of a rater


@dataclass(frozen=True, slots=True)
class Rank:
    """One system in both orders."""

    system: str
    raw: float  # mean over items of the mean over raters, scale points
    z: float | Undefined  # the same of the normalised values, in standard deviations of the rater
    raw_rank: int  # 1 = best; equal means share a rank
    z_rank: int | Undefined


@dataclass(frozen=True, slots=True)
class Ranking:
    """The order of systems on one criterion in one language."""

    criterion: str
    language: str
    ranks: tuple[Rank, ...]  # by raw rank, then name
    same_order: bool | Undefined  # do raw and normalised means put the systems at the same ranks?
    stable_raw: float | Undefined  # share of resamples over items with the order of the raw means, 0..1
    stable_z: float | Undefined  # the same for the normalised means
    without_z: Mapping[str, Undefined]  # rater -> why she has no z

    def signs(self) -> tuple[str, ...]:
        """What stands between one system and the next in the order: ">", or "=" where their raw means are equal."""
        return tuple("=" if a.raw_rank == b.raw_rank else ">" for a, b in pairwise(self.ranks))


def rater_z(ratings: Sequence[RatingRecord]) -> tuple[dict[int, float], dict[str, Undefined]]:
    """The z of each rating by its index in `ratings` (of one criterion and language), and the raters left out."""
    by_rater: dict[str, list[int]] = defaultdict(list)
    for index, rating in enumerate(ratings):
        by_rater[rating.rater].append(index)
    scores: dict[int, float] = {}
    without_z: dict[str, Undefined] = {}
    for rater, indices in sorted(by_rater.items()):
        values = [ratings[index].point for index in indices]
        if len(values) < FEWEST:
            without_z[rater] = undefined("few_ratings", {"needed": FEWEST, "seen": len(values)})
        elif len(set(values)) == 1:
            without_z[rater] = undefined("no_spread")
        else:
            mean, spread = statistics.fmean(values), statistics.stdev(values)
            scores.update({index: (ratings[index].point - mean) / spread for index in indices})
    return scores, without_z


def ranking(ratings: Sequence[RatingRecord], *, seed: int = 0) -> Ranking:
    """Both orders; `ratings` are all of one criterion and language, at least one."""
    criterion, language = ratings[0].criterion, ratings[0].language
    scores, without_z = rater_z(ratings)
    systems = sorted({rating.system for rating in ratings})
    raw = _table([(rating, float(rating.point)) for rating in ratings])
    z = _table([(ratings[index], score) for index, score in scores.items()])
    raw_means = {system: statistics.fmean(raw[system].values()) for system in systems}
    why_not = undefined("few_raters", {"needed": 1, "seen": 0})
    z_means = {system: statistics.fmean(z[system].values()) for system in systems if system in z}
    raw_ranks, z_ranks = _ranks(raw_means), _ranks(z_means)
    ranks = tuple(
        Rank(system, raw_means[system], z_means.get(system, why_not), raw_ranks[system], z_ranks.get(system, why_not))
        for system in sorted(systems, key=lambda system: (raw_ranks[system], system))
    )
    own = seed_of(seed, "ranking", criterion, language)
    return Ranking(
        criterion=criterion,
        language=language,
        ranks=ranks,
        same_order=raw_ranks == z_ranks if z_means.keys() == raw_means.keys() else why_not,
        stable_raw=_stability(raw, systems, own),
        stable_z=_stability(z, systems, own),
        without_z=without_z,
    )


def rankings(ratings: Iterable[RatingRecord], criteria: Sequence[str], *, seed: int = 0) -> list[Ranking]:
    """One per criterion and language that has ratings."""
    groups: dict[tuple[str, str], list[RatingRecord]] = defaultdict(list)
    for rating in ratings:
        groups[rating.language, rating.criterion].append(rating)
    languages = sorted({language for language, _ in groups})
    return [
        ranking(groups[language, criterion], seed=seed)
        for language in languages
        for criterion in criteria
        if groups[language, criterion]
    ]


def _table(scored: Sequence[tuple[RatingRecord, float]]) -> dict[str, dict[str, float]]:
    """System -> item -> mean over raters."""
    values_of: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for rating, score in scored:
        values_of[rating.system][rating.item_key].append(score)
    return {
        system: {item: statistics.fmean(values) for item, values in items.items()}
        for system, items in values_of.items()
    }


def _ranks(means: Mapping[str, float]) -> dict[str, int]:
    """1 for the highest mean; means equal to nine digits share a rank."""
    rounded = {system: round(mean, 9) for system, mean in means.items()}
    return {system: 1 + sum(other > mean for other in rounded.values()) for system, mean in rounded.items()}


def _stability(table: Mapping[str, Mapping[str, float]], systems: Sequence[str], seed: int) -> float | Undefined:
    """Share of resamples over the items that all systems have in which the systems come in the same order."""
    if len(systems) < 2:
        return undefined("few_systems", {"seen": len(systems)})
    if len({round(statistics.fmean(table[system].values()), 9) for system in systems if table.get(system)}) == 1:
        return undefined("tied")
    shared = sorted(set.intersection(*(set(table.get(system, {})) for system in systems)))
    if len(shared) < 2:
        return undefined("not_shared", {"needed": 2, "seen": len(shared)})
    values = np.array([[table[system][item] for item in shared] for system in systems])  # (S, I)
    means = np.round(resampled(values.T, seed=seed) / len(shared), 9)  # (R, S)
    order = np.argsort(-np.round(values.mean(1), 9), kind="stable")
    steps, own = np.sign(np.diff(means[:, order])), np.sign(np.diff(np.round(values.mean(1), 9)[order]))
    return float((steps == own).all(1).mean())
