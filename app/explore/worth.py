"""What an answer's certainty has been worth, where answers like it were counted: same model, prompt, calibration and kind of choice."""

from pathlib import Path

from core.inference.certainty import certainty_of
from core.models.catalogue import cards, settled_name
from core.records import Prediction


def worth_of(prediction: Prediction) -> tuple[float, int] | None:
    """``(share of right answers, number of answers)`` among those as certain as the first answer; None where none were counted.

    Nothing is said of what was not counted: other prompts, calibrations, strategies or numbers of demonstrations, a closed-loop run,
    demonstrations changed by hand.
    """
    if not prediction.answers:
        return None
    first, made = prediction.answers[0], prediction.provenance
    card = cards().get(Path(settled_name(made["model"])).name)
    if card is None or first.label is None or first.confidence is None:
        return None
    certainty = certainty_of(card.name)
    as_counted = (
        made["prompt"] == certainty.prompt
        and made["calibration"] == certainty.calibration
        and made["strategy"] in certainty.strategies
        and made["k"] == str(certainty.k)
        and made["adapter"] == "none"
        and made["edited"] == "no"
        and made["from"] == "all"
    )
    worth = certainty.worth(prediction.task, first.language, first.confidence) if as_counted else None
    return None if worth is None else (worth.right, worth.n)
