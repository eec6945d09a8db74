"""Answers questions, without gradio: from a form to predictions, in steps that a page can show."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app.explore.answer import Response, settled
from app.explore.form import AUTO, DETECT, UNTRAINED, Edit, Form, bounded
from app.explore.models import ModelCache
from app.explore.reading import FIRST_CANDIDATES, Reading, first_candidates, is_read, read_pool
from app.explore.replacing import alternatives
from app.explore.self_tests import SelfTests, untested
from app.explore.turns import Turns
from app.explore.zero_gpu import claimed_seconds, on_gpu, one_thread
from core.data.prompt_variants import prompt_variants
from core.errors import CoreError, InvalidConfig, InvalidQuery, UnknownLanguage
from core.inference.attribution import Attribution, attribute
from core.inference.context_use import ContextUse, context_use
from core.inference.explanation import explain
from core.inference.explanation_records import Unmeasured, Why
from core.inference.predictor import Predictor, Question, Settings, checked
from core.language_id import Detection, detect
from core.models.devices import Memory
from core.models.engine import Engine
from core.prompting import PromptConfig
from core.records import Demonstration, Prediction, Query
from core.selection.policy import PolicyConfig
from core.selection.strategies import needs_of
from core.served import ServedConfig
from core.workbench import settings_of

WHY_S = 60  # seconds of a GPU that measuring one answer is given


@dataclass(frozen=True)
class Step:
    """Where a question stands: its predictions so far, one per strategy asked for, and what is being done."""

    predictions: tuple[Prediction, ...]
    stage: str  # key of the interface texts
    values: dict[str, Any]  # what the text is filled with
    share: float  # done, in [0, 1]
    finished: bool = False
    partial_pool: int = 0  # candidates read so far, where the predictions rest on these alone; 0 for the whole pool
    response: Response | None = None  # once finished


class ExploreService:
    """Asks questions of models. Visitors take turns at a model (``Turns``), those of different models are answered at once."""

    def __init__(
        self,
        cache: Path | None = None,
        encoder: str = "embedded",
        runs: Path | None = None,
        served: ServedConfig | None = None,
        offered: tuple[str, ...] = (),
        only_offered: bool = False,
    ) -> None:
        """``cache``: folder for the pool's vectors; ``runs``: folder of closed-loop runs; the rest: see ``ModelCache``."""
        self.models = ModelCache(cache, encoder, runs, served, offered, only_offered)
        self.turns = Turns()
        self.self_tests = SelfTests()
        self._steps_on_gpu = on_gpu(self._steps_or_error, lambda form, _: claimed_seconds(form.answers))
        self._why_on_gpu = on_gpu(self._why_or_error, WHY_S)
        self._attribution_on_gpu = on_gpu(self._attribution_or_error, WHY_S)
        self.models.load_offered()

    def predictor(self, form: Form) -> Predictor:
        """The predictor that a form asks for."""
        workbench = self.models.open(form.model, form.precision, form.run)
        plain = workbench.predictor(form.task)
        settings = _settings(plain.settings, workbench.model, form)
        return plain if settings == plain.settings else plain.with_settings(settings)

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
            prompt=made["prompt"] if made["prompt"] in prompt_variants() else "",
            calibration=made["calibration"],
        )
        return self.predictor(form)

    def ask(self, form: Form, answered: Mapping[str, Prediction] | None = None) -> Iterator[Step]:
        """Answer a form, strategy by strategy. Closing the iterator ends the work after the step in progress.

        ``answered``: finished predictions by strategy, which are not asked for again. Raises ``CoreError`` with a sentence for the person.
        """
        form = bounded(form)
        checked(Query(form.text, "eng_Latn"))  # before anything is waited for
        if self.models.needs_gpu(form.model):
            for step in self._steps_on_gpu(form, answered or {}):
                if isinstance(step, CoreError):
                    raise step
                yield step
        else:
            yield from self._ask_here(form, answered or {})

    def why(self, prediction: Prediction, index: int) -> Why:
        """What order, labels and sentences do to the answer at ``index``, and what its demonstrations are."""
        if self.models.needs_gpu(prediction.provenance["model"]):
            measured = self._why_on_gpu(prediction, index)
            if isinstance(measured, CoreError):
                raise measured
            return measured
        return explain(self.predictor_of(prediction), prediction, index)

    def alternatives(self, prediction: Prediction) -> tuple[Demonstration, ...]:
        """Candidates that could stand where a demonstration stands. Raises ``CoreError``, also where a GPU is lent by the question."""
        if self.models.needs_gpu(prediction.provenance["model"]):
            raise InvalidConfig("Candidates are not read on a GPU that is lent by the question; choose another model.")
        return alternatives(self.predictor_of(prediction), prediction)

    def self_test(self, prediction: Prediction) -> Iterator[Step]:
        """Run the self-tests of a translation's directions that nobody ran. Raises ``CoreError``, also where a GPU is lent."""
        made = prediction.provenance
        if self.models.needs_gpu(made["model"]):
            raise InvalidConfig("Self-tests are not run on a GPU that is lent by the question; choose another model.")
        missing = untested(self.self_tests, prediction)
        with self.turns.join(f"{made['model']}|{made['adapter'] if made['adapter'] != 'none' else ''}") as turn:
            for ahead in turn.wait():
                yield Step((), "explore.step_wait", {"count": ahead}, 0.0)
            for index, target in enumerate(missing):
                counts = {"done": index + 1, "total": len(missing)}
                yield Step((), "selftest.working", counts, (index + 0.3) / len(missing))
                self.self_tests.run(self.predictor_of(prediction), prediction, target)

    def attribution(self, prediction: Prediction, index: int) -> Attribution | Unmeasured:
        """What raises the answer at ``index`` over its runner-up, by token and by demonstration."""
        if self.models.needs_gpu(prediction.provenance["model"]):
            measured = self._attribution_on_gpu(prediction, index)
            if isinstance(measured, CoreError):
                raise measured
            return measured
        return attribute(self.predictor_of(prediction), prediction, index)

    def context_use(self, prediction: Prediction, index: int) -> ContextUse | Unmeasured:
        """How the answer at ``index`` uses its demonstrations; not measured where a GPU is lent by the question."""
        if self.models.needs_gpu(prediction.provenance["model"]):
            return Unmeasured("no_weights")
        return context_use(self.predictor_of(prediction), prediction, index)

    def _attribution_or_error(self, prediction: Prediction, index: int) -> Attribution | Unmeasured | CoreError:
        one_thread()
        try:
            return attribute(self.predictor_of(prediction), prediction, index)
        except CoreError as error:
            return error

    def _steps_or_error(self, form: Form, answered: Mapping[str, Prediction]) -> Iterator[Step | CoreError]:
        """In a fork, where a raised error would lose its words."""
        one_thread()
        try:
            yield from self._answer(form, self.predictor(form), answered)
        except CoreError as error:
            yield error

    def _why_or_error(self, prediction: Prediction, index: int) -> Why | CoreError:
        one_thread()
        try:
            return explain(self.predictor_of(prediction), prediction, index)
        except CoreError as error:
            return error

    def _ask_here(self, form: Form, answered: Mapping[str, Prediction]) -> Iterator[Step]:
        """Load, answer from the first candidates while the pool is not read, read it, answer from all."""
        yield Step((), "explore.step_load", {"megabytes": round(Memory.now().process)}, 0.02)
        predictor = self.predictor(form)
        line = f"{form.model}|{form.run}"
        needs = needs_of("agl" if name == UNTRAINED else name for name in form.strategies)
        if "own" in needs and not is_read(predictor.index):
            yield from self._while_reading(line, form, predictor)
        predictor.index.prepare(needs=needs)
        yield from self._in_turn(line, form, predictor, answered)

    def _while_reading(self, line: str, form: Form, predictor: Predictor) -> Iterator[Step]:
        """An answer from the first candidates, then how far the pool is read."""
        quick: tuple[Prediction, ...] = ()
        few = first_candidates(predictor, _query(form, predictor)[0])
        if few is not None:
            for step in self._in_turn(line, form, few, {}):
                quick = step.predictions
                partial = replace(step, partial_pool=FIRST_CANDIDATES, share=0.2 * step.share, finished=False)
                yield replace(partial, response=None)
        for reading in read_pool(predictor.index):
            read = FIRST_CANDIDATES if quick else 0
            yield Step(
                quick, "explore.step_read", _reading_facts(reading), 0.2 + 0.4 * reading.share, partial_pool=read
            )

    def _in_turn(
        self, line: str, form: Form, predictor: Predictor, answered: Mapping[str, Prediction]
    ) -> Iterator[Step]:
        """The answer, once nobody who asked the same model before is waiting."""
        with self.turns.join(line) as turn:
            for ahead in turn.wait():
                yield Step((), "explore.step_wait", {"count": ahead}, 0.0)
            yield from self._answer(form, predictor, answered)

    def _answer(self, form: Form, predictor: Predictor, answered: Mapping[str, Prediction]) -> Iterator[Step]:
        """Answer with a predictor, strategy by strategy."""
        query, detected = _query(form, predictor)
        strategies = tuple(dict.fromkeys("agl" if s == UNTRAINED and not form.run else s for s in form.strategies))
        if not strategies:
            raise InvalidQuery("No strategy is chosen; choose at least one way to pick demonstrations.")
        done: tuple[Prediction, ...] = ()
        answers = tuple(form.answer_languages) or (query.language,)
        for index, strategy in enumerate(strategies):
            if strategy in answered:
                done = (*done, answered[strategy])
                continue
            begun = max(0.05, index / len(strategies))
            used = predictor
            if strategy == UNTRAINED:
                yield Step(done, "explore.step_pool", {}, begun)
                used = self.predictor(replace(form, run=""))
                used.index.prepare()
            yield Step(done, "explore.step_choose", {}, begun)
            current = None
            for current in used.ask(_question(form, used, query, strategy, answers, first=index == 0)):
                if index == 0 and form.edits:
                    current = _with_edits(current, form.edits)
                ready = len(current.answers)
                stage = "explore.step_answer" if ready < len(answers) else "explore.step_explain"
                share = (index + 0.9 * (ready + 1) / (len(answers) + 1)) / len(strategies)
                counts = {"done": min(len(answers), ready + 1), "total": len(answers)}
                yield Step((*done, current), stage, counts, share)
            if current is not None:
                done = (*done, current)
        yield Step(done, "", {}, 1.0, finished=True, response=Response(settled(form, done), done, detected))


