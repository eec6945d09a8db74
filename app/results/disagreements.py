"""Items to read: what raters gave to each output and wrote about it, those first on which they disagree most.

The disagreement of an item is the mean over its outputs and criteria of the mean absolute difference between two raters, as
a share of the scale (0: all alike, 1: opposite ends). It orders a list; `annotation.statistics.agreement` is the statistic.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from annotation.records import Study, StudyData
from annotation.scales import Answer, answer_of


@dataclass(frozen=True)
class ReadOutput:
    """One output with its ratings."""

    system: str
    text: str
    language: str
    values: Mapping[str, Mapping[str, Answer]]  # criterion -> rater -> value, "not applicable" among them
    adjudicated: Mapping[str, Mapping[str, Answer]]  # criterion -> adjudicator -> value


@dataclass(frozen=True)
class Reading:
    """One item in one language."""

    item_key: str
    language: str  # of the outputs
    source_text: str
    source_language: str
    outputs: tuple[ReadOutput, ...]
    raters: tuple[str, ...]  # who rated it, in the order they came
    comments: tuple[tuple[str, str], ...]  # (rater, what she wrote)
    reasons: tuple[tuple[str, str], ...]  # (adjudicator, why)
    disagreement: float | None  # in [0, 1]; None where nothing was rated by two


def readings(
    study: Study,
    data: StudyData,
    *,
    language: str | None = None,
    system: str | None = None,
    only_comments: bool = False,
) -> list[Reading]:
    """Rated items without attention checks, by falling disagreement, then by their comments, then as they are stored.

    ``language`` and ``system`` restrict what is read and counted. Raters who are left out of results are left out here.
    """
    excluded = {one.rater for one in data.raters if one.excluded_at is not None}
    order = {one.rater: at for at, one in enumerate(data.raters)}
    values: dict[int, dict[str, dict[str, Answer]]] = defaultdict(lambda: defaultdict(dict))
    for rating in data.ratings:
        if rating.item_kind == "normal" and rating.rater not in excluded:
            values[rating.output_id][rating.criterion][rating.rater] = answer_of(rating.value)
    decided, reasons = _adjudicated(data)
    comments: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for one in data.assignments:
        if one.comment and one.item_kind == "normal" and one.rater not in excluded:
            comments[one.item_key, one.language].append((one.rater, one.comment))
    groups: dict[tuple[str, str], list[ReadOutput]] = defaultdict(list)
    sources = {}
    for row in data.outputs:
        if row.item_kind != "normal" or language not in (None, row.language) or system not in (None, row.system):
            continue
        sources[row.item_key] = (row.source_text, row.item_language)
        groups[row.item_key, row.language].append(
            ReadOutput(
                row.system, row.text, row.language, values.get(row.output_id, {}), decided.get(row.output_id, {})
            )
        )
    result = []
    for (item, tag), outputs in groups.items():
        raters = {rater for output in outputs for by_rater in output.values.values() for rater in by_rater}
        written = tuple(comments.get((item, tag), ()))
        if (raters or written) and (written or not only_comments):
            result.append(
                Reading(
                    item, tag, *sources[item], tuple(outputs), tuple(sorted(raters, key=lambda one: order.get(one, 0))),
                    written, tuple(reasons.get((item, tag), {}).items()), _disagreement(outputs, study),
                )
            )  # fmt: skip
    return sorted(result, key=lambda one: (-(one.disagreement or 0.0), -len(one.comments)))


def _adjudicated(
    data: StudyData,
) -> tuple[dict[int, dict[str, dict[str, Answer]]], dict[tuple[str, str], dict[str, str]]]:
    """Values by output, criterion and adjudicator; reasons by item, language and adjudicator."""
    decided: dict[int, dict[str, dict[str, Answer]]] = defaultdict(lambda: defaultdict(dict))
    reasons: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for one in data.adjudications:
        decided[one.output_id][one.criterion][one.adjudicator] = answer_of(one.value)
        if one.decision_reason:
            reasons[one.item_key, one.language][one.adjudicator] = one.decision_reason
    return decided, reasons


def _disagreement(outputs: list[ReadOutput], study: Study) -> float | None:
    shares = []
    for output in outputs:
        for key, by_rater in output.values.items():
            span = study.scales[key].span
            points = [value for value in by_rater.values() if isinstance(value, int)]
            pairs = [abs(first - second) / span for first, second in combinations(points, 2)]
            shares += [sum(pairs) / len(pairs)] if pairs else []
    return sum(shares) / len(shares) if shares else None
