"""What a press on a demonstration's card does, without gradio: pin, drop, move."""

from dataclasses import dataclass

from core.records import Prediction

ACTIONS = ("pin", "drop", "earlier", "later")


@dataclass(frozen=True)
class Edit:
    """The demonstrations after a press."""

    pinned: tuple[str, ...]  # ids that stay when the rest is chosen anew
    kept: tuple[str, ...] | None  # ids to ask again with, best first; None: nothing is asked


def pressed(action: str, identity: str, prediction: Prediction, pinned: tuple[str, ...]) -> Edit | None:
    """The outcome of ``action`` on the demonstration ``identity``; None for what is not there or cannot move further."""
    shown = [entry.example.id for entry in prediction.selection.demonstrations]
    if identity not in shown or action not in ACTIONS:
        return None
    if action == "pin":
        if identity in pinned:
            return Edit(tuple(other for other in pinned if other != identity), None)
        return Edit((*pinned, identity), None)
    place = shown.index(identity)
    if action == "drop":
        return Edit(tuple(other for other in pinned if other != identity), (*shown[:place], *shown[place + 1 :]))
    other = place + (1 if action == "later" else -1)
    if not 0 <= other < len(shown):
        return None
    shown[place], shown[other] = shown[other], shown[place]
    return Edit(pinned, tuple(shown))
