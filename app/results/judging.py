"""A model that grades what raters rate, without gradio: an organiser starts it, sees how far it is, stops it and lets it go on.

It reads what raters read: task, source, the outputs one by one, question and words of the points in the language of the output, and
reference or context where the design shows them. It never sees a rating. Scores are stored some at a time, so that a stop, or an end of
the program, loses at most the last few, and the same model goes on where it was.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import langcodes

from annotation.criteria import in_language
from annotation.errors import AnnotationError, InvalidRecord, UnknownStudy
from annotation.judge_records import Judge, NewJudge, NewScore
from annotation.records import Criterion, OutputRecord, Study
from annotation.scales import labels_of
from annotation.store import RatingStore
from app.criteria import criterion_label
from app.results.ratings import Authority
from app.texts import ENGLISH, catalogue
from core.errors import CoreError
from core.inference.grading import PROMPT_VERSION, Grade, GradedText, GradingScale, grade
from core.models.engine import Engine
from core.scoring import Scores

AT_ONCE = 24  # scores between two looks at whether to stop


@dataclass(frozen=True)
class Judging:
    """How far a model is that grades now, or the last one."""

    slug: str
    model: str
    done: int = 0
    total: int = 0
    going: bool = True
    stopped: bool = False
    error: str = ""


class JudgeService:
    """Serves organisers, and nobody else; one model grades at a time."""

    def __init__(
        self, store: RatingStore, authority: Authority | None, open_model: Callable[[str], tuple[Engine, Scores]]
    ) -> None:
        """``open_model``: a model by name with its scorer, as Explore has them. Raises ``CoreError``."""
        self._store, self._authority, self._open_model = store, authority, open_model
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._progress: Judging | None = None
        self._thread: threading.Thread | None = None

    def start(self, session: object, slug: object, model: str) -> None:
        """Lets a model grade what it has not graded yet. Raises AnnotationError, also while another one goes on."""
        study = self._study(session, slug)
        if study.state in ("draft", "withdrawn"):
            raise InvalidRecord(f"{study.name} is {study.state}; open it first.", "judge_state", name=study.name)
        with self._lock:
            if self._progress is not None and self._progress.going:
                raise InvalidRecord(
                    f"{self._progress.model} grades now, and one at a time does; stop it, or wait.",
                    "judge_going",
                    model=self._progress.model,
                )
            self._stopping.clear()
            self._progress = Judging(study.slug, model)
            self._thread = threading.Thread(target=self._work, args=(study, model), name="judge", daemon=True)
            self._thread.start()

    def stop(self, session: object) -> None:
        """Asks the model to end after the scores under way; what it gave stays."""
        self._require(session)
        self._stopping.set()

    def wait(self, seconds: float | None = None) -> None:
        """Until the model has ended, at most ``seconds``."""
        if self._thread is not None:
            self._thread.join(seconds)

    def progress(self, session: object, slug: object) -> Judging | None:
        """Of the model that grades this study, or the last that did; None before the first."""
        self._require(session)
        progress = self._progress
        return progress if progress is not None and progress.slug == slug else None

    def judges(self, session: object, slug: object) -> list[Judge]:
        """The models that graded this study."""
        return self._store.judges(self._study(session, slug).id)

    def remove(self, session: object, slug: object, name: str) -> int:
        """Deletes a model's scores; how many. Raises AnnotationError for one that is not there, or that goes on."""
        study = self._study(session, slug)
        progress = self._progress
        if progress is not None and progress.going and progress.slug == study.slug:
            raise InvalidRecord("A model grades this study now; stop it first.", "judge_going", model=progress.model)
        judge = next((one for one in self._store.judges(study.id) if one.name == name), None)
        if judge is None:
            raise InvalidRecord("There is no such model in this study; choose from the list.", "no_judge")
        return self._store.remove_judge(study.id, judge.id)

    def _require(self, session: object) -> None:
        if self._authority is None:
            raise UnknownStudy("Only an organiser lets models grade, and this page has none.")
        self._authority.require(session)

    def _study(self, session: object, slug: object) -> Study:
        self._require(session)
        if not isinstance(slug, str) or not slug:
            raise UnknownStudy("No study is chosen; choose one above.", "no_study")
        return self._store.study(slug)

    def _work(self, study: Study, name: str) -> None:
        """The background thread: whatever goes wrong becomes a sentence, since nobody else would see it."""
        error = ""
        try:
            self._run(study, name)
        except (CoreError, AnnotationError) as caught:
            error = str(caught)
        except Exception as caught:
            logging.getLogger(__name__).exception("the model %s stopped grading", name)
            error = f"{name} ended early ({type(caught).__name__}: {caught}); what it gave is stored, start it again."
        self._report(going=False, stopped=self._stopping.is_set(), error=error)

    def _run(self, study: Study, name: str) -> None:
        for judge in grade_study(self._store, study, *self._open_model(name)):
            self._report(done=judge.scored, total=judge.total)
            if self._stopping.is_set():
                return

    def _report(self, **changes: object) -> None:
        assert self._progress is not None
        self._progress = replace(self._progress, **changes)  # type: ignore[arg-type]


