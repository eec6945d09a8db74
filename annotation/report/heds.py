"""A Human Evaluation Datasheet in Markdown, filled as far as the database knows.

Questions follow HEDS (Shimorina and Belz 2022, arXiv 2103.09710; version 3.0: Belz and Thomson 2024, arXiv
2412.07940) by number, to the third level, in our own words; where version 3.0 splits a question further, the
parts are answered together. What nobody but the organiser can know says so.
"""

from collections.abc import Iterable, Iterator

from annotation.criteria import text_for
from annotation.records import Criterion, StudyData
from annotation.report.error_spans import marked_errors
from annotation.report.groups import assigned
from annotation.report.looks import plan
from annotation.report.power import planned_powers
from annotation.report.preferences import compared_criterion, named
from annotation.report.results import Report, by_scale
from annotation.report.words import adjudication, figure, judging, materials, span, training
from annotation.scales import labels_of
from annotation.statistics.power import Power
from annotation.statistics.values import Undefined
from core.report.markup import plain

OPEN = "*To be filled by the organiser.*"
# What the three default criteria are in the terms of Belz et al. (2020): quality type, aspect, frame of reference.
_KINDS = {
    "fluency": ("goodness", "form of the output", "the output in its own right"),
    "relevance": ("correctness", "content of the output", "relative to the input and the task"),
    "correctness": (
        "correctness",
        "content of the output",
        "relative to the input, and the reference where there is one",
    ),
}


def to_heds(report: Report, data: StudyData) -> str:
    """The datasheet; `data` is what the report was made of."""
    lines = [
        f"# Human Evaluation Datasheet: {plain(report.study.name)}",
        f"Made at {report.created_at:%Y-%m-%d %H:%M} UTC from the study's database; numbers are those of HEDS 3.0.",
    ]
    for title, answers in (
        ("1 Reference and resources", _resources()),
        ("2 Systems", _systems(report, data)),
        ("3.1 Sample of outputs", _sample(report)),
        ("3.2 Evaluators", _evaluators(report)),
        ("3.3 Design", _design(report)),
    ):
        lines += [f"## {title}", *_written(answers)]
    for number, criterion in enumerate(report.study.criteria, start=1):
        lines += [f"## 4 Quality criterion {number}: {plain(report.criterion(criterion.key))}"]
        lines += _written(_criterion(report, criterion))
    for number, question in enumerate(report.study.preferences, start=len(report.study.criteria) + 1):
        lines += [f"## 4 Quality criterion {number}: {plain(named(question))}, by comparison"]
        lines += _written(compared_criterion(report, question, _KINDS.get(question.key, (OPEN,) * 3), _repeats(report)))
    if report.study.error_spans:
        number = len(report.study.criteria) + len(report.study.preferences) + 1
        lines += [f"## 4 Quality criterion {number}: errors, by marking", *_written(marked_errors(report, OPEN))]
    lines += ["## 5 Ethics", *_written(_ethics(report))]
    return "\n\n".join(lines) + "\n"


def _written(answers: Iterator[tuple[str, str, str]]) -> list[str]:
    return [f"**{number} {question}**\n\n{answer}" for number, question, answer in answers]


def _resources() -> Iterator[tuple[str, str, str]]:
    yield "1.1", "Where the experiment is reported, and which experiment of that report this is", OPEN
    yield (
        "1.2",
        "Public resources: outputs, data, code",
        "The export of the study holds outputs, ratings and codebook. " + OPEN,
    )
    yield "1.3", "Who filled in this sheet, and whom to write to", OPEN


def _systems(report: Report, data: StudyData) -> Iterator[tuple[str, str, str]]:
    outputs = [row for row in data.outputs if row.item_kind == "normal"]
    yield "2.1", "Input of the systems", f"Text: one source text per item. {OPEN}"
    yield "2.2", "Output of the systems", f"Text. Systems: {_listed(report.named(one) for one in report.systems)}."
    yield (
        "2.3",
        "How output relates to input (the task)",
        f"As raters read it: {plain(report.study.task)}"
        + (f" Some items had tasks of their own instead: {_listed(report.tasks)}." if report.tasks else ""),
    )
    yield "2.4", "Languages of the input", _listed(sorted({row.item_language for row in outputs}))
    yield "2.5", "Languages of the output", _listed(sorted({row.language for row in outputs}))


