"""What Explore does, without gradio: questions to predictions, predictions to outputs for rating."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from annotation.errors import InvalidRecord
from annotation.records import AddReport, NewOutput
from annotation.store import RatingStore
from app.explore.models import Engines
from app.explore.zero_gpu import known_by_name, steps_on_gpu, why_on_gpu
from core.errors import CoreError, InvalidQuery, UnknownLanguage
from core.inference.explanation import explain
from core.inference.explanation_records import Why
from core.inference.predictor import Predictor, Question, Settings, checked
from core.language_id import detect
from core.languages import language
from core.models.devices import Memory
from core.models.engine import Engine
from core.models.loading import Precision
from core.records import Demonstration, Prediction, Query
from core.selection.policy import PolicyConfig
from core.selection.strategies import needs_of
from core.served import ServedConfig
from core.workbench import bundled_examples, settings_of

DETECT = "detect"
UNTRAINED = "untrained"  # as a strategy: self-selection without the run that the form names
MOST_OUTPUTS = 8  # systems that one item can have on the rating page


@dataclass(frozen=True)
class Form:
    """What a person filled in."""

    text: str
    language: str = DETECT  # code, or DETECT
    task: str = "topic"
    answer_languages: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ("agl", "knn")
    k: int = 4
    pool_languages: tuple[str, ...] = ()
    model: str = "embedded"
    precision: Precision = "auto"
    run: str = ""  # name of a finished closed-loop run; empty: the model as it is
    temperature: float = 0.05
    calibration: str = "none"
    seed: int = 0
    kept: tuple[str, ...] | None = (
        None  # ids of the demonstrations that the first strategy shows, best first, instead of its own
    )
    pinned: tuple[str, ...] = ()  # ids that the first strategy shows first, before it chooses the rest


@dataclass(frozen=True)
class Step:
    """Where a question stands: its predictions so far, one per strategy asked for, and what is being done."""

    predictions: tuple[Prediction, ...]
    stage: str  # key of the interface texts
    values: dict[str, int]  # what the text is filled with
    share: float  # done, in [0, 1]
    finished: bool = False


class Explorer:
    """Asks questions; keeps the last models loaded. Visitors take turns at a model pass by pass (``LanguageModel.lock``)."""

    def __init__(
        self,
        cache: Path | None = None,
        encoder: str = "embedded",
        runs: Path | None = None,
        served: ServedConfig | None = None,
        offered: tuple[str, ...] = (),
        only_offered: bool = False,
    ) -> None:
        """``cache``: folder for the pool's vectors; ``runs``: folder of closed-loop runs; the rest: see ``Engines``."""
        self.engines = Engines(cache, encoder, runs, served, offered, only_offered)
        self.engines.load_offered()
        self._name = known_by_name(self)

    def predictor(self, form: Form) -> Predictor:
        """The predictor that a form asks for."""
        bench = self.engines.bench(form.model.strip() or "embedded", form.precision, form.run)
        found = bench.predictor(form.task)
        settings = Settings(_policy(bench.model, form), found.settings.prompt, form.calibration)
        if settings == found.settings:
            return found
        return Predictor(found.task, found.index, found.scorer, settings, found.translation)

    def predictor_of(self, prediction: Prediction) -> Predictor:
        """The predictor that gave a prediction, with the same settings."""
        made = prediction.provenance
        form = Form(
            prediction.query.text,
            task=prediction.task,
            model=made["model"],
            precision=made["precision"],  # type: ignore[arg-type]
            run=made["adapter"] if made["adapter"] != "none" else "",
            temperature=float(made["temperature"]),
            calibration=made["calibration"],
        )
        return self.predictor(form)

    def ask(self, form: Form) -> Iterator[Step]:
        """Answer a form, strategy by strategy. Raises ``CoreError`` with a sentence for the person."""
        checked(Query(form.text, "eng_Latn"))  # before a GPU is asked for
        if self.engines.needs_gpu(form.model):
            for step in steps_on_gpu(self._name, form):
                if isinstance(step, CoreError):
                    raise step
                yield step
        else:
            yield from self.ask_here(form)

    def why(self, prediction: Prediction, place: int) -> Why:
        """What order, labels and sentences do to one answer, and what its demonstrations are."""
        if self.engines.needs_gpu(prediction.provenance["model"]):
            found: Why | CoreError = why_on_gpu(self._name, prediction, place)
            if isinstance(found, CoreError):
                raise found
            return found
        return self.why_here(prediction, place)

    def why_here(self, prediction: Prediction, place: int) -> Why:
        """The same, in this process."""
        return explain(self.predictor_of(prediction), prediction, place)

    def ask_here(self, form: Form) -> Iterator[Step]:
        """Answer a form in this process."""
        query = Query(form.text, "eng_Latn" if form.language == DETECT else form.language)
        query = checked(query)
        yield Step((), "explore.step_load", {"megabytes": round(Memory.now().process)}, 0.02)
        predictor = self.predictor(form)
        query = replace(query, language=self._language(query.text, form, predictor.task.languages))
        yield Step((), "explore.step_pool", {}, 0.05)
        predictor.index.prepare(needs=needs_of("agl" if name == UNTRAINED else name for name in form.strategies))
        plain = replace(form, run="")
        strategies = tuple(dict.fromkeys("agl" if s == UNTRAINED and not form.run else s for s in form.strategies))
        if not strategies:
            raise InvalidQuery("No strategy is chosen; choose at least one way to pick demonstrations.")
        done: tuple[Prediction, ...] = ()
        answers = tuple(form.answer_languages) or (query.language,)
        for place, strategy in enumerate(strategies):
            asked = predictor
            if strategy == UNTRAINED:
                yield Step(done, "explore.step_pool", {}, max(0.05, place / len(strategies)))
                asked = self.predictor(plain)
                asked.index.prepare()
            fixed = _fixed(asked, form.kept) if place == 0 and form.kept is not None else None
            pinned = _fixed(asked, form.pinned) if place == 0 and fixed is None else ()
            yield Step(done, "explore.step_choose", {}, max(0.05, place / len(strategies)))
            name = "agl" if strategy == UNTRAINED else strategy
            question = Question(
                query, name, form.k, answers, form.pool_languages or None, form.seed, fixed=fixed, pinned=pinned
            )
            current = None
            for current in asked.ask(question):
                ready = len(current.answers)
                stage = "explore.step_answer" if ready < len(answers) else "explore.step_explain"
                share = (place + 0.9 * (ready + 1) / (len(answers) + 1)) / len(strategies)
                counts = {"done": min(len(answers), ready + 1), "total": len(answers)}
                yield Step((*done, current), stage, counts, share)
            if current is not None:
                done = (*done, current)
        yield Step(done, "", {}, 1.0, finished=True)

    def _language(self, text: str, form: Form, known: tuple[str, ...]) -> str:
        if form.language != DETECT:
            return form.language
        found = detect(text, known)
        if found is None:
            raise UnknownLanguage(f"The language of {text[:30]!r} could not be told; choose it from the list.")
        return found

    def examples(self) -> list[Form]:
        """Ready questions, one script after another, with their task; drawn from the bundled sentences."""
        wanted = [
            ("topic", "swh_Latn", "topic-004"),
            ("topic", "arb_Arab", "topic-013"),
            ("topic", "zho_Hans", "topic-008"),
            ("topic", "hin_Deva", "topic-005"),
            ("sentiment", "fra_Latn", "sentiment-002"),
            ("sentiment", "jpn_Jpan", "sentiment-001"),
            ("topic", "rus_Cyrl", "topic-010"),
            ("topic", "yor_Latn", "topic-009"),
            ("sentiment", "urd_Arab", "sentiment-004"),
            ("translation", "spa_Latn", "topic-016"),
            ("topic", "tam_Taml", "topic-014"),
        ]
        forms = []
        for task, code, item in wanted:
            pool = "sentiment" if task == "sentiment" else "topic"
            text = next(e.text for e in bundled_examples(pool) if e.item == item and e.language == code)
            targets = tuple(dict.fromkeys([code, "eng_Latn", "arb_Arab", "zho_Hans", "fra_Latn", "hin_Deva"]))
            chosen = tuple(c for c in targets if c != code)[:3] if task == "translation" else targets
            forms.append(Form(text, code, task, chosen))
        return forms


