"""The components of the organiser's page: six steps, empty until somebody has entered. Nothing here knows a study."""

from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from annotation.criteria import DEFAULT_CRITERIA
from annotation.import_outputs import MOST_BYTES, OPTIONAL, REQUIRED
from annotation.queries.invitations import MAX_USES
from annotation.stopping import FEWEST_LOOKS, MOST_LOOKS
from annotation.vocabulary import CRITERION_KEYS, MATERIALS
from app.criteria import criterion_label
from app.study import comparing
from app.study.board import ARCHIVE, EVALUATION, EXPLORE, TABLE
from app.study.own_criteria import SCALES
from app.texts import Localised, Texts, Value

STEPS = ("outputs", "design", "checks", "invite", "progress", "end")
SUFFIXES = [".csv", ".tsv", ".jsonl", ".parquet"]


@dataclass
class StudyForm:
    """Components by name. ``panels`` and ``notes`` by step: what a step shows, and where its messages stand."""

    parts: dict[str, Any] = field(default_factory=dict)
    panels: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.parts[name]

    def several(self, *names: str) -> list[Any]:
        """Components in this order."""
        return [self.parts[name] for name in names]


class _Maker:
    """Makes bound components in one line each."""

    def __init__(self, localised: Localised, texts: Texts, form: StudyForm) -> None:
        self.localised, self.texts, self.form = localised, texts, form

    def __call__(self, name: str, kind: Any, *, info: str = "", prop: str = "label", **properties: Any) -> Any:
        words: dict[str, Value] = {prop: f"study.{name}"}
        if info:
            words["info"] = f"study.{info}"
        translated = {key: self.texts(str(text)) for key, text in words.items()}
        component = kind(elem_id=f"study-{name}", **translated, **properties)
        self.form.parts[name] = self.localised.bind(component, **words)
        return component

    def button(self, name: str, variant: str = "secondary") -> Any:
        return self(name, gr.Button, prop="value", variant=variant)

    def number(self, name: str, value: float | None, info: str = "") -> Any:
        """Bounds are checked on the server alone: Gradio's own end in a bare "Error" and round 2.5 to 2."""
        return self(name, gr.Number, info=info, value=value, min_width=130)

    def confirmed_button(self, name: str) -> None:
        """A button that cannot be taken back: it asks first, and a second one, hidden until then, acts."""
        self(name, gr.Button, prop="value", variant="stop")
        self.question(name, "stop")

    def question(self, name: str, variant: str = "primary") -> None:
        """A question, hidden until it is to be asked, with a button for yes and one for no."""
        with gr.Row(visible=False, elem_id=f"study-{name}_sure") as sure:
            self(f"{name}_question", gr.Markdown, prop="value")
            self(f"{name}_yes", gr.Button, prop="value", variant=variant)
            self(f"{name}_no", gr.Button, prop="value")
        self.form.parts[f"{name}_sure"] = sure


def build_study_form(localised: Localised, texts: Texts) -> tuple[StudyForm, Any, Any]:
    """The form, the group that asks for the secret, and the group of everything else, which is hidden."""
    form = StudyForm()
    make = _Maker(localised, texts, form)
    with gr.Column() as locked, gr.Row():
        make("secret", gr.Textbox, info="secret_hint", type="password", max_lines=1, scale=4)
        make.button("unlock", "primary")
    with gr.Column(visible=False) as unlocked:
        with gr.Row(elem_id="study-head"):
            make("which", gr.Dropdown, choices=[], value=None, scale=4)
            make.button("refresh")
            make.button("leave")
        form.panels["summary"] = gr.HTML(elem_id="study-summary")
        steps = (_outputs, _design, _checks, _invite, _progress, _end)
        for name, build in zip(STEPS, steps, strict=True):
            opened = name == "outputs"
            with localised.bind(
                gr.Accordion(texts(f"study.step_{name}"), open=opened, elem_id=f"study-step-{name}"),
                label=f"study.step_{name}",
            ):
                form.panels[name] = gr.HTML(elem_id=f"study-panel-{name}")
                build(make)
                form.notes[name] = gr.HTML(elem_id=f"study-note-{name}")
    return form, locked, unlocked