def _sample(report: Report) -> Iterator[tuple[str, str, str]]:
    per_system = report.outputs / max(1, len(report.systems))
    yield (
        "3.1.1",
        "Outputs evaluated per system",
        f"{per_system:g} on average; {report.outputs} in all, of {report.everyone.items} items with ratings.",
    )
    yield "3.1.2", "How the sample was drawn", f"{plain(assigned(report))} {OPEN}".strip()
    yield "3.1.3", "Statistical power of the sample", _power(report)


def _power(report: Report) -> str:
    study = report.study
    if not study.criteria:
        return "Not computed: answers are compared, and there is no scale to plan a difference on."
    rated: dict[str, int] = {}
    for cell in report.everyone.cells:
        if cell.language is not None:
            rated[cell.language] = max(rated.get(cell.language, 0), cell.items)
    powers = planned_powers(study, len(report.systems), rated, report.everyone.items)
    if not powers:
        return "Not computable: fewer than 2 items, or fewer than 2 systems."
    several = len({(study.planned_items or items, study.raters_for(language)) for language, items in rated.items()}) > 1
    where = " in the language with the least power" if several else ""
    return " ".join(_power_on(power, where) for power in powers)


def _power_on(power: Power, where: str) -> str:
    plan = power.plan
    least = (
        f"not even {power.detectable.facts['largest']} points"
        if isinstance(power.detectable, Undefined)
        else f"{power.detectable:.2f} points"
    )
    if plan.looks > 1:
        how, where = f"t test at {plan.looks} looks, level {plan.alpha:g}", " over all languages together"
    else:
        how = "sign-flip test at the end, level .05"
    return (
        f"By simulation of the planned analysis ({how} / {plan.tests} tests): with {plan.items} items and "
        f"{plan.raters_per_item} raters per item{where}, a difference of {plan.difference:g} points on a scale from "
        f"{plan.scale} before rounding is found with power {power.power:.2f}; smallest difference found with power 0.80: "
        f"{least}. {power.assumptions}"
    )


def _evaluators(report: Report) -> Iterator[tuple[str, str, str]]:
    levels = [f"{level or 'not stated'}: {count}" for level, count in report.proficiency.items()]
    yield "3.2.1", "Number of evaluators", str(report.everyone.raters)
    yield "3.2.2", "Experts or not, paid or not, known to the authors or not, authors among them or not", OPEN
    yield "3.2.3", "How they were recruited", f"By invitation or by the open page of the study. {OPEN}"
    yield (
        "3.2.4",
        "Training and practice",
        f"The instructions: {plain(text_for(report.study.instructions, 'en'))} {training(report)} {OPEN}",
    )
    yield (
        "3.2.5",
        "What else is known of them",
        f"Language proficiency as they said: {_listed(levels)}. No IP address is kept. {OPEN}",
    )


def _design(report: Report) -> Iterator[tuple[str, str, str]]:
    study = report.study
    answered, passed = report.checks
    frozen = f"The design was frozen on {study.frozen_at:%Y-%m-%d}" if study.frozen_at else "The design was not frozen"
    yield "3.3.1", "Preregistration", f"{frozen} (seed {study.seed}). Registry: {OPEN}"
    yield (
        "3.3.2",
        "How responses are collected",
        "On a web page of the AGL app; every answer is stored before it is said to be saved.",
    )
    checks = (
        f"One attention check among {study.check_every} items (a spoiled output, or an item shown again); {passed} of "
        f"{answered} answered ones passed; a rater fails when more than {100 * study.failed_share:.0f} % of hers failed. "
        f"{len(report.failed)} failed; results stand with and without them."
        if study.check_every
        else "No attention checks."
    )
    yield "3.3.3", "Quality assurance", f"{checks} {adjudication(report)} {judging(report)}"
    yield (
        "3.3.4",
        "What evaluators see",
        "The source text, the task, and all systems' outputs of the item under letters, in an order drawn per rater and "
        f"item; {_below_outputs(report)}. Nothing preselected. {materials(study)}",
    )
    pace = [f"{one.language}: {figure(one.seconds, 0)} s" for one in report.pace]
    yield (
        "3.3.5",
        "Freedom in when and how fast",
        f"Any time, in any number of sittings, going back allowed. Median time per item: {_listed(pace) or 'none yet'}.",
    )
    yield "3.3.6", "Questions and feedback", f"A comment field with each item, and skipping with a reason. {OPEN}"
    yield "3.3.7", "Conditions", "Online, at a place of the evaluators' own choosing."
    yield "3.3.8", "Range of conditions, if not of their own choosing", "Not applicable."


