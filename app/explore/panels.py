"""Larger pieces of Explore: verdicts, result panels, variants, the progress line, prompts, details."""

from collections.abc import Mapping, Sequence
from html import escape

from app.explore.answer import Thread
from app.explore.cards import Editing, Replacing, demonstration_cards
from app.explore.names import panel_names
from app.explore.self_test_html import self_test_lines
from app.explore.self_tests import SelfTests
from app.explore.service import Step
from app.explore.verdict import verdict_line, warnings
from app.explore.worth import worth_of
from app.html import bar, hint, label_of, message, number, spoken, wide
from app.texts import Texts
from core.data.tasks import Task
from core.inference.predictor import OTHER_TASK
from core.language_id import Detection
from core.languages import language
from core.records import Answer, Prediction, Prompt


def result_panels(
    predictions: Sequence[Prediction],
    tasks: Mapping[str, Task],
    texts: Texts,
    expected: int = 0,
    pinned: tuple[str, ...] = (),
    response_id: str = "",
    note: str = "",
    detected: Detection | None = None,
    replacing: Replacing | None = None,
    tests: SelfTests | None = None,
) -> str:
    """The strategies side by side (below each other on a phone). ``expected``: answers, while some are still to come.

    ``tests``: self-tests of translation, to stand beside translations.

    Cards of the first one can be changed once all is answered; ``pinned`` are pinned now. ``note`` stands above the panels.
    """
    if not predictions:
        return ""
    panels = ""
    for index, (name, prediction) in enumerate(zip(panel_names(predictions, texts), predictions, strict=True)):
        editing = Editing(pinned, not expected, replacing) if index == 0 else None
        task = tasks[prediction.task]
        panels += (
            f'<article class="panel"><h2>{escape(name)}</h2>{_fell_back(prediction, texts)}'
            f"{verdict_line(prediction, task, texts, worth_of(prediction))}"
            f"{demonstration_cards(prediction, task, texts, editing)}"
            f"{answer_table(prediction, texts, max(0, expected - len(prediction.answers)))}"
            f"{self_test_lines(prediction, index, tests, texts, not expected) if tests else ''}</article>"
        )
    query = predictions[0].query
    own = f"{escape(language(query.language).autonym)}{_detected(detected, texts)}"
    quoted = f'{spoken(query.text, query.language)} <span class="quiet">{own}</span>'
    above = message(note) if note else ""
    return (
        f'<div class="agl" dir="{texts.direction}" data-answer="{escape(response_id)}"><p class="asked">{quoted}</p>{above}'
        f'<div class="panels n{len(predictions)}">{panels}</div></div>'
    )


def _detected(detected: Detection | None, texts: Texts) -> str:
    """How surely the language was detected from the text, and which others it may be."""
    if detected is None:
        return ""
    sentence = texts("explore.detected", certainty=f"{detected.certainty:.2f}")
    if detected.alternatives:
        names = ", ".join(language(code).autonym for code, _ in detected.alternatives[:3])
        sentence += "; " + texts("explore.detected_others", names=names)
    return f" · {escape(sentence)}"


def answer_table(prediction: Prediction, texts: Texts, waiting: int = 0) -> str:
    """Answer, answer without demonstrations, agreement, one row a language; the measures folded. ``waiting`` rows are to come."""
    answers = prediction.answers
    heads = "".join(f'<th scope="col">{escape(texts(f"explore.{key}"))}</th>' for key in ("answer", "without"))
    rows = "".join(_row(answer, answers[0], texts) for answer in answers)
    rows += '<tr class="waiting"><td colspan="3"></td></tr>' * waiting
    return (
        f'<section class="answered"><span class="heading">{escape(texts("explore.answered"))}</span>'
        f'<table class="answers"><thead><tr><th scope="col">{escape(texts("results.language"))}</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{_dropped(prediction, texts)}{_measures(prediction, texts)}</section>"
    )