def _policy(model: Engine, form: Form) -> PolicyConfig:
    """The form's policy; with a run in use, the one that was trained."""
    if model.projection is None:
        return PolicyConfig(temperature=form.temperature)
    return settings_of(model).policy


def _fixed(predictor: Predictor, kept: tuple[str, ...]) -> tuple[Demonstration, ...]:
    """The pool's examples with these ids, in this order; an id that is not in the pool is passed over."""
    by_id = {example.id: example for example in predictor.index.pool.examples if example.id in set(kept)}
    return tuple(Demonstration(by_id[identity], None, None) for identity in kept if identity in by_id)


def outputs_of(prediction: Prediction) -> list[NewOutput]:
    """The answers of a prediction as outputs to rate, each with everything needed to make it again."""
    query = prediction.query
    item = f"{prediction.task}|{language(query.language).tag}|{query.text}"
    shown = [entry.example.id for entry in prediction.selection.demonstrations]
    return [
        NewOutput(
            item_key=item,
            item_language=language(query.language).tag,
            source_text=query.text,
            task=prediction.task,
            system=_system(prediction.provenance),
            language=language(answer.language).tag,
            text=answer.text or "…",
            provenance={
                **prediction.provenance,
                "prompt": answer.prompt.text,
                "template": answer.prompt.template,
                "further_prompts": [prompt.text for prompt in answer.further],
                "demonstrations": shown,
            },
        )
        for answer in prediction.answers
    ]


