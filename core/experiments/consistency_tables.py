"""Tables and figures of the consistency experiment, from answers and alignments.

Shapes: S seeds, I items, R languages, P pairs of languages.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from core.experiments.consistency_alignment import Alignment
from core.experiments.consistency_measures import (
    cohen_kappas,
    counted,
    fleiss_kappa,
    item_agreement,
    kilometres,
    pair_equal,
    same_family,
    unanimous,
)
from core.experiments.runner import COMPARED, Results, Row, all_pairs, cell, comparison_rows, findings
from core.languages import language_facts
from core.report.cells import SHARE
from core.report.document import Figure
from core.statistics.bootstrap import intervals, paired_interval
from core.statistics.comparisons import mean_interval
from core.statistics.mantel import mantel, square
from core.statistics.paired import holm

ENGLISH = "eng_Latn"
DISTANT = 12  # pairs listed


@dataclass(frozen=True)
class Answers:
    """What one strategy answered."""

    answers: np.ndarray  # (S, I, R) label numbers
    gold: np.ndarray  # (I,) label numbers
    items: tuple[str, ...]
    labels: int

    @cached_property
    def counts(self) -> np.ndarray:
        """How many languages gave each label, ``(S, I, L)``."""
        return counted(self.answers, self.labels)

    @cached_property
    def agreement(self) -> "pd.Series[float]":
        """Share of pairs of languages that agree, by item; as scores of one language, so that strategies can be compared."""
        index = pd.MultiIndex.from_tuples([("all", item) for item in self.items], names=["language", "item"])
        return pd.Series(item_agreement(self.counts), index=index)


class LanguagePairs:
    """All pairs of languages: how far apart they are, how their states align, how often each strategy answers alike in both."""

    def __init__(self, codes: Sequence[str], answers: dict[str, Answers], alignment: Alignment) -> None:
        self.codes = tuple(codes)
        self.indexes = list(combinations(range(len(codes)), 2))
        self.names = [(codes[a], codes[b]) for a, b in self.indexes]
        self.distances = [kilometres(*pair) for pair in self.names]
        self.families = [same_family(*pair) for pair in self.names]
        self.aligned = alignment.of_pairs(self.names, alignment.best)  # (P,)
        self.equal = {name: pair_equal(one.answers, self.indexes) for name, one in answers.items()}  # (I, P)
        self.kappas = {name: cohen_kappas(one.answers, self.indexes, one.labels) for name, one in answers.items()}

    def agreement(self, pairs: Sequence[int]) -> Row:
        """Share of equal answers over some pairs, by strategy, with its interval over items."""
        row: Row = {}
        for name, table in self.equal.items():
            counts = np.full((len(table), 1), len(pairs))
            row[f"{name}: agree"] = cell(intervals(table[:, list(pairs)].sum(1, keepdims=True), counts)[0])
        return row

    def rows(self) -> list[Row]:
        """One row a pair, without intervals: there are hundreds."""
        kinds = {None: "unknown", True: "same", False: "different"}
        rows = []
        for pair, (first, second) in enumerate(self.names):
            distance = self.distances[pair]
            row: Row = {"first": first, "second": second, "km": None if distance is None else round(distance)}
            row |= {"families": kinds[self.families[pair]], "aligned": _number(self.aligned[pair])}
            for name, table in self.equal.items():
                row[f"{name}: agree"] = _number(table[:, pair].mean())
                row[f"{name}: kappa"] = _number(self.kappas[name][pair])
            rows.append(row)
        return rows

    def distant(self) -> list[Row]:
        """The pairs of different families that are farthest apart, with their own intervals."""
        far = [(km, pair) for pair, km in enumerate(self.distances) if km is not None and self.families[pair] is False]
        rows = []
        for distance, pair in sorted(far, reverse=True)[:DISTANT]:
            first, second = self.names[pair]
            row: Row = {
                "first": first,
                "second": second,
                "families": f"{language_facts(first).family}, {language_facts(second).family}",
            }
            row["km"] = round(distance)
            for name, share in self.agreement([pair]).items():
                strategy = name.removesuffix(": agree")
                row |= {name: share, f"{strategy}: kappa": _number(self.kappas[strategy][pair])}
            rows.append(row | {"aligned": _number(self.aligned[pair])})
        return rows

    def by_family(self) -> list[Row]:
        """Pairs within one family and between two: first all of each kind, then family by family."""
        members: dict[tuple[str, str], list[int]] = {}
        for pair, (first, second) in enumerate(self.names):
            together = self.families[pair]
            if together is not None:
                one, other = sorted((language_facts(first).family, language_facts(second).family))
                members.setdefault(("(same)", "(same)") if together else ("(any)", "(another)"), []).append(pair)
                members.setdefault((one, other), []).append(pair)
        ordered = sorted(members.items(), key=lambda entry: (not entry[0][0].startswith("("), entry[0]))
        return [
            {"family": one, "other family": other, "pairs": len(pairs)} | self.agreement(pairs)
            for (one, other), pairs in ordered
        ]

    def correlations(self) -> list[Row]:
        """Spearman correlations over pairs, tested by exchanging languages; only languages whose location is known."""
        located = [index for index, code in enumerate(self.codes) if language_facts(code).latitude is not None]
        tested = [
            (name, other, mantel(self._square(values, located), self._square(along, located)))
            for name, other, values, along in self._measures()
        ]
        adjusted = iter(holm([outcome.p for _, _, outcome in tested if outcome is not None]))
        return [
            {
                "measure": name,
                "against": other,
                "languages": len(located),
                "Spearman": None if outcome is None else round(outcome.spearman, 4),
                "p": None if outcome is None else round(outcome.p, 5),
                "p (Holm)": None if outcome is None else round(next(adjusted), 5),
            }
            for name, other, outcome in tested
        ]

    def _measures(self) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
        """What is correlated with what: alignment, agreement and kappa with distance, family and alignment."""
        measures = {"alignment": self.aligned}
        for name, table in self.equal.items():
            measures |= {f"{name}: agree": table.mean(0), f"{name}: kappa": self.kappas[name]}
        others = {
            "distance": np.array([distance or 0.0 for distance in self.distances]),
            "another family": np.array([float(together is False) for together in self.families]),
            "alignment": self.aligned,
        }
        for name, values in measures.items():
            for other, along in others.items():
                if name != other and not np.isnan(values).any():
                    yield name, other, values, along

    def _square(self, values: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        return square(values.tolist(), self.indexes, len(self.codes))[np.ix_(rows, rows)]

    def by_language(self, alignment: Alignment, policy_layer: int) -> list[Row]:
        """Each language against English where it is among them, else against all others."""
        other = ENGLISH if ENGLISH in self.codes else None
        layers = dict.fromkeys(((alignment.best, "raw"), (alignment.best, "centred"), (policy_layer, "centred")))
        rows = []
        for code in self.codes:
            if code == ENGLISH:
                continue
            row: Row = {
                "language": code,
                "family": language_facts(code).family,
                "resources": language_facts(code).resource,
            }
            row["against"] = other or "all others"
            for layer, version in layers:
                row[f"aligned, layer {layer}, {version}"] = alignment.of_language(code, other, layer, version)
            pairs = [p for p, pair in enumerate(self.names) if code in pair and (other is None or other in pair)]
            rows.append(row | self.agreement(pairs))
        return rows


def results(codes: Sequence[str], answers: dict[str, Answers], alignment: Alignment, policy_layer: int) -> Results:
    """What the experiment concludes. ``policy_layer`` is the depth that self-selection reads."""
    pairs = LanguagePairs(codes, answers, alignment)
    tests = all_pairs({name: one.agreement for name, one in answers.items()})
    by_language = pairs.by_language(alignment, policy_layer)
    correlations, every = pairs.correlations(), pairs.rows()
    tables = {
        "agreement by strategy": [_strategy_row(name, one) for name, one in answers.items()],
        "strategies compared by agreement": comparison_rows(tests),
        "agreement by families": pairs.by_family(),
        "distant pairs": pairs.distant(),
        "agreement and distance": correlations,
        "alignment by layer": alignment.by_layer,
        "alignment by language": by_language,
    }
    return Results(
        [
            *findings(tests, "agreement between languages"),
            f"States align best after layer {alignment.best} of {alignment.last}; self-selection reads layer {policy_layer}.",
            *(_correlation_finding(row) for row in correlations),
        ],
        tables,
        _units(list(answers))
        | {column: SHARE for row in by_language for column in row if column.startswith("aligned")},
        _figures(next(iter(answers)), every, tables),
        {"pairs": every},
    )


def _strategy_row(name: str, one: Answers) -> Row:
    kappa = fleiss_kappa(one.counts)
    hits = (one.answers == one.gold[None, :, None]).mean(0)  # (I, R)
    accuracy = paired_interval(hits.ravel().tolist(), np.repeat(one.items, hits.shape[1]).tolist())
    return {
        "strategy": name,
        "seeds": len(one.answers),
        "pairs of languages agree": cell(mean_interval(one.agreement)),
        "all agree": cell(paired_interval(unanimous(one.counts).tolist(), one.items)),
        "Fleiss' kappa": None if kappa is None else cell(kappa),
        "accuracy": cell(accuracy),
    }


def _correlation_finding(row: Row) -> str:
    about = f"{row['measure']} against {row['against']} over pairs of {row['languages']} languages"
    if row["Spearman"] is None:
        return (
            f"{about}: not computable, as one of them does not vary or fewer than four languages have a known location."
        )
    return (
        f"{about}: Spearman {row['Spearman']:+.2f}, p = {row['p (Holm)']:.4f} by exchanging languages, Holm-corrected."
    )


def _units(strategies: Sequence[str]) -> dict[str, str]:
    shares = ["pairs of languages agree", "all agree", "accuracy", "aligned", "aligned, raw", "aligned, centred"]
    shares += [f"{name}: agree" for name in strategies]
    return dict.fromkeys(shares, SHARE) | COMPARED


def _figures(main: str, every: Sequence[Row], tables: Mapping[str, Sequence[Row]]) -> dict[str, Figure]:
    """Figures by name. ``main`` is the strategy drawn where only one can be, ``every`` the rows of all pairs of languages."""
    column = f"{main}: agree"
    mirrored = [*every, *({**row, "first": row["second"], "second": row["first"]} for row in every)]
    cells = [{"first": row["first"], "second": row["second"], "agree": row[column]} for row in mirrored]
    located = [row for row in every if row["km"] is not None]
    by_strategy, by_layer = tables["agreement by strategy"], tables["alignment by layer"]
    titles = ("Pairs of languages that agree", f"Agreement of two languages, {main}")
    curve = "Aligned sentences by layer, states centred by language"
    figures = (
        Figure(titles[0], "bar", "strategy", "pairs of languages agree", by_strategy, unit=SHARE),
        Figure(titles[1], "heatmap", "first", "second", cells, value="agree", unit=SHARE),
        Figure("Agreement and distance", "scatter", "km", column, located, series="families", unit=SHARE),
        Figure("Agreement and alignment", "scatter", "aligned", column, every, series="families", unit=SHARE),
        Figure(curve, "line", "layer", "aligned, centred", by_layer, unit=SHARE),
    )
    names = ("agreement by strategy", "agreement of pairs", "agreement and distance", "agreement and alignment")
    return dict(zip((*names, "alignment by layer"), figures, strict=True))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
