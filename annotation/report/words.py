"""Figures and verdicts in English. The app says them in other languages by its catalogues."""

from annotation.records import Study
from annotation.report.results import Report, Verdict
from annotation.statistics.values import Interval, Undefined


def figure(value: float | Undefined, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return "–" if isinstance(value, Undefined) else minus(f"{value:.{digits}f}")


def signed(value: float | Undefined, digits: int = 2) -> str:
    """The same with its sign."""
    return "–" if isinstance(value, Undefined) else minus(f"{value:+.{digits}f}")


def span(interval: Interval | Undefined, digits: int = 2) -> str:
    """[low, high], or nothing."""
    if isinstance(interval, Undefined):
        return ""
    return minus(f"[{interval.low:.{digits}f}, {interval.high:.{digits}f}]")


def p_value(p: float | Undefined) -> str:
    """As journals print it: "= .004", "< .001"."""
    if isinstance(p, Undefined):
        return "–"
    return "< .001" if p < 0.001 else f"= {p:.3f}".replace("0.", ".", 1)


def minus(text: str) -> str:
    """The true minus sign, which no font takes for a hyphen."""
    return text.replace("-", "−")


def quotas(study: Study) -> str:
    """Languages that need another number of raters, in brackets; nothing where there are none."""
    return f" ({', '.join(f'{tag}: {count}' for tag, count in sorted(study.quotas.items()))})" if study.quotas else ""


def materials(study: Study) -> str:
    """What raters saw beside the source text, as a sentence."""
    names = {"reference": "the reference answer of the item", "context": "the context of its document"}
    beside = [names[one] for one in study.materials]
    if not beside:
        return "Beside the source text raters were shown nothing: no reference and no document context."
    return f"Where an item has it, raters were also shown {' and '.join(beside)}."


def sentence(verdict: Verdict, report: Report) -> str:
    """The verdict in one or two plain sentences."""
    better, worse = report.named(verdict.better), report.named(verdict.worse)
    where = report.criterion(verdict.criterion) + (f" ({verdict.language})" if verdict.language else "")
    if verdict.kind == "not_computable":
        reason = verdict.p.reason if isinstance(verdict.p, Undefined) else ""
        return f"{better} and {worse} in {where}: not computable: {reason}. {_needed(verdict)}".strip()
    size = " ".join(filter(None, (signed(verdict.difference), span(verdict.interval))))
    facts = f"{size}, p {p_value(verdict.p)} (Holm), {verdict.items} paired items"
    if verdict.kind == "better":
        return f"{better} over {worse} in {where}: {facts}."
    if verdict.kind == "alike":
        return f"{better} and {worse} in {where}: any difference is likely smaller than {verdict.target:g} points; {facts}."
    return f"{better} and {worse} in {where}: no difference shown; {facts}. {_needed(verdict)}".strip()


def _needed(verdict: Verdict) -> str:
    if verdict.more == 0 or isinstance(verdict.needed, Undefined):
        return ""
    return (
        f"About {verdict.needed} paired items would show a difference of {verdict.target:g} points with 80 % power: "
        f"{verdict.more} more."
    )


def adjudication(report: Report) -> str:
    """Who decided after the raters, and what that changed."""
    if not report.adjudicators:
        return "Nothing was adjudicated."
    return (
        f"Chosen items were adjudicated after rating, by: {', '.join(report.adjudicators)}. "
        "Who adjudicates sees the outputs blind, with what "
        "raters gave and wrote, without names. What was adjudicated is in no mean, test or agreement of this report."
    )


def judging(report: Report) -> str:
    """Which models graded the same outputs, and what their values are not."""
    if not report.judged:
        return "No model graded the outputs."
    names = sorted({one.judge for one in report.judged})
    return (
        f"The same outputs were graded by: {', '.join(names)}, with the question and the words of the points as raters saw them; a grade "
        "is the most probable point, with the mean under the probabilities of all points beside it. A model is a system of record and no "
        "rater: its grades are in no mean, test or agreement of people. High agreement on these texts shows nothing about others."
    )


def training(report: Report) -> str:
    """What raters practised before the first item, and what test they had to pass."""
    made = report.study.qualification
    if made is None:
        return "No practice and no test came before the first item."
    kinds = [one.kind for one in made.exercises]
    sentences = []
    if "practice" in kinds:
        sentences.append(
            f"Before the first item: {kinds.count('practice')} exercises with feedback, of the rater's language those: what was "
            "expected of each criterion, and a sentence why."
        )
    if "test" in kinds:
        passed, failed = report.tested
        sentences.append(
            f"Then a test ({kinds.count('test')} exercises over all languages) without feedback: at least "
            f"{100 * made.pass_share:.0f} % of the expected ratings within range, at most {made.tries} tries. {passed} raters "
            f"passed; {failed} did not and rated nothing."
        )
    return " ".join([*sentences, "None of it counts as a rating."])
