"""Tables and figures of the consistency experiment, from answers and alignments.

Shapes: S seeds, I items, R languages, P pairs of languages, N parallel sentences.

Figures and units of the consistency experiment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from core.experiments.consistency_measures import (
    cohen_kappas,
    counted,
    fleiss_kappa,
    item_agreement,
    kilometres,
    mantel,
    pair_equal,
    same_family,
    square,
    unanimous,
)
from core.experiments.runner import POINTS, SHARE, P, Row, all_pairs, cell, comparison_rows, finding
from core.languages import facts
from core.statistics.bootstrap import intervals, paired_interval
from core.statistics.comparisons import mean_interval
from core.statistics.paired import holm


def figures(main: str, every: Sequence[Row]) -> dict[str, Any]:
    """Figures by name. ``main`` is the strategy drawn where only one can be, ``every`` the rows of all pairs of languages."""
    column = f"{main}: agree"
    mirrored = [*every, *({**row, "first": row["second"], "second": row["first"]} for row in every)]
    cells = [{"first": row["first"], "second": row["second"], "agree": row[column]} for row in mirrored]
    placed = [row for row in every if row["km"] is not None]
    scatter = {"kind": "scatter", "y": column, "series": "families", "units": SHARE}
    return {
        "agreement by strategy": {
            "kind": "bar",
            "title": "Pairs of languages that agree",
            "x": "strategy",
            "y": "pairs of languages agree",
            "table": "agreement by strategy",
            "units": SHARE,
        },
        "agreement of pairs": {
            "kind": "heatmap",
            "title": f"Agreement of two languages, {main}",
            "x": "first",
            "y": "second",
            "value": "agree",
            "rows": cells,
            "units": SHARE,
        },
        "agreement and distance": scatter | {"title": "Agreement and distance", "x": "km", "rows": placed},
        "agreement and alignment": scatter | {"title": "Agreement and alignment", "x": "aligned", "rows": list(every)},
        "alignment by layer": {
            "kind": "line",
            "title": "Aligned sentences by layer, states centred by language",
            "x": "layer",
            "y": "aligned, centred",
            "table": "alignment by layer",
            "units": SHARE,
        },
    }


def units(strategies: Sequence[str]) -> dict[str, str]:
    """Units by column."""
    shares = ["pairs of languages agree", "all agree", "accuracy", "aligned", "aligned, raw", "aligned, centred"]
    shares += [f"{name}: agree" for name in strategies]
    return dict.fromkeys(shares, SHARE) | {"first minus second": POINTS, "p": P, "p (Holm)": P}


ENGLISH = "eng_Latn"
DISTANT = 12  # pairs listed


@dataclass(frozen=True)
class Answers:
    """What one strategy answered."""

    given: np.ndarray  # (S, I, R) label numbers
    gold: np.ndarray  # (I,) label numbers
    items: tuple[str, ...]
    labels: int


@dataclass(frozen=True)
class Pairs:
    """Pairs of languages with what is known of them."""

    codes: tuple[str, ...]
    places: list[tuple[int, int]]

    def names(self, place: int) -> tuple[str, str]:
        """The two languages of a pair."""
        a, b = self.places[place]
        return self.codes[a], self.codes[b]


def shown(
    codes: Sequence[str], answers: dict[str, Answers], aligned: pd.DataFrame, policy_layer: int
) -> dict[str, Any]:
    """Tables, figures, units and findings. ``policy_layer`` is the depth that self-selection reads."""
    pairs = Pairs(tuple(codes), list(combinations(range(len(codes)), 2)))
    equal = {name: pair_equal(one.given, pairs.places) for name, one in answers.items()}  # (I, P)
    kappas = {name: cohen_kappas(one.given, pairs.places, one.labels) for name, one in answers.items()}
    layers, best = _layers(aligned)
    alignment = _of_pairs(aligned, best, "centred", pairs)
    agreed = {
        name: pd.Series(
            item_agreement(counted(one.given, one.labels)),
            index=pd.MultiIndex.from_tuples([("all", item) for item in one.items], names=["language", "item"]),
        )
        for name, one in answers.items()
    }
    tests = all_pairs(agreed)
    main = next(iter(answers))
    by_language = _language_rows(pairs, equal, aligned, best, policy_layer)
    tables: dict[str, list[Row]] = {
        "agreement by strategy": [_strategy_row(name, one, agreed[name]) for name, one in answers.items()],
        "strategies compared by agreement": comparison_rows(tests),
        "agreement by families": _family_rows(pairs, equal),
        "distant pairs": _distant_rows(pairs, equal, kappas, alignment),
        "agreement and distance": _correlation_rows(pairs, equal, kappas, alignment),
        "alignment by layer": layers,
        "alignment by language": by_language,
    }
    every = _pair_rows(pairs, equal, kappas, alignment)
    return {
        "findings": [
            *(finding(one, "agreement between languages") for one in tests),
            f"States align best after layer {best} of {int(aligned['layer'].max())}; self-selection reads layer {policy_layer}.",
            *(_distance_finding(row) for row in tables["agreement and distance"]),
        ],
        "tables": tables,
        "units": units(list(answers))
        | {column: SHARE for row in by_language for column in row if column.startswith("aligned")},
        "figures": figures(main, every),
        "pairs": every,
    }


def _strategy_row(name: str, one: Answers, agreed: "pd.Series[float]") -> Row:
    counts = counted(one.given, one.labels)
    kappa = fleiss_kappa(counts)
    hits = (one.given == one.gold[None, :, None]).mean(0)  # (I, R)
    accuracy = paired_interval(hits.ravel().tolist(), np.repeat(one.items, hits.shape[1]).tolist())
    alike = paired_interval(unanimous(counts).tolist(), one.items)
    return {
        "strategy": name,
        "seeds": len(one.given),
        "pairs of languages agree": cell(mean_interval(agreed)),
        "all agree": cell(alike),
        "Fleiss' kappa": None if kappa is None else cell(kappa),
        "accuracy": cell(accuracy),
    }


def _family_rows(pairs: Pairs, equal: dict[str, np.ndarray]) -> list[Row]:
    """Pairs within one family and between two: first all of each kind, then family by family."""
    members: dict[tuple[str, str], list[int]] = {}
    for place in range(len(pairs.places)):
        first, second = pairs.names(place)
        together = same_family(first, second)
        if together is not None:
            families = sorted((facts(first).family, facts(second).family))
            members.setdefault(("(same)", "(same)") if together else ("(any)", "(another)"), []).append(place)
            members.setdefault((families[0], families[1]), []).append(place)
    rows = []
    for (a, b), places in sorted(members.items(), key=lambda entry: (not entry[0][0].startswith("("), entry[0])):
        row: Row = {"family": a, "other family": b, "pairs": len(places)}
        row |= _agreed(equal, places)
        rows.append(row)
    return rows


def _agreed(equal: dict[str, np.ndarray], places: Sequence[int]) -> Row:
    """Share of equal answers over the pairs at ``places``, by strategy, with its interval over items."""
    found: Row = {}
    for name, table in equal.items():
        sums = table[:, places].sum(1)
        found[f"{name}: agree"] = cell(intervals(sums[:, None], np.full((len(table), 1), len(places)))[0])
    return found


def _distant_rows(
    pairs: Pairs, equal: dict[str, np.ndarray], kappas: dict[str, np.ndarray], alignment: np.ndarray
) -> list[Row]:
    """The pairs of different families that are farthest apart, with their own intervals."""
    far = []
    for place in range(len(pairs.places)):
        first, second = pairs.names(place)
        distance = kilometres(first, second)
        if distance is not None and same_family(first, second) is False:
            far.append((distance, place))
    rows = []
    for distance, place in sorted(far, reverse=True)[:DISTANT]:
        first, second = pairs.names(place)
        row: Row = {"first": first, "second": second, "families": f"{facts(first).family}, {facts(second).family}"}
        row["km"] = round(distance)
        for name, table in equal.items():
            row[f"{name}: agree"] = cell(intervals(table[:, [place]], np.ones((len(table), 1)))[0])
            row[f"{name}: kappa"] = _number(kappas[name][place])
        rows.append(row | {"aligned": _number(alignment[place])})
    return rows


def _correlation_rows(
    pairs: Pairs, equal: dict[str, np.ndarray], kappas: dict[str, np.ndarray], alignment: np.ndarray
) -> list[Row]:
    """Spearman correlations over pairs, tested by exchanging languages; only languages whose place is known."""
    kept = [place for place, code in enumerate(pairs.codes) if facts(code).latitude is not None]
    measures = {"alignment": alignment}
    for name in equal:
        measures |= {f"{name}: agree": equal[name].mean(0), f"{name}: kappa": kappas[name]}
    far = [kilometres(*pairs.names(p)) or 0.0 for p in range(len(pairs.places))]
    apart = [float(same_family(*pairs.names(p)) is False) for p in range(len(pairs.places))]
    size = len(pairs.codes)
    others = {"distance": np.array(far), "another family": np.array(apart), "alignment": alignment}
    found = []
    for name, values in measures.items():
        for other, along in others.items():
            if name == other or np.isnan(values).any():
                continue
            one, two = (square(v.tolist(), pairs.places, size)[np.ix_(kept, kept)] for v in (values, along))
            found.append((name, other, mantel(one, two)))
    adjusted = iter(holm([outcome[1] for _, _, outcome in found if outcome is not None]))
    return [
        {
            "measure": name,
            "against": other,
            "languages": len(kept),
            "Spearman": None if outcome is None else round(outcome[0], 4),
            "p": None if outcome is None else round(outcome[1], 5),
            "p (Holm)": None if outcome is None else round(next(adjusted), 5),
        }
        for name, other, outcome in found
    ]


def _layers(aligned: pd.DataFrame) -> tuple[list[Row], int]:
    """Alignment by layer over all pairs, with intervals over sentences, and the layer where centred states align best."""
    rows: list[Row] = []
    for layer, part in aligned.groupby("layer", sort=True):
        row: Row = {"layer": int(str(layer))}
        for version, several in part.groupby("version", sort=False):
            hits = np.stack(several["aligned"].to_list()).astype(float)  # (P, N)
            row[f"aligned, {version}"] = cell(paired_interval(hits.mean(0).tolist(), _names(hits.shape[1])))
        rows.append(row)
    return rows, max(rows, key=lambda row: row["aligned, centred"][0])["layer"]


def _of_pairs(aligned: pd.DataFrame, layer: int, version: str, pairs: Pairs) -> np.ndarray:
    """Alignment of each pair ``(P,)`` at a layer."""
    part = aligned[(aligned["layer"] == layer) & (aligned["version"] == version)]
    known = {
        frozenset((a, b)): float(np.mean(hits))
        for a, b, hits in zip(part["first"], part["second"], part["aligned"], strict=True)
    }
    return np.array([known[frozenset(pairs.names(place))] for place in range(len(pairs.places))])


def _language_rows(
    pairs: Pairs, equal: dict[str, np.ndarray], aligned: pd.DataFrame, best: int, policy_layer: int
) -> list[Row]:
    """Each language against English where it is among them, else against all others."""
    rows = []
    for code in pairs.codes:
        if code == ENGLISH:
            continue
        other = ENGLISH if ENGLISH in pairs.codes else None
        places = [
            p for p in range(len(pairs.places)) if code in pairs.names(p) and (other is None or other in pairs.names(p))
        ]
        row: Row = {"language": code, "family": facts(code).family, "resources": facts(code).resource}
        row["against"] = other or "all others"
        for layer, version in dict.fromkeys(((best, "raw"), (best, "centred"), (policy_layer, "centred"))):
            part = aligned[(aligned["layer"] == layer) & (aligned["version"] == version)]
            mine = part[(part["first"] == code) | (part["second"] == code)]
            if other:
                mine = mine[(mine["first"] == other) | (mine["second"] == other)]
            hits = np.stack(mine["aligned"].to_list()).astype(float).mean(0)
            row[f"aligned, layer {layer}, {version}"] = cell(paired_interval(hits.tolist(), _names(len(hits))))
        row |= _agreed(equal, places)
        rows.append(row)
    return rows


def _pair_rows(
    pairs: Pairs, equal: dict[str, np.ndarray], kappas: dict[str, np.ndarray], alignment: np.ndarray
) -> list[Row]:
    rows = []
    for place in range(len(pairs.places)):
        first, second = pairs.names(place)
        distance, together = kilometres(first, second), same_family(first, second)
        row: Row = {"first": first, "second": second, "km": None if distance is None else round(distance)}
        row["families"] = "unknown" if together is None else "same" if together else "different"
        row["aligned"] = _number(alignment[place])
        for name, table in equal.items():
            row |= {f"{name}: agree": _number(table[:, place].mean()), f"{name}: kappa": _number(kappas[name][place])}
        rows.append(row)
    return rows


def _distance_finding(row: Row) -> str:
    about = f"{row['measure']} against {row['against']} over pairs of {row['languages']} languages"
    if row["Spearman"] is None:
        return f"{about}: not computable, as one of them does not vary or fewer than four languages have a known place."
    return (
        f"{about}: Spearman {row['Spearman']:+.2f}, p = {row['p (Holm)']:.4f} by exchanging languages, Holm-corrected."
    )


def _names(count: int) -> list[str]:
    return [str(place) for place in range(count)]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