def _query(form: Form, predictor: Predictor) -> tuple[Query, Detection | None]:
    """The query in the language chosen, or in the one detected from its text, with the confidence of the detection.

    Raises ``InvalidQuery``, or ``UnknownLanguage`` where the text is in none of the languages or says too little.
    """
    query = checked(Query(form.text, "eng_Latn" if form.language == DETECT else form.language))
    if form.language != DETECT:
        return query, None
    detection = detect(query.text, predictor.task.languages)
    if detection.language is None:
        raise UnknownLanguage(
            f"The language of {query.text[:30]!r} is not certain: {detection.sentence}. Choose it from the list."
        )
    return replace(query, language=detection.language), detection


def _question(
    form: Form, predictor: Predictor, query: Query, strategy: str, answers: tuple[str, ...], first: bool
) -> Question:
    """The question for a predictor; what a person decided about demonstrations concerns the first strategy alone."""
    fixed = _demonstrations(predictor, form.kept, form.edits) if first and form.kept is not None else None
    pinned = _demonstrations(predictor, form.pinned) if first and fixed is None else ()
    name = "agl" if strategy == UNTRAINED else strategy
    return Question(query, name, form.k, answers, form.pool_languages or None, form.seed, fixed=fixed, pinned=pinned)


def _reading_facts(reading: Reading) -> dict[str, Any]:
    """How far the pool is read, for a person."""
    seconds = reading.seconds_left
    left = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
    return {"done": f"{reading.done:,}", "total": f"{reading.total:,}", "left": left}


