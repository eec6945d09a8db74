"""Layout and wiring of Rate. Saving goes past the model's queue; "saved" is shown only from the receipt of a commit."""

import hmac
import time
from typing import Any

import gradio as gr
import langcodes

from annotation.errors import AnnotationError
from annotation.vocabulary import CRITERION_KEYS, SCALE, SKIP_REASONS
from app.explore.service import MOST_OUTPUTS
from app.html import message
from app.rate import tab_html as views
from app.rate.tab_service import RatingDesk, Visit, missing_names
from app.texts import Localised, Texts, catalogue

OPTIONS: dict[str, Any] = {
    "api_visibility": "private",
    "show_progress": "hidden",
    "concurrency_id": "ratings",
    "concurrency_limit": 8,
}


def build_rate(
    desk: RatingDesk, localised: Localised, tag: gr.State, texts: Texts, tab: gr.Tab, page: gr.Blocks
) -> None:
    """Build the tab. The rater's token lives in her browser, everything else in the database."""
    token = gr.BrowserState("", storage_key="agl-rater", secret="agl-rater")  # noqa: S106 - a name; the token is the secret
    visit, shown_at = gr.State(None), gr.State(0.0)
    bind = localised.bind
    bind(gr.Markdown(texts("rate.lead")), value="rate.lead")
    with gr.Row(elem_id="rate-start-row"):
        code = bind(gr.Dropdown([], label=texts("rate.language"), elem_id="rate-language"), label="rate.language")
        start = bind(gr.Button(texts("rate.start"), variant="primary", elem_id="rate-start"), value="rate.start")
    head, item = gr.HTML(elem_id="rate-head"), gr.HTML(elem_id="rate-item")
    groups, bodies, radios = [], [], []
    for place in range(MOST_OUTPUTS):
        with gr.Group(visible=False, elem_classes="agl-output") as group:
            bodies.append(gr.HTML(padding=True))
            for key in CRITERION_KEYS:
                radio = gr.Radio(
                    list(SCALE),
                    value=None,
                    label=texts(f"criteria.{key}"),
                    elem_id=f"rate-{place}-{key}",
                    elem_classes="agl-criterion",
                )
                radios.append(bind(radio, label=f"criteria.{key}"))
        groups.append(group)
    note = gr.HTML(elem_id="rate-note")
    with gr.Column(visible=False) as controls:
        with gr.Row():
            back = bind(gr.Button(texts("rate.back"), elem_id="rate-back"), value="rate.back")
            save = bind(gr.Button(texts("rate.save"), variant="primary", elem_id="rate-save"), value="rate.save")
        comment = bind(
            gr.Textbox(label=texts("rate.comment"), lines=1, max_length=2000, elem_id="rate-comment"),
            label="rate.comment",
        )
        with gr.Row():
            reasons = bind(
                gr.Dropdown(_reasons(texts), value=None, label=texts("rate.skip_reason"), elem_id="rate-reason"),
                label="rate.skip_reason",
                choices=_reasons,
            )
            skip = bind(gr.Button(texts("rate.skip"), elem_id="rate-skip"), value="rate.skip")
        bind(gr.Markdown(texts("rate.keys"), elem_id="rate-keys"), value="rate.keys")
    outputs = [visit, token, shown_at, head, item, *bodies, *groups, *radios, controls, note, comment, reasons]

    def show(found: Visit | None, texts_now: Texts, problem: str = "") -> list[Any]:
        return _updates(found, texts_now, problem)

    def started(language_tag: str | None, tag_now: str, request: gr.Request) -> list[Any]:
        now = catalogue(tag_now)
        tags = desk.languages()
        if not tags:
            return show(None, now, message(now("rate.empty"), "error"))
        try:
            desk.allow("rater", request)
        except AnnotationError as error:
            return _keep(message(str(error), "error"))
        return show(desk.start(language_tag if language_tag in tags else preferred(tags, tag_now)), now)

    def opened(known: str, found: Visit | None, tag_now: str) -> list[Any]:
        found = own(found, known)
        again = desk.resume(known) if known and found is None else found
        tags = desk.languages()
        names = [(langcodes.Language.get(entry).autonym(), entry) for entry in tags]
        first = preferred(tags, tag_now) if tags else None
        chosen = gr.update(choices=names, value=first)
        if again is None:  # touch nothing else: a rater may have pressed Start while this was under way
            return [chosen, *_keep("" if tags else message(catalogue(tag_now)("rate.empty")))]
        return [chosen, *show(again, catalogue(tag_now))]

    def saved(
        request: gr.Request, found: Visit | None, known: str, began: float, tag_now: str, said: str, *values: int | None
    ) -> list[Any]:
        now, found = catalogue(tag_now), own(found, known)
        if found is None:
            return _keep("")
        if found.view is None:
            return show(found, now)
        given = {
            (output.output_id, key): values[place * len(CRITERION_KEYS) + number]
            for place, output in enumerate(found.view.outputs)
            for number, key in enumerate(CRITERION_KEYS)
        }
        missing = missing_names(found, given)
        if missing:
            names = ", ".join(f"{letter} · {now(f'criteria.{key}')}" for letter, key in missing)
            return _keep(message(now("rate.missing", names=names), "error"))
        try:
            desk.allow("save", request)
            return show(desk.submit(found, given, said or "", time.time() - began), now)
        except AnnotationError as error:
            return _keep(message(str(error), "error"))

    def skipped(
        request: gr.Request, found: Visit | None, known: str, tag_now: str, reason: str | None, said: str
    ) -> list[Any]:
        now, found = catalogue(tag_now), own(found, known)
        if found is None:
            return _keep("")
        if found.view is None:
            return show(found, now)
        if not reason:
            return _keep(message(now("rate.skip_reason"), "error"))
        try:
            desk.allow("save", request)
            return show(desk.skip(found, reason, said or ""), now)
        except AnnotationError as error:
            return _keep(message(str(error), "error"))

    def went_back(found: Visit | None, known: str, tag_now: str) -> list[Any]:
        found = own(found, known)
        if found is None:
            return _keep("")
        position = found.view.position - 1 if found.view else found.progress.done + found.progress.skipped
        if position < 1:
            return _keep("")
        try:
            return show(desk.look_at(found.token, position), catalogue(tag_now))
        except AnnotationError as error:
            return _keep(message(str(error), "error"))

    tab.select(opened, [token, visit, tag], [code, *outputs], **OPTIONS)
    page.load(opened, [token, visit, tag], [code, *outputs], **OPTIONS)
    start.click(started, [code, tag], outputs, **OPTIONS)
    save.click(saved, [visit, token, shown_at, tag, comment, *radios], outputs, **OPTIONS)
    skip.click(skipped, [visit, token, tag, reasons, comment], outputs, **OPTIONS)
    back.click(went_back, [visit, token, tag], outputs, **OPTIONS)


