"""What a press on a demonstration's card does, without gradio: the question that a variant asks, and what was changed."""

from dataclasses import dataclass, field, replace

from app.explore.answer import Response
from app.explore.form import Edit, Form

ACTIONS = ("pin", "drop", "replace", "earlier", "later", "edit", "reverse", "rotate")


@dataclass(frozen=True)
class Outcome:
    """The state after a press."""

    pinned: tuple[str, ...]  # ids that stay when the rest is chosen anew
    form: Form | None = None  # the variant's question; None: nothing is asked
    change: str = ""  # key of the interface texts: what was done
    values: dict[str, object] = field(default_factory=dict)


def pressed(
    action: str, identity: str, response: Response, pinned: tuple[str, ...], text: str = "", label: str = ""
) -> Outcome | None:
    """The outcome of ``action`` on the demonstration ``identity``; None for what is not there or changes nothing.

    ``text`` and ``label`` are what an edited demonstration says now; for "replace" ``text`` is the id of what comes in its place.
    "reverse" and "rotate" concern all demonstrations: their order, and their labels, each of which goes to the next.
    """
    demonstrations = response.predictions[0].selection.demonstrations
    ids = [entry.example.id for entry in demonstrations]
    if action in ("reverse", "rotate") and len(ids) > 1:
        if action == "reverse":
            return Outcome(pinned, _variant(response, ids[::-1]), "variant.reversed")
        labels = [entry.example.label for entry in demonstrations]
        edits = [Edit(name, label=new) for name, new in zip(ids, [*labels[1:], labels[0]], strict=True)]
        return Outcome(pinned, _variant(response, ids, edits), "variant.rotated") if len(set(labels)) > 1 else None
    if identity not in ids or action not in ACTIONS:
        return None
    index = ids.index(identity)
    values: dict[str, object] = {"number": index + 1}
    if action == "pin":
        others = tuple(other for other in pinned if other != identity)
        return Outcome(others if identity in pinned else (*pinned, identity))
    if action in ("drop", "replace"):
        return _taken_out(response, ids, index, pinned, text if action == "replace" else None)
    if action == "edit":
        example = demonstrations[index].example
        edit = Edit(identity, _changed(text, example.text), _changed(label, example.label))
        if edit == Edit(identity):
            return None
        return Outcome(pinned, _variant(response, ids, [edit]), "variant.edited", values)
    other = index + (1 if action == "later" else -1)
    if not 0 <= other < len(ids):
        return None
    ids[index], ids[other] = ids[other], ids[index]
    return Outcome(pinned, _variant(response, ids), f"variant.{action}", values)


def _taken_out(
    response: Response, ids: list[str], index: int, pinned: tuple[str, ...], instead: str | None
) -> Outcome | None:
    """The outcome without one demonstration, or with another ``instead`` of it; None for one that is there already."""
    if instead is not None and (not instead or instead in ids):
        return None
    rest = [*ids[:index], *([instead] if instead else []), *ids[index + 1 :]]
    others = tuple(other for other in pinned if other != ids[index])
    change = "variant.replaced" if instead else "variant.dropped"
    return Outcome(others, _variant(response, rest), change, {"number": index + 1})


def _changed(new: str, old: str) -> str | None:
    """What was typed, where it says something else than before."""
    cleaned = " ".join(new.split())
    return cleaned if cleaned and cleaned != old else None


def _variant(response: Response, ids: list[str], edits: list[Edit] | None = None) -> Form:
    """The response's question with these demonstrations; edits made before stay, unless made anew."""
    by_id = {edit.id: edit for edit in response.form.edits if edit.id in ids}
    for edit in edits or []:
        former = by_id.get(edit.id, Edit(edit.id))
        by_id[edit.id] = Edit(edit.id, edit.text or former.text, edit.label or former.label)
    ordered = tuple(by_id[name] for name in sorted(by_id))
    return replace(response.form, kept=tuple(ids), pinned=(), edits=ordered)