def _row(answer: Answer, first: Answer, texts: Texts) -> str:
    untouched = spoken(answer.zero_shot_text, answer.language) if answer.zero_shot_text else "–"
    css = ' class="changed"' if answer.zero_shot_text != answer.text else ""
    text = spoken(answer.text, answer.language, "answer") if answer.text else "–"
    differs = ""
    if answer.label is not None and answer.label != first.label:
        differs = f' <span class="differs" dir="{texts.direction}">{escape(texts("explore.differs"))}</span>'
    return (
        f'<tr><th scope="row">{label_of(answer.language)}</th><td class="main">{text}{differs}{warnings(answer, texts)}</td>'
        f'<td data-name="{escape(texts("explore.without"))}"{css}>{untouched}</td></tr>'
    )


def _measures(prediction: Prediction, texts: Texts) -> str:
    """The measures of every answer, folded away."""
    if not prediction.answers:
        return ""
    closed = prediction.answers[0].label is not None
    keys = ("confidence", "adherence", "kl") if closed else ("confidence", "adherence", "coherence")
    heads = "".join(
        f'<th scope="col">{hint(texts(f"explore.{key}"), texts(f"explore.{key}_hint"))}</th>' for key in keys
    )
    rows = ""
    for answer in prediction.answers:
        cells = "".join(f'<td class="figure">{_measure(key, getattr(answer, key))}</td>' for key in keys)
        rows += f'<tr><th scope="row">{label_of(answer.language)}</th>{cells}</tr>'
    table = (
        f'<table><thead><tr><th scope="col">{escape(texts("results.language"))}</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    title = texts("explore.measures")
    return f'<details class="more"><summary>{escape(title)}</summary>{wide(title, table)}</details>'


def _measure(key: str, value: float | None) -> str:
    if value is None or key != "confidence":
        return number(value)
    figure = ">.99" if value > 0.99 else number(value)  # no model is certain
    return f"{figure} {bar(value)}"


def _dropped(prediction: Prediction, texts: Texts) -> str:
    """Which demonstrations a prompt left out, by the numbers of their cards, and why."""
    ordered = [entry.example.id for entry in prediction.selection.demonstrations]
    lines = []
    for answer in prediction.answers:
        for entry, reason in zip(answer.prompt.dropped, answer.prompt.reasons, strict=False):
            if entry.example.id in ordered:
                key = "explore.dropped_language" if reason == "no_answer" else "explore.dropped_room"
                own = language(answer.language).autonym
                lines.append(texts(key, number=ordered.index(entry.example.id) + 1, own=own))
    return f'<p class="quiet">{escape(" ".join(lines))}</p>' if lines else ""


def _fell_back(prediction: Prediction, texts: Texts) -> str:
    """Says so when something simpler stands in for what the run learnt."""
    instead = prediction.provenance["fallback"]
    if instead == "none":
        return ""
    if instead == OTHER_TASK:
        return message(texts("explore.other_task", run=prediction.provenance["adapter"]))
    used = texts(f"train.fallback_{instead}")
    return message(texts("explore.fell_back", run=prediction.provenance["adapter"], used=used))


def variants_view(thread: Thread, texts: Texts) -> str:
    """Variants as a table, one row each: what was changed, and the answer of the first strategy in every language."""
    if len(thread.variants) < 2:
        return ""
    names = {variant.name: variant for variant in thread.variants}
    codes = [answer.language for answer in thread.variants[0].response.predictions[0].answers]
    heads = "".join(f'<th scope="col">{label_of(code)}</th>' for code in codes)
    rows = ""
    for index, variant in enumerate(thread.variants):
        origin = names.get(variant.origin)
        answers = variant.response.predictions[0].answers
        untouched = origin.response.predictions[0].answers if origin is not None else answers
        cells = "".join(_before_after(old, new) for old, new in zip(untouched, answers, strict=False))
        current = ' aria-current="true"' if index == thread.position else ""
        change = texts(variant.change, **variant.values)
        made_from = f' <span class="quiet">({escape(variant.origin)})</span>' if variant.origin else ""
        rows += (
            f'<tr{current}><th scope="row"><button type="button" data-act="variant" data-id="{escape(variant.name)}">'
            f"{escape(variant.name)}</button> {escape(change)}{made_from}</th>{cells}</tr>"
        )
    undo = "" if thread.origin is None else _undo(texts)
    table = (
        f'<table><thead><tr><th scope="col">{escape(texts("variant.name"))}</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    return (
        f'<div class="agl variants" dir="{texts.direction}"><section>'
        f"{hint(texts('variant.heading'), texts('variant.heading_hint'), 'heading')}"
        f"{wide(texts('variant.heading'), table)}{undo}</section></div>"
    )


def _undo(texts: Texts) -> str:
    return f'<div class="acts"><button type="button" data-act="undo" data-id="">{escape(texts("variant.undo"))}</button></div>'


def _before_after(old: Answer, new: Answer) -> str:
    text = spoken(new.text or "–", new.language, "answer")
    shift = ""
    if old.with_context is not None and new.with_context is not None and new.label is not None and old is not new:
        low, high = old.with_context.probabilities[new.label], new.with_context.probabilities[new.label]
        shift = f' <span class="figure quiet">{low:.2f} → {high:.2f}</span>'
    if old.text != new.text:
        text = f"{spoken(old.text or '–', old.language, 'quiet')} <span class='arrow'>→</span> {text}"
    return f"<td{' class=changed' if old.text != new.text else ''}>{text}{shift}</td>"


def progress_line(step: Step, texts: Texts) -> str:
    """What is being done now, with a bar; empty when all is done."""
    if step.finished or not step.stage:
        return ""
    stage = escape(texts(step.stage, **step.values))
    return (
        f'<div class="agl progress" role="status" dir="{texts.direction}"><span>{stage}</span>'
        f'<span class="bar"><i style="width:{100 * step.share:.0f}%"></i></span></div>'
    )


def prompt_view(prediction: Prediction, index: int) -> str:
    """The exact prompt of one answer, or all of them where several languages were used, and the answer where it begins."""
    answer = prediction.answers[index]
    return f'<div class="agl">{"".join(_prompt(prompt, answer) for prompt in (answer.prompt, *answer.further))}</div>'


def _prompt(prompt: Prompt, answer: Answer) -> str:
    own = language(prompt.language)
    lead = " " if not prompt.text.endswith("：") else ""
    marked = f"<mark>{lead}{escape(answer.text)}</mark>" if prompt.language == answer.language else ""
    return (
        f'<p class="quiet">{escape(prompt.template)} · {prompt.tokens} tokens</p>'
        f'<pre class="prompt" tabindex="0" dir="{own.direction}" lang="{own.tag}">{escape(prompt.text)}{marked}</pre>'
    )


def details_view(predictions: Sequence[Prediction], texts: Texts, memory: Sequence[Mapping[str, str]] = ()) -> str:
    """How long each phase took, the policy's numbers, the model's memory, and where everything comes from."""
    rows = []
    facts_of = memory or [{}] * len(predictions)
    for name, prediction, taken in zip(panel_names(predictions, texts), predictions, facts_of, strict=True):
        selection = prediction.selection
        facts = {
            "candidates": str(selection.candidates),
            "log π(C|x)": f"{number(selection.log_prob)} nats",
            "entropy of the first draw": f"{number(selection.entropy)} nats",
            **{f"seconds: {phase}": f"{value:.2f}" for phase, value in prediction.seconds.items()},
            **taken,
            **prediction.provenance,
        }
        if selection.log_prob is None:
            facts = {key: value for key, value in facts.items() if "nats" not in value}
        lines = "".join(
            f'<tr><th scope="row">{escape(key)}</th><td>{escape(value)}</td></tr>' for key, value in facts.items()
        )
        rows.append(f'<article class="panel"><h2>{escape(name)}</h2><table class="facts">{lines}</table></article>')
    return f'<div class="agl" dir="ltr"><div class="panels n{len(predictions)}">{"".join(rows)}</div></div>'
