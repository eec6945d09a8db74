"""Larger pieces of Explore: result panels, the progress line, prompts, details."""

from collections.abc import Mapping, Sequence
from html import escape

from app.explore.cards import Editing, answer_table, demonstration_cards
from app.explore.service import Step
from app.html import message, number, said
from app.strategies import strategy_title
from app.texts import Texts
from core.data.tasks import Task
from core.languages import language
from core.records import Answer, Prediction, Prompt


def result_panels(
    predictions: tuple[Prediction, ...],
    tasks: dict[str, Task],
    texts: Texts,
    languages: int = 0,
    pinned: tuple[str, ...] = (),
) -> str:
    """The strategies side by side (below each other on a phone). ``languages``: answers expected.

    Cards of the first one can be pinned, dropped and moved once all is answered; ``pinned`` are pinned now.
    """
    panels = ""
    for place, (name, prediction) in enumerate(zip(panel_names(predictions, texts), predictions, strict=True)):
        editing = Editing(pinned, ready=not languages) if place == 0 else None
        panels += (
            f'<article class="panel"><h3>{escape(name)}</h3>{_fell_back(prediction, texts)}'
            f"{demonstration_cards(prediction, tasks[prediction.task], texts, editing)}"
            f"{answer_table(prediction, texts, max(0, languages - len(prediction.answers)))}</article>"
        )
    if not predictions:
        return ""
    query = predictions[0].query
    asked = f'<p class="asked">{said(query.text, query.language)} <span class="quiet">{escape(language(query.language).autonym)}</span></p>'
    return (
        f'<div class="agl" dir="{texts.direction}">{asked}<div class="panels n{len(predictions)}">{panels}</div></div>'
    )


def panel_names(predictions: tuple[Prediction, ...], texts: Texts) -> list[str]:
    """What each panel shows: the strategy, and where a closed-loop run is in play, whether it is used."""
    runs = [prediction.provenance["adapter"] for prediction in predictions]
    names = []
    for prediction, run in zip(predictions, runs, strict=True):
        strategy = strategy_title(texts, prediction.provenance["strategy"])
        if run != "none":
            strategy = texts("explore.with_run", strategy=strategy, run=run)
        elif set(runs) != {"none"}:
            strategy = texts("explore.without_run", strategy=strategy)
        names.append(strategy)
    return names


def _fell_back(prediction: Prediction, texts: Texts) -> str:
    """Says so when something simpler stands in for what the run learnt."""
    instead = prediction.provenance["fallback"]
    if instead == "none":
        return ""
    used = texts(f"train.fallback_{instead}")
    return message(texts("explore.fell_back", run=prediction.provenance["adapter"], used=used))


def progress_line(step: Step, texts: Texts) -> str:
    """What is being done now, with a bar; empty when all is done."""
    if step.finished or not step.stage:
        return ""
    said_now = escape(texts(step.stage, **step.values))
    return (
        f'<div class="agl progress" role="status" dir="{texts.direction}"><span>{said_now}</span>'
        f'<span class="bar"><i style="width:{100 * step.share:.0f}%"></i></span></div>'
    )


def prompt_view(prediction: Prediction, place: int) -> str:
    """The exact prompt of one answer, or all of them where it was asked in several languages, and the answer where it begins."""
    answer = prediction.answers[place]
    return f'<div class="agl">{"".join(_prompt(prompt, answer) for prompt in (answer.prompt, *answer.further))}</div>'


def _prompt(prompt: Prompt, answer: Answer) -> str:
    spoken = language(prompt.language)
    lead = " " if not prompt.text.endswith("：") else ""
    said = f"<mark>{lead}{escape(answer.text)}</mark>" if prompt.language == answer.language else ""
    return (
        f'<p class="quiet">{escape(prompt.template)} · {prompt.tokens} tokens</p>'
        f'<pre class="prompt" dir="{spoken.direction}" lang="{spoken.tag}">{escape(prompt.text)}{said}</pre>'
    )


def details_view(predictions: tuple[Prediction, ...], texts: Texts, memory: Sequence[Mapping[str, str]] = ()) -> str:
    """How long each phase took, the policy's numbers, the model's memory, and where everything comes from."""
    rows = []
    known = memory or [{}] * len(predictions)
    for name, prediction, taken in zip(panel_names(predictions, texts), predictions, known, strict=True):
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
        lines = "".join(f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in facts.items())
        rows.append(f'<article class="panel"><h3>{escape(name)}</h3><table class="facts">{lines}</table></article>')
    return f'<div class="agl" dir="ltr"><div class="panels n{len(predictions)}">{"".join(rows)}</div></div>'