def _outputs(make: _Maker) -> None:
    with gr.Row():
        make("new_name", gr.Textbox, max_lines=1, max_length=120)
        source = make("source", gr.Dropdown, choices=_sources(make.texts), value=EXPLORE)
        make.localised.bind(source, choices=_sources)
        make.number("most", 0)
    hint = gr.HTML(_hint(make.texts), elem_id="study-file-hint")
    make.localised.bind(hint, value=_hint)
    with gr.Row():
        make("file", gr.File, file_types=[*SUFFIXES, ".zip"], height=110)
        make("queries", gr.File, file_types=SUFFIXES, height=110)
    with gr.Row():
        make.button("create", "primary")
        make.button("add")
        make.confirmed_button("delete")
    make.question("uneven")
    with gr.Row():
        make("clone_name", gr.Textbox, info="clone_hint", max_lines=1, max_length=120, scale=2)
        make("clone_outputs", gr.Checkbox, value=True)
        make.button("clone")


def _sources(texts: Texts) -> list[tuple[str, str]]:
    return [(texts(f"study.source_{kind}"), kind) for kind in (EXPLORE, TABLE, EVALUATION, ARCHIVE)]


def _hint(texts: Texts) -> str:
    text = texts("study.file_hint", columns=", ".join(REQUIRED), optional=", ".join(OPTIONAL), most=MOST_BYTES // 2**20)
    return f'<p class="quiet" dir="{texts.direction}">{text}</p>'


def _design(make: _Maker) -> None:
    with gr.Row():
        make("name", gr.Textbox, max_lines=1, max_length=120)
        make("task", gr.Textbox, max_lines=2, max_length=400, scale=2)
    with gr.Row():
        make.number("raters", 3)
        make.number("cap", 0)
        make.number("planned", 0)
        make.number("difference", 0.3)
    with gr.Row():
        make.number("every", 8)
        make.number("after", 5)
        make.number("share", 0.5)
        make.number("lease", 60)
    make("quotas", gr.Textbox, info="quotas_hint", max_lines=1, max_length=400)
    make("balance_groups", gr.Checkbox, info="balance_groups_hint", value=False)
    criteria = make("criteria", gr.CheckboxGroup, choices=_criteria(make.texts), value=list(CRITERION_KEYS))
    make.localised.bind(criteria, choices=_criteria)
    _stopping(make)
    with gr.Row():
        preferences = make(
            "preferences",
            gr.CheckboxGroup,
            info="preferences_hint",
            choices=comparing.choices(make.texts),
            value=[],
            scale=2,
        )
        make.localised.bind(preferences, choices=comparing.choices)
        make("own_preferences", gr.Textbox, info="own_preferences_hint", lines=1, max_lines=6, max_length=20_000)
    make("error_spans", gr.Checkbox, info="error_spans_hint", value=False)
    materials = make("materials", gr.CheckboxGroup, info="materials_hint", choices=_materials(make.texts), value=[])
    make.localised.bind(materials, choices=_materials)
    with gr.Row():
        make("instructions_language", gr.Dropdown, choices=["en"], value="en", scale=1)
        make("instructions", gr.Textbox, info="instructions_hint", lines=5, max_length=4000, scale=3)
    _criterion(make)
    _before_items(make)
    _exercises(make)
    make.button("save", "primary")


def _stopping(make: _Maker) -> None:
    """Whether and how the study may stop early."""
    with gr.Row():
        looks = make("stop_looks", gr.Dropdown, info="stop_looks_hint", choices=_looks(make.texts), value=0, scale=2)
        make.localised.bind(looks, choices=_looks)
        make(
            "stop_criterion",
            gr.Dropdown,
            choices=_criteria(make.texts),
            value=CRITERION_KEYS[0],
            allow_custom_value=True,
        )


def _looks(texts: Texts) -> list[tuple[str, int]]:
    several = range(FEWEST_LOOKS, MOST_LOOKS + 1)
    return [(texts("study.stop_off"), 0), *((texts("study.stop_on", looks=count), count) for count in several)]


def _criterion(make: _Maker) -> None:
    """Criteria of her own: fields for one, and the field that all of them are saved from."""
    fold = gr.Accordion(make.texts("study.criterion"), open=False, elem_id="study-criterion")
    with make.localised.bind(fold, label="study.criterion"):
        with gr.Row():
            make("criterion_which", gr.Dropdown, info="criterion_which_hint", choices=[], value=None)
            make("criterion_language", gr.Dropdown, choices=["en"], value="en", allow_custom_value=True)
            make("criterion_scale", gr.Dropdown, choices=list(SCALES), value=SCALES[0])
            make("criterion_none", gr.Checkbox, value=False, min_width=220)
        with gr.Row():
            make("criterion_name", gr.Textbox, max_lines=1, max_length=80)
            make("criterion_question", gr.Textbox, max_lines=2, max_length=400, scale=2)
        make("criterion_labels", gr.Textbox, info="criterion_labels_hint", lines=3, max_length=4000)
        with gr.Row():
            make.button("criterion_put")
            make.button("criterion_take")
        make.form.parts["criterion_note"] = gr.HTML(elem_id="study-criterion_note")
        make("own", gr.Textbox, info="own_hint", lines=2, max_lines=6, max_length=20_000)


def _before_items(make: _Maker) -> None:
    with gr.Row():
        make("consent", gr.Textbox, info="consent_hint", lines=3, max_length=20_000, scale=3)
        make("consent_version", gr.Textbox, value="1", max_lines=1, max_length=40)
    make("background", gr.Textbox, info="background_hint", lines=2, max_length=20_000)
    with gr.Row():
        make("completion_code", gr.Textbox, info="crowd_hint", max_lines=1, max_length=100)
        make("screen_out_code", gr.Textbox, max_lines=1, max_length=100)
        make("parameter", gr.Textbox, value="PROLIFIC_PID", max_lines=1, max_length=40)
        make("redirect", gr.Textbox, info="redirect_hint", max_lines=1, max_length=500)


def _exercises(make: _Maker) -> None:
    """Practice and test before the first item, as a table."""
    fold = gr.Accordion(make.texts("study.practice"), open=False, elem_id="study-practice")
    with make.localised.bind(fold, label="study.practice"):
        make("exercises", gr.Textbox, info="exercises_hint", lines=4, max_lines=12, max_length=400_000)
        with gr.Row():
            make("exercises_file", gr.File, file_types=[".csv", ".tsv"], height=110)
            make.number("pass_share", 0.7)
            make.number("tries", 2)


def _criteria(texts: Texts) -> list[tuple[str, str]]:
    return [(criterion_label(one, texts), one.key) for one in DEFAULT_CRITERIA]


def _materials(texts: Texts) -> list[tuple[str, str]]:
    return [(texts(f"study.material_{one}"), one) for one in MATERIALS]


def _checks(make: _Maker) -> None:
    make.button("estimate")
    make.form.panels["power"] = gr.HTML(elem_id="study-panel-power")


def _invite(make: _Maker) -> None:
    with gr.Row():
        make("preview_language", gr.Dropdown, choices=[], value=None)
        make.button("preview")
    make.form.panels["preview"] = gr.HTML(elem_id="study-panel-preview")
    with gr.Row():
        make("open_hint", gr.Textbox, max_lines=1)
        make.button("open", "primary")
    with gr.Row():
        make("language", gr.Dropdown, choices=[], value=None)
        make.number("uses", MAX_USES)
        make.number("days", 30)
        make.button("invite", "primary")
    with gr.Row():
        make.number("links", 20, info="links_hint")
        make.button("many")
        make("links_file", gr.DownloadButton, visible=False)
    make("link", gr.Textbox, visible=False, interactive=False, buttons=["copy"])
    with gr.Row():
        make.number("revoke", None)
        make.button("revoke_do")


def _progress(make: _Maker) -> None:
    make("rater", gr.Dropdown, choices=[], value=None)
    with gr.Row():
        make("reason", gr.Textbox, info="reason_hint", max_lines=2, max_length=400, scale=2)
        make.button("exclude")
        make.button("include")
    with gr.Row():
        make("confirm", gr.Textbox, info="remove_hint", max_lines=1, scale=2)
        make("remove", gr.Button, prop="value", variant="stop")


def _end(make: _Maker) -> None:
    with gr.Row():
        make.button("export")
        make("download", gr.DownloadButton, interactive=False)
        make.button("close")
        make.button("reopen")
    with gr.Row():
        make("publish_name", gr.Textbox, info="publish_hint", max_lines=1, scale=2)
        make.button("publish")
        make.button("unpublish")
        make.confirmed_button("withdraw")
