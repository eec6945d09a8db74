"""A question with its whole answer under one id, and the variants that a person made of it.

Link, file, cards, Why and what is sent to a study are views of one ``Response``; whatever has been typed since changes none of them.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field, replace

from app.explore.form import DETECT, UNTRAINED, Form
from core.data.prompt_variants import prompt_variants
from core.language_id import Detection
from core.models.loading import PRECISIONS
from core.records import Prediction


@dataclass(frozen=True)
class Response:
    """A finished question. ``form`` is settled: nothing in it is left to a default or to detection."""

    form: Form
    predictions: tuple[Prediction, ...]
    detected: Detection | None = None  # where the language was detected from the text
    id: str = ""

    def __post_init__(self) -> None:
        """Name it by the question and the weights: the same question has the same id wherever it is asked."""
        fingerprints = sorted({prediction.provenance.get("fingerprint", "") for prediction in self.predictions})
        content = json.dumps([asdict(self.form), fingerprints], sort_keys=True, ensure_ascii=False)
        object.__setattr__(self, "id", hashlib.sha256(content.encode()).hexdigest()[:10])

    def as_json(self) -> str:
        """Everything about the answer, for a file."""
        content = {
            "id": self.id,
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "form": asdict(self.form),
            "predictions": [asdict(prediction) for prediction in self.predictions],
        }
        return json.dumps(content, ensure_ascii=False, indent=1)


def settled(form: Form, predictions: tuple[Prediction, ...]) -> Form:
    """The form with what was decided on the way: the language, and the precision."""
    first = predictions[0]
    strategies = ("agl" if name == UNTRAINED and not form.run else name for name in form.strategies)
    precision = next((name for name in PRECISIONS if name == first.provenance["precision"]), form.precision)
    return replace(
        form,
        text=first.query.text,
        language=first.query.language if form.language == DETECT else form.language,
        answer_languages=form.answer_languages or tuple(answer.language for answer in first.answers),
        strategies=tuple(dict.fromkeys(strategies)),
        model=first.provenance["model"] if "://" not in first.provenance["model"] else form.model,
        precision=precision,
        prompt=first.provenance["prompt"] if first.provenance["prompt"] in prompt_variants() else form.prompt,
        calibration=first.provenance["calibration"],
    )


@dataclass(frozen=True)
class Variant:
    """One response among those that a person compares."""

    name: str  # A, B, C, ...
    change: str  # key of the interface texts: what was done to the one before
    response: Response
    values: dict[str, object] = field(default_factory=dict)  # what the text is filled with
    origin: str = ""  # name of the variant it was made from; "" for the first


@dataclass(frozen=True)
class Thread:
    """A question's variants, the one on show, and what is pinned for the next question."""

    variants: tuple[Variant, ...] = ()
    position: int = 0
    pinned: tuple[str, ...] = ()
    sent: tuple[int, ...] = ()  # outputs that the last press on Send added to Rate

    @property
    def variant(self) -> Variant | None:
        """The variant on show."""
        return self.variants[self.position] if self.variants else None

    @property
    def response(self) -> Response | None:
        """The response on show."""
        return None if self.variant is None else self.variant.response

    @property
    def origin(self) -> Response | None:
        """The response that the one on show was made from."""
        variant = self.variant
        if variant is None or not variant.origin:
            return None
        return next((other.response for other in self.variants if other.name == variant.origin), None)

    def begin(self, response: Response) -> "Thread":
        """A new question; its variants start with A."""
        return replace(self, variants=(Variant("A", "variant.chosen", response),), position=0, sent=())

    def add(self, change: str, values: dict[str, object], response: Response) -> "Thread":
        """A variant of the response on show, put on show; one that is there already is only shown."""
        for position, other in enumerate(self.variants):
            if other.response.id == response.id:
                return replace(self, position=position)
        variants = self.variants
        if len(variants) >= MOST_VARIANTS:  # the first stays: everything is compared with it
            variants = (variants[0], *variants[2:])
        origin = "" if self.variant is None else self.variant.name
        added = Variant(_next_name(self.variants), change, response, values, origin)
        return replace(self, variants=(*variants, added), position=len(variants), sent=())

    def show(self, name: str) -> "Thread":
        """The thread with the variant of this name on show; itself where there is none such."""
        position = next((i for i, variant in enumerate(self.variants) if variant.name == name), self.position)
        return replace(self, position=position)

    def undo(self) -> "Thread":
        """Back to what the variant on show was made from."""
        return self if self.variant is None or not self.variant.origin else self.show(self.variant.origin)


MOST_VARIANTS = 12


def _next_name(variants: tuple[Variant, ...]) -> str:
    """A to Z, then A2 to Z2, and so on, after the last one given."""
    if not variants:
        return "A"
    last = variants[-1].name
    letter, number = last[0], int(last[1:] or 1)
    if letter == "Z":
        return f"A{number + 1}"
    return f"{chr(ord(letter) + 1)}{number if number > 1 else ''}"