def own(found: Visit | None, known: object) -> Visit | None:
    """What the server remembers of a browser, if it is hers who asks: a session's name is no proof, her token is."""
    given = known.encode("utf-8", "surrogatepass") if isinstance(known, str) else b""
    return found if found is not None and hmac.compare_digest(found.token.encode(), given) else None


def preferred(tags: list[str], interface: str) -> str:
    """The language to offer first: the interface's own where there are outputs in it."""
    return interface if interface in tags else tags[0]


def _reasons(texts: Texts) -> list[tuple[str, str]]:
    return [(texts(f"rate.skip_{reason}"), reason) for reason in SKIP_REASONS]


def _keep(note: str) -> list[Any]:
    """Change nothing but the note."""
    fixed = 5 + 2 * MOST_OUTPUTS + MOST_OUTPUTS * len(CRITERION_KEYS) + 1
    return [gr.skip()] * fixed + [note, gr.skip(), gr.skip()]


def _updates(found: Visit | None, texts: Texts, note: str) -> list[Any]:
    view = found.view if found else None
    count = len(view.outputs) if view else 0
    head = views.head(found.progress, found.receipt, texts) if found else ""
    item = views.item(view, texts) if view else views.farewell(found.progress, texts) if found else ""
    bodies = [views.output(view, place, texts) if view and place < count else "" for place in range(MOST_OUTPUTS)]
    groups = [gr.update(visible=place < count) for place in range(MOST_OUTPUTS)]
    radios = []
    for place in range(MOST_OUTPUTS):
        for key in CRITERION_KEYS:
            criterion = next((c for c in view.criteria if c.key == key), None) if view else None
            value = view.values.get((view.outputs[place].output_id, key)) if view and place < count else None
            points = enumerate(criterion.anchors, start=1) if criterion else ()
            anchors = " · ".join(f"{point} = {anchor}" for point, anchor in points) or None
            radios.append(gr.update(value=value, info=anchors))
    token = found.token if found else gr.skip()
    said = (view.comment or "") if view else ""
    return [
        found,
        token,
        time.time(),
        head,
        item,
        *bodies,
        *groups,
        *radios,
        gr.update(visible=found is not None),
        note,
        said,
        None,
    ]