def _below_outputs(report: Report) -> str:
    """What stands under the outputs."""
    parts = [f"under each output one row per criterion: {_rows(report)}"] if report.study.criteria else []
    if report.study.error_spans:
        parts.insert(0, "in each output its errors, marked as minor or major")
    if report.study.preferences:
        parts.append(f"below all outputs their order on: {_listed(named(one) for one in report.study.preferences)}")
    return "; ".join(parts)


def _rows(report: Report) -> str:
    """What raters answer on, for each scale of the study."""
    kinds = []
    for scale, keys in by_scale(report.study).items():
        kind = "a slider with a number" if scale.is_continuous else f"{len(scale.points)} numbered points"
        kinds.append(f"{kind} from {scale} with its words ({_listed(report.criterion(key) for key in keys)})")
    return "; ".join(kinds)


def _criterion(report: Report, criterion: Criterion) -> Iterator[tuple[str, str, str]]:
    kind, aspect, frame = _KINDS.get(criterion.key, (OPEN, OPEN, OPEN))
    anchors = text_for(criterion.anchors, "en")
    yield "4.1.1", "Type of quality", kind
    yield "4.1.2", "Aspect of the output", aspect
    yield "4.1.3", "Frame of reference", frame
    yield "4.2.1", "Objective or subjective", "subjective"
    yield "4.2.2", "Absolute or relative", "absolute; all systems' outputs of an item are on one page"
    yield "4.2.3", "Intrinsic or extrinsic", "intrinsic"
    yield "4.3.1", "Name of the criterion", plain(report.criterion(criterion.key))
    yield "4.3.2", "Definition given to evaluators", "The question and the words of each point, below."
    scale = criterion.scale
    also = "; and 'not applicable', which counts as no rating" if scale.not_applicable else ""
    yield "4.3.3", "Size of the scale", f"{len(scale.points)} ({scale})"
    yield (
        "4.3.4",
        "Values",
        "; ".join(f"{point}: {plain(text)}" for point, text in labels_of(scale, anchors)) + also,
    )
    presented = "Slider and number" if scale.is_continuous else f"Multiple choice, one of {len(scale.points)} buttons"
    yield "4.3.5", "Presentation of the scale", f"{presented}{', or a button not applicable' if also else ''}."
    yield "4.3.6", "Task, if there is no scale", "Not applicable."
    yield "4.3.7", "Question as shown", f"{plain(text_for(criterion.question, 'en'))} (version {criterion.version})"
    yield "4.3.8", "Form of elicitation", "Direct estimation of quality."
    yield (
        "4.3.9",
        "Aggregation",
        "Counts of every point, median, mean; averaged over raters per item before systems are compared.",
    )
    yield (
        "4.3.10",
        "Effect sizes and significance",
        "Paired mean difference with a bootstrap interval over items, Cliff's delta, win rate; sign-flip permutation test, "
        f"Holm over {report.tests} comparisons. {plan(report)}".strip(),
    )
    yield "4.3.11", "Agreement between evaluators", _agreement(report, criterion)
    yield "4.3.12", "Agreement of evaluators with themselves", _repeats(report)


def _agreement(report: Report, criterion: Criterion) -> str:
    values = [
        f"{one.language or 'all languages'}: {one.alpha if isinstance(one.alpha, Undefined) else figure(one.alpha)} "
        f"{span(one.interval)}".strip()
        for one in report.everyone.agreements
        if one.criterion == criterion.key
    ]
    without = " 'Not applicable' is left out." if criterion.scale.not_applicable else ""
    return (
        f"Krippendorff's alpha, {criterion.scale.level}, 95 % bootstrap interval over items.{without} "
        f"{'; '.join(values) or 'No ratings yet.'}"
    )


def _repeats(report: Report) -> str:
    if report.study.check_every is None:
        return "Not measured."
    return "Items shown again are among the attention checks; the table of checks tells how each went."


def _ethics(report: Report) -> Iterator[tuple[str, str, str]]:
    yield "5.1", "Approval by an ethics committee", OPEN
    yield (
        "5.2",
        "Personal data",
        f"Raters are pseudonyms; no name and no IP address is stored. Comments are free text and may hold more. {_consent(report)}"
        f"{OPEN}",
    )
    yield "5.3", "Special categories of data", OPEN
    yield "5.4", "Impact assessments", OPEN


def _consent(report: Report) -> str:
    consent, agreed = report.study.consent, report.consented
    if consent is None:
        return "No consent was asked for on the raters' page. "
    text = plain(text_for(consent.texts, "en"))
    return f"Before the first item {agreed} raters agreed to version {plain(consent.version)} of this text: {text} "


def _listed(names: Iterable[str]) -> str:
    return ", ".join(plain(name) for name in names)