def _settings(usual: Settings, model: Engine, form: Form) -> Settings:
    """A model's usual settings, those of its card, with what a form says otherwise."""
    prompt = PromptConfig.of(form.prompt, usual.prompt.reserve) if form.prompt else usual.prompt
    calibration = usual.calibration if form.calibration == AUTO else form.calibration
    return replace(usual, policy=_policy(model, form), prompt=prompt, calibration=calibration)


def _policy(model: Engine, form: Form) -> PolicyConfig:
    """The form's policy; with a run in use, the one that was trained."""
    if model.projection is None:
        return PolicyConfig(temperature=form.temperature)
    return settings_of(model).policy


def _demonstrations(
    predictor: Predictor, ids: tuple[str, ...], edits: tuple[Edit, ...] = ()
) -> tuple[Demonstration, ...]:
    """The pool's examples with these ids, in this order and as edited; an id that is not in the pool is passed over."""
    by_id = {example.id: example for example in predictor.index.pool.examples if example.id in set(ids)}
    for edit in edits:
        if edit.label is not None and edit.label not in predictor.task.labels:
            raise InvalidQuery(
                f"The label {edit.label[:40]!r} is none of this task; choose one of {', '.join(predictor.task.labels)}."
            )
        if (example := by_id.get(edit.id)) is not None:
            text = " ".join((edit.text or example.text).split())
            by_id[edit.id] = replace(example, text=text, label=edit.label or example.label)
    return tuple(Demonstration(by_id[identity], None, None) for identity in ids if identity in by_id)


def _with_edits(prediction: Prediction, edits: tuple[Edit, ...]) -> Prediction:
    """The prediction, whose provenance lists what was changed in its demonstrations."""
    changes = "; ".join(
        f"{edit.id} " + ", ".join(f"{side} {value!r}" for side, value in asdict(edit).items() if value and side != "id")
        for edit in edits
    )
    provenance = {**prediction.provenance, "edited": f"{prediction.provenance['edited']} | changed: {changes}"}
    return replace(prediction, provenance=provenance)