def grade_study(store: RatingStore, study: Study, model: Engine, scorer: Scores) -> Iterator[Judge]:
    """Grades what the model has not graded yet: the judge as it is before the first grades, and after each ``AT_ONCE`` are stored.

    Raises CoreError, AnnotationError.
    """
    facts = {"precision": model.config.precision, "scoring": scorer.method, "adapter": model.config.adapter}
    judge = store.ensure_judge(study.id, NewJudge(model.config.name, model.fingerprint, PROMPT_VERSION, facts))
    yield judge
    outputs = {one.output_id: one for one in store.outputs(study.id)}
    criteria = {one.key: one for one in study.criteria}
    todo = store.unscored(judge.id)
    for start in range(0, len(todo), AT_ONCE):
        part = todo[start : start + AT_ONCE]
        pairs = [(text_of(outputs[output], study), scale_of(criteria[key], outputs[output])) for output, key in part]
        scores = _scores(part, grade(scorer, pairs))
        store.store_scores(judge.id, scores)
        judge = replace(
            judge,
            scored=judge.scored + len(scores),
            too_long=judge.too_long + sum(one.value is None for one in scores),
        )
        yield judge


def text_of(output: OutputRecord, study: Study) -> GradedText:
    """An output with what raters see beside it."""
    return GradedText(
        task=output.task,
        source=output.source_text,
        source_language=_english(output.item_language),
        output=output.text,
        output_language=_english(output.language),
        reference=(output.reference or "") if "reference" in study.materials else "",
        context=(output.context or "") if "context" in study.materials else "",
    )


def scale_of(criterion: Criterion, output: OutputRecord) -> GradingScale:
    """A criterion with the words of its points in the language of the output, as its raters read them."""
    _, question, anchors = in_language(criterion, output.language)
    scale = criterion.scale
    name = criterion_label(criterion, catalogue(ENGLISH))
    return GradingScale(name, question, scale.low, scale.high, tuple(labels_of(scale, anchors)))


def _english(tag: str) -> str:
    return langcodes.Language.get(tag).display_name("en")


def _scores(pairs: Sequence[tuple[int, str]], grades: Sequence[Grade | None]) -> list[NewScore]:
    """Grades as they are stored; a text that was too long for the model has none, and says so by that."""
    return [
        NewScore(output, key, None, None, (), "0" * 64)
        if one is None
        else NewScore(
            output,
            key,
            one.value,
            one.expected,
            tuple(round(float(p), 6) for p in one.probabilities),
            one.prompt_sha256,
        )
        for (output, key), one in zip(pairs, grades, strict=True)
    ]