def _system(provenance: dict[str, str]) -> str:
    """A name that two outputs share only when everything that shapes them is the same."""
    keys = (
        "model",
        "fingerprint",
        "precision",
        "adapter",
        "fallback",
        "strategy",
        "k",
        "seed",
        "temperature",
        "order",
        "labels",
        "calibration",
        "edited",
    )
    narrowed = ("from",) if provenance["from"] != "all" else ()
    return "|".join(
        [provenance["strategy"], *(f"{key}={provenance[key]}" for key in (*keys, *narrowed) if key != "strategy")]
    )


def send(store: RatingStore, study_id: int, predictions: tuple[Prediction, ...]) -> AddReport:
    """Put the outputs of finished predictions into a study. Raises ``InvalidRecord`` past ``MOST_OUTPUTS`` systems an item."""
    new = [output for prediction in predictions for output in outputs_of(prediction)]
    systems: dict[str, set[str]] = {}
    for known in store.outputs(study_id):
        systems.setdefault(known.item_key, set()).add(known.system)
    for output in new:
        systems.setdefault(output.item_key, set()).add(output.system)
        if len(systems[output.item_key]) > MOST_OUTPUTS:
            raise InvalidRecord(
                f"This text already has {MOST_OUTPUTS} different systems to rate, which is as many as one page shows; "
                "rate those first, or send another text."
            )
    return store.add_outputs(study_id, new)


def as_json(predictions: tuple[Prediction, ...]) -> str:
    """Everything about the predictions, for a file."""
    return json.dumps(
        {"made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "predictions": [asdict(p) for p in predictions]},
        ensure_ascii=False,
        indent=1,
    )


def pool_vectors(predictor: Predictor, query: Query) -> tuple[Any, Any] | None:
    """Own vectors of the pool ``(N, D)`` and of a query ``(D,)``, as arrays, for the map; None without such vectors."""
    if not predictor.index.sees:
        return None
    with torch.inference_mode():
        return predictor.index.own_vectors().numpy(), predictor.index.own_vector(query).numpy()
