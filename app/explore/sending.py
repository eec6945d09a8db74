"""Answers of Explore as outputs to rate."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.errors import InvalidRecord
from annotation.records import NewOutput
from annotation.store import RatingStore
from annotation.study_records import AddReport
from core.languages import language
from core.records import Prediction

MOST_OUTPUTS = 8  # systems that one item can have on the rating page


def outputs_of(prediction: Prediction) -> list[NewOutput]:
    """The answers of a prediction as outputs to rate, each with everything needed to make it again."""
    query = prediction.query
    item = f"{prediction.task}|{language(query.language).tag}|{query.text}"
    demonstrations = [entry.example.id for entry in prediction.selection.demonstrations]
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
                "demonstrations": demonstrations,
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
    usual = {
        "from": "all",
        "prompt": "native",
        "label_score": "sum",
    }  # named only where they are another, as in older names
    narrowed = tuple(key for key, value in usual.items() if provenance.get(key, value) != value)
    return "|".join(
        [provenance["strategy"], *(f"{key}={provenance[key]}" for key in (*keys, *narrowed) if key != "strategy")]
    )


def send(store: RatingStore, study_id: int, predictions: Sequence[Prediction]) -> AddReport:
    """Put the outputs of finished predictions into a study. Raises ``InvalidRecord`` past ``MOST_OUTPUTS`` systems an item."""
    new = [output for prediction in predictions for output in outputs_of(prediction)]
    systems: dict[str, set[str]] = {}
    for stored in store.outputs(study_id):
        systems.setdefault(stored.item_key, set()).add(stored.system)
    for output in new:
        systems.setdefault(output.item_key, set()).add(output.system)
        if len(systems[output.item_key]) > MOST_OUTPUTS:
            raise InvalidRecord(
                f"This text already has {MOST_OUTPUTS} different systems to rate, which is as many as one page shows; "
                "rate those first, or send another text."
            )
    return store.add_outputs(study_id, new)


@dataclass(frozen=True)
class Outbox:
    """Where outputs of Explore go."""

    store: RatingStore
    study_id: int
    slug: str

    def send(self, predictions: Sequence[Prediction]) -> AddReport:
        """Put the outputs into the study; see ``send``."""
        return send(self.store, self.study_id, predictions)

    def take_back(self, output_ids: Sequence[int]) -> int:
        """Take outputs out of the study again, but for those that a rater was given; how many."""
        return self.store.take_back_outputs(self.study_id, output_ids)
